"""The page of a decision, or of a run that stopped before one; markdown for Prefect and MLflow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from assay.errors import Refused
from assay.evidence.decision import Verdict
from assay.evidence.public import PublicDecision, PublicGate
from assay.evidence.waivers import read_waivers
from tasks.gating.table import markdown, rows, shortfalls

# Which gate has said no when a run stops before there is anything to judge.
STOPPED_BY = {"data_invalid": "data_quality", "epsilon_spent": "privacy"}
SEALED = (
    "The sealed holdout answers one bit: promotable or not. Every number and every verdict below "
    "is from the development rows and decides nothing; approver and auditor read the sealed ones "
    "with `assay gates {model}/{version} --as USER`."
)


def write_page(decision: PublicDecision, remedies: Mapping[str, str], link: str) -> str:
    """What was decided, and what to do about it.

    Args:
        decision: As everybody may read it.
        remedies: Gate -> what a person can do.
        link: Address of the version in the registry.
    """
    return "\n".join(_decision_lines(decision, remedies, link))


def write_stop(model: str, refused: Refused, gates: Iterable[str]) -> str:
    """Why a run stopped, and that no other gate was asked.

    Args:
        model: Registered model.
        refused: Where it stopped.
        gates: All gates of the policy.
    """
    culprit = STOPPED_BY.get(refused.code)
    lines = [f"# {model}: BLOCKED before a decision", "", f"`{refused.code}`: {refused.message}"]
    lines += ["", "| gate | verdict | |", "|---|---|---|"]
    for gate in gates:
        verdict, code = (Verdict.FAIL, refused.code) if gate == culprit else (Verdict.NOT_RUN, "")
        lines.append(f"| {gate} | {verdict} | {code or 'not run'} |")
    return "\n".join(lines)


def _decision_lines(
    decision: PublicDecision, remedies: Mapping[str, str], link: str
) -> Iterator[str]:
    name = f"{decision.model}/{decision.version}"
    yield f"# {name}: {'PROMOTABLE' if decision.allowed else 'BLOCKED'}"
    yield ""
    yield SEALED.format(model=decision.model, version=decision.version)
    yield ""
    yield from markdown(rows(decision))
    yield ""
    for denial in decision.denials:
        yield f"* denied: `{denial}`"
    for gate_name, waiver in read_waivers(decision.waivers).items():
        yield f"* **{gate_name}** is waived {waiver}"
    if not decision.allowed:
        for gate in decision.gates.values():
            yield from _advice(gate, remedies[gate.gate])
    yield ""
    yield f"[{name} in the registry]({link}) · decided {_day(decision.decided_at)}, "
    yield f"holds until {_day(decision.expires_at)} · policy `{decision.policy_digest}` · "
    yield f"evidence `{decision.bundle_digest}` · sealed decision `{decision.sealed_digest}`"


def _advice(gate: PublicGate, remedy: str) -> Iterator[str]:
    """What the development rows do not show of a gate; a remedy where they show a fault."""
    if gate.verdict is Verdict.NOT_RUN and not gate.fault:
        yield f"* **{gate.gate}** is not measured on the development rows."
    elif gate.verdict is not Verdict.PASS:
        yield f"* **{gate.gate}** {gate.verdict}: {shortfalls(gate)}. {remedy}"


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")
