"""The doors of watching: a node for each model, the table, and who is told."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from prefect.artifacts import create_table_artifact
from prefect.events import emit_event
from prefect.logging import get_run_logger

from assay.errors import AssayError, Refused
from assay.home import find_home
from assay.registry.asking import Asker
from assay.registry.finding import Finding
from tasks.door import door

REVERTED = "assay.champion.reverted"
ALARM = "assay.champion.unknown"


@dataclass(frozen=True, slots=True)
class Row:
    """One model's line of the table."""

    model: str
    outcome: str
    champion: str
    code: str
    told: str


@door("list the models")
def list_models() -> tuple[str, ...]:
    """Every model that may have a champion."""
    return _asker().models()


def audit_models(models: Iterable[str]) -> list[Row]:
    """A node for each model; one that is reverted or cannot be judged does not stop the others."""
    return [_audited(model) for model in models]


@door("audit", run_name="audit {model}")
def audit_model(*, model: str) -> Row:
    """Blocked when the server moved the alias, Failed when it could not tell."""
    try:
        found = _asker().audit(model)
    except AssayError as error:
        _tell(ALARM, model, {"code": error.code, "told": error.message})
        raise
    if found.reverted:
        _tell(REVERTED, model, {"code": found.code, "told": _told(found)})
        raise Refused(found.code, _told(found))
    return Row(model, found.outcome.value, found.champion or "none", found.code, found.told)


@door("show findings")
def show_findings(rows: list[Row]) -> None:
    """The table as an artifact of the run."""
    table = [{name: getattr(row, name) for name in Row.__slots__} for row in rows]
    create_table_artifact(table, key="champions", description="What an audit of each found")


def _audited(model: str) -> Row:
    try:
        return audit_model(model=model)
    except Refused as reverted:
        return Row(model, "reverted", "moved", reverted.code, reverted.message)
    except AssayError as error:
        return Row(model, "alarm", "not known", error.code, error.message)


def _told(found: Finding) -> str:
    moved = f"champion of {found.model} was {found.found or 'none'}, is {found.champion or 'none'}"
    return f"{moved} ({found.outcome}); {found.told}; entry {found.entry} of the ledger"


def _tell(event: str, model: str, payload: dict[str, str]) -> None:
    """Whoever listens to Prefect's events, and whoever reads the run's log."""
    get_run_logger().error("%s: %s: [%s] %s", event, model, payload["code"], payload["told"])
    emit_event(event, {"prefect.resource.id": f"assay.model.{model}"}, payload=payload)


def _asker() -> Asker:
    return Asker(os.environ["MLFLOW_TRACKING_URI"], find_home())
