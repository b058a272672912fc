"""A candidate becomes a version: its run, its bytes, its card."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import mlflow
from mlflow.entities import Metric, Param

from assay.evidence.artifacts import Candidate
from assay.evidence.statement import Evidence
from assay.registry.wrapper import LOADER
from assay.spec import PipelineSpec
from tasks.promotion.card import write_card
from tasks.promotion.client import registry
from tasks.promotion.curve import draw_curve

CURVE, GATES = "curve.png", "gates.png"
QUALITY = "validation.md"
DECLARATION = "pipeline.json"


class Epoch(Protocol):
    """Losses of one epoch."""

    @property
    def fitted(self) -> float:
        """On the rows that were fitted."""

    @property
    def selection(self) -> float:
        """On rows of the release that only chose the epoch."""


class Curve(Protocol):
    """A training curve."""

    @property
    def epochs(self) -> tuple[Epoch, ...]:
        """At least one."""

    @property
    def best(self) -> int:
        """Index of the epoch whose weights were kept."""


@dataclass(frozen=True, slots=True)
class Version:
    """A registered version.

    Attributes:
        model: Registered model.
        number: Its version.
        run: Id of the MLflow run.
        experiment: Id of the run's experiment.
    """

    model: str
    number: str
    run: str
    experiment: str


def register(
    spec: PipelineSpec, candidate: Candidate, training: Evidence, curve: Curve, quality: str
) -> Version:
    """Log a candidate and register it, as the user who is signed in.

    Args:
        spec: The declared pipeline.
        candidate: The payload that is uploaded.
        training: Of kind `training`: what it was made from.
        curve: Its losses.
        quality: The validation report, as markdown without values.

    Raises:
        Refused: The registry says no, with its own words.
        Unavailable: It does not answer.
    """
    with registry() as client, tempfile.TemporaryDirectory(prefix="assay-run-") as scratch:
        experiment = mlflow.set_experiment(spec.model).experiment_id
        with mlflow.start_run(experiment_id=experiment, run_name=candidate.digest[7:15]) as run:
            client.log_batch(
                run.info.run_id, params=list(_params(spec, training)), metrics=list(_losses(curve))
            )
            _write_papers(Path(scratch), spec, curve, quality)
            client.log_artifacts(run.info.run_id, scratch)
            logged = mlflow.pyfunc.log_model(
                name="model",
                loader_module=LOADER,
                data_path=str(candidate.folder),
                pip_requirements=[f"mlflow=={mlflow.__version__}"],
            )
        row = client.create_model_version(
            spec.model,
            logged.model_uri,
            run.info.run_id,
            model_id=logged.model_id,
            description=write_card(spec, training, picture=_picture(run.info.run_id)),
        )
        return Version(spec.model, str(row.version), run.info.run_id, experiment)


def describe(
    spec: PipelineSpec, version: Version, training: Evidence, decided: str, gates: bytes | None
) -> None:
    """Renew a version's card, now that something was decided.

    Args:
        spec: The declared pipeline.
        version: Which one.
        training: Of kind `training`.
        decided: The decision's page.
        gates: Its bounds against their bars, as PNG; None where there are none to draw.

    Raises:
        Refused: The registry says no, with its own words.
        Unavailable: It does not answer.
    """
    card = write_card(spec, training, picture=_picture(version.run), decided=decided)
    with registry() as client, tempfile.TemporaryDirectory(prefix="assay-run-") as scratch:
        client.update_model_version(version.model, version.number, card)
        if gates is not None:
            (Path(scratch) / GATES).write_bytes(gates)
            client.log_artifact(version.run, str(Path(scratch) / GATES))


def _picture(run: str) -> str:
    """The one address that MLflow's pages show a picture of a run by."""
    return f"get-artifact?path={CURVE}&run_uuid={run}"


def _params(spec: PipelineSpec, training: Evidence) -> Iterator[Param]:
    """What was declared and from what it was made, flat."""
    told = {
        "source": spec.data.source,
        "privacy": spec.privacy.model_dump(mode="json"),
        "training": dict(training.config),
        "materials": dict(training.materials),
    }
    yield from (Param(key, str(value)[:6000]) for key, value in _flat(told))


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        elif value is not None:
            yield f"{above}{key}", value


def _losses(curve: Curve) -> Iterator[Metric]:
    for step, epoch in enumerate(curve.epochs, start=1):
        yield Metric("loss.fitted", epoch.fitted, 0, step)
        yield Metric("loss.selection", epoch.selection, 0, step)


def _write_papers(folder: Path, spec: PipelineSpec, curve: Curve, quality: str) -> None:
    fitted = [epoch.fitted for epoch in curve.epochs]
    selection = [epoch.selection for epoch in curve.epochs]
    (folder / CURVE).write_bytes(draw_curve(fitted, selection, curve.best))
    (folder / QUALITY).write_text(quality, encoding="utf-8")
    (folder / DECLARATION).write_bytes(spec.canonical())
