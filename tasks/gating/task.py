"""The doors of gating: a node for each gate, the page, and the end."""

from __future__ import annotations

import base64
import os
from typing import Any

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)
from prefect.client.schemas import State
from prefect.states import Completed

from assay.errors import Refused
from assay.evidence.decision import Verdict
from assay.evidence.public import PublicDecision, PublicGate
from assay.home import find_home
from assay.policy.rules import load_policy
from assay.spec import load_spec
from tasks.door import door
from tasks.gating.page import write_page, write_stop
from tasks.gating.picture import draw_gates
from tasks.gating.table import rows, shortfalls


def show_gates(decision: PublicDecision) -> tuple[str, bytes | None]:
    """A node for each gate, then the page; returns the page and its picture."""
    for gate in decision.gates.values():
        show_gate(gate=gate, allowed=decision.allowed)
    return show_page(decision)


@door("show gate", run_name="gate {gate.gate}", onward=True)
def show_gate(*, gate: PublicGate, allowed: bool) -> State[Any]:
    """A node that is named by its verdict on the development rows.

    Of a version that is not promotable, a gate that the development rows do not show to pass is
    Blocked. The sealed verdict of a single gate is nobody's to see here.
    """
    if gate.verdict is not Verdict.PASS and not allowed:
        raise Refused(gate.fault or gate.verdict.lower(), shortfalls(gate))
    return Completed(name=gate.verdict.value, message=shortfalls(gate))


@door("show page")
def show_page(decision: PublicDecision) -> tuple[str, bytes | None]:
    """The page, the table and the version's address as artifacts of the run."""
    page = write_page(decision, load_policy(find_home().policy).remedies, _link(decision))
    picture = draw_gates(decision)
    shown = page if picture is None else f"{page}\n\n![gates]({_inline(picture)})"
    create_markdown_artifact(shown, key=f"decision-{decision.model}", description="The decision")
    create_table_artifact(
        list(rows(decision)),
        key=f"gates-{decision.model}",
        description="Every bar; numbers from the development rows",
    )
    create_link_artifact(
        _link(decision), key=f"version-{decision.model}", description="The version in the registry"
    )
    return page, picture


@door("require promotable", onward=True)
def require_promotable(decision: PublicDecision) -> PublicDecision:
    """Let a promotable version pass; any other leaves a Blocked node."""
    if not decision.allowed:
        raise Refused(
            "not_promotable",
            f"expected every gate of {decision.model}/{decision.version} to pass, found that "
            f"they do not; see {_link(decision)}",
        )
    return decision


def show_answer(decision: PublicDecision) -> PublicDecision | None:
    """A decision that was made before is shown again, and ends the run as it did then."""
    show_gates(decision)
    return require_promotable(decision)


@door("show refusal")
def show_refusal(refused: Refused, pipeline: str) -> None:
    """The page of a run that ended before there was a decision to show."""
    model = load_spec(pipeline).model
    gates = load_policy(find_home().policy).remedies
    page = write_stop(model, refused, gates)
    create_markdown_artifact(page, key=f"decision-{model}", description="Why the run stopped")


def _link(decision: PublicDecision) -> str:
    registry = os.environ["MLFLOW_TRACKING_URI"]
    return f"{registry}/#/models/{decision.model}/versions/{decision.version}"


def _inline(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"
