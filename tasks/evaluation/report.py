"""The development report: what each group met, as a small table that anyone may see.

Fairlearn's `MetricFrame` counts the development predictions by group; each rate has its exact
bound. Fairlearn's own rates are not used: the one of a group without such rows is 0, not unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from fairlearn.metrics import MetricFrame, count
from numpy.typing import NDArray

from assay.errors import EvidenceError
from assay.evidence.statement import Evidence
from assay.evidence.values import Bound
from assay.home import Home
from assay.measures import clopper_pearson, read_outcomes
from assay.measures.predictions import read_predictions
from assay.measures.tables import GROUP, Columns
from assay.policy.rules import ModelRules

COUNTS = {
    "n": count,
    "approved": lambda good, approved: int(approved.sum()),
    "deserving": lambda good, approved: int(good.sum()),
    "granted": lambda good, approved: int((good & approved).sum()),
    "excused": lambda good, approved: int((~good & approved).sum()),
}


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One line of the report.

    Attributes:
        comparison: What is compared, such as `SEX` or `SEX*AGE`.
        group: The group's levels, such as `0` or `0*<35`.
        n: Development rows of the group.
        approved: Rate of the favourable prediction.
        granted: The same among those whose label is favourable; None when there are none.
        excused: The same among those whose label is unfavourable; None when there are none.
    """

    comparison: str
    group: str
    n: int
    approved: Bound
    granted: Bound | None
    excused: Bound | None


def development_report(
    evidence: Evidence, rules: ModelRules, home: Home, alpha: float
) -> tuple[GroupRow, ...]:
    """What every gating group and product met, on the development rows.

    Args:
        evidence: Of kind `fairness`; names the development predictions.
        rules: The policy's row of the model.
        home: Where the outcome tables are.
        alpha: Error probability of each end of each bound.

    Raises:
        EvidenceError: The evidence names no development predictions, or they are gone or altered.
    """
    digest = evidence.materials.get("development:predictions")
    if digest is None:
        raise EvidenceError("missing", "expected evidence that names development predictions")
    columns = read_predictions({"predictions": read_outcomes(home.sealed_outcomes, digest)})
    comparisons = [*((name,) for name in rules.groups), *rules.products]
    return tuple(
        row
        for comparison in comparisons
        for row in _rows(comparison, columns, rules.unfavourable, alpha)
    )


def _rows(
    comparison: tuple[str, ...], columns: Columns, unfavourable: int, alpha: float
) -> Iterator[GroupRow]:
    frame = MetricFrame(
        metrics=COUNTS,
        y_true=columns["label"] != unfavourable,
        y_pred=columns["predicted"] != unfavourable,
        sensitive_features=_levels(comparison, columns),
    )
    for group, counts in frame.by_group.to_dict("index").items():
        yield _row("*".join(comparison), str(group), counts, alpha)


def _levels(comparison: tuple[str, ...], columns: Columns) -> NDArray[Any]:
    """Each row's group or intersection, by name."""
    levels = zip(*(columns[GROUP + name] for name in comparison), strict=True)
    return np.array(["*".join(cell) for cell in levels], dtype=object)


def _row(comparison: str, group: str, counts: Mapping[str, Any], alpha: float) -> GroupRow:
    n, deserving = int(counts["n"]), int(counts["deserving"])

    def rate(name: str, of: int) -> Bound | None:
        return clopper_pearson(int(counts[name]), of, alpha) if of else None

    return GroupRow(
        comparison,
        group,
        n,
        approved=clopper_pearson(int(counts["approved"]), n, alpha),
        granted=rate("granted", deserving),
        excused=rate("excused", n - deserving),
    )
