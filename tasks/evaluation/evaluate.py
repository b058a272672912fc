"""The six evaluations of a candidate: tables from the model, evidence from `assay.measures`.

All take the same arguments, those of `Sitting`, and answer with `Evidence` whose measurements are
from the sealed holdout and whose `development` is from the development rows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Protocol

import pyarrow as pa

from assay.evidence.artifacts import Candidate, Dataset, Splits
from assay.evidence.statement import Evidence
from assay.home import Home
from assay.models import one_thread
from assay.policy.rules import ModelRules
from assay.spec import PipelineSpec
from tasks.evaluation import attacked, memory, stressed
from tasks.evaluation.predictions import predictions
from tasks.evaluation.sitting import Progress, Sitting


class Evaluation(Protocol):
    """A stage of the evaluation room."""

    def __call__(
        self,
        spec: PipelineSpec,
        rules: ModelRules,
        candidate: Candidate,
        splits: Splits,
        release: Dataset,
        home: Home,
        alpha: float,
        now: int,
        progress: Progress,
    ) -> Evidence:
        """Examine a candidate.

        Raises:
            EvidenceError: Rows, payload or tables are not what their digests say, or hold too
                little to measure anything: `no_rows`, `one_class`, `group_absent`.
        """


def evaluation(stage: Callable[[Sitting], Evidence]) -> Evaluation:
    """Let a stage of one `Sitting` be called with its parts."""

    @wraps(stage)
    def evaluate(
        spec: PipelineSpec,
        rules: ModelRules,
        candidate: Candidate,
        splits: Splits,
        release: Dataset,
        home: Home,
        alpha: float,
        now: int,
        progress: Progress,
    ) -> Evidence:
        sitting = Sitting(spec, rules, candidate, splits, release, home, alpha, now, progress)
        with one_thread():
            evidence = stage(sitting)
        progress(f"{evidence.kind} measured", 1.0)
        return evidence

    return evaluate


@evaluation
def evaluate_utility(sitting: Sitting) -> Evidence:
    """How well the candidate ranks and decides."""
    return sitting.evidence("utility", {}, _read(sitting), _both(sitting))


@evaluation
def evaluate_overfitting(sitting: Sitting) -> Evidence:
    """How much better it is on the rows that it was fitted on than on rows of the same release."""
    materials = {"release": sitting.release.digest}
    return sitting.evidence(
        "overfitting", {}, materials, {"outcomes": {"fit": memory.fit(sitting)}}
    )


@evaluation
def evaluate_robustness(sitting: Sitting) -> Evidence:
    """Whom it still turns down when they move what the policy says they can move."""
    config = sitting.spec.evaluation.robustness.model_dump(mode="json")
    config |= {"seed": sitting.spec.training.seed, "mutable": sitting.rules.attacked}
    tables, forwards = _both(sitting), 0
    for index, (side, dataset) in enumerate(sitting.sides.items()):
        table, taken = attacked.robustness(sitting, dataset, _part(sitting, index))
        tables[side]["robustness"], forwards = table, forwards + taken
    config["forwards"] = forwards
    return sitting.evidence("robustness", config, _read(sitting), tables)


@evaluation
def evaluate_stress(sitting: Sitting) -> Evidence:
    """What broken feeds and edge cases do to its decisions."""
    config = sitting.spec.evaluation.stress.model_dump(mode="json")
    config["seed"] = sitting.spec.training.seed
    tables = _both(sitting)
    for index, (side, dataset) in enumerate(sitting.sides.items()):
        tables[side]["stress"] = stressed.stress(sitting, dataset, _part(sitting, index))
    return sitting.evidence("stress", config, {}, tables)


@evaluation
def evaluate_fairness(sitting: Sitting) -> Evidence:
    """Whether the policy's groups are approved alike."""
    config = {
        "groups": list(sitting.rules.groups),
        "products": [list(columns) for columns in sitting.rules.products],
    }
    return sitting.evidence("fairness", config, {}, _both(sitting))


@evaluation
def evaluate_membership(sitting: Sitting) -> Evidence:
    """Whether an attacker recognises the rows that it was made from."""
    config = sitting.spec.evaluation.membership.model_dump(mode="json")
    materials = {"train": sitting.splits.train.digest, **_read(sitting)}
    tables = {"outcomes": {"membership": memory.membership(sitting)}}
    return sitting.evidence("membership", config, materials, tables)


def _both(sitting: Sitting) -> dict[str, dict[str, pa.Table]]:
    """The clean predictions on either side."""
    return {
        side: {"predictions": predictions(sitting, dataset)}
        for side, dataset in sitting.sides.items()
    }


def _read(sitting: Sitting) -> dict[str, str]:
    splits = sitting.splits
    return {"holdout": splits.holdout.digest, "development": splits.development.digest}


def _part(sitting: Sitting, index: int) -> Progress:
    """Progress of one of the two sides, as a fraction of the whole."""
    side = ("holdout", "development")[index]
    return lambda message, done: sitting.progress(f"{side}: {message}", (index + done) / 2)
