"""The table `predictions` and what is counted from it; four kinds of evidence rest on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import EvidenceError
from assay.measures.bounds import Proportion
from assay.measures.request import Tables
from assay.measures.tables import Columns, read_table


def read_predictions(tables: Tables) -> Columns:
    """The predictions, once they agree with their own scores.

    Raises:
        EvidenceError: As `read_table`; `malformed` when a score is outside of [0, 1] or a
            prediction is not `score > .5`; `one_class` when a label has no row.
    """
    columns = read_table("predictions", tables)
    score = columns["score"]
    if not ((score >= 0) & (score <= 1)).all():
        raise EvidenceError("malformed", "expected predicted scores in [0, 1]")
    if not np.array_equal(columns["predicted"], score > 0.5):
        raise EvidenceError("malformed", "expected each prediction to follow from its score")
    require_both_labels(columns["label"])
    return columns


def require_both_labels(label: NDArray[Any]) -> None:
    """Refuse rows of one class: nothing about the other one can be said.

    Raises:
        EvidenceError: `one_class`.
    """
    if len(np.unique(label)) != 2:
        raise EvidenceError("one_class", "expected rows of both labels, found one")


def correct_by_label(label: NDArray[Any], predicted: NDArray[Any]) -> tuple[Proportion, Proportion]:
    """Correct predictions among label 1 and among label 0.

    Args:
        label: (n,), 0 or 1.
        predicted: (n,), 0 or 1.
    """
    return correct(label, predicted, 1), correct(label, predicted, 0)


def correct(label: NDArray[Any], predicted: NDArray[Any], of: int) -> Proportion:
    """Correct predictions among the rows of one label."""
    mine = label == of
    return Proportion(int((predicted[mine] == of).sum()), int(mine.sum()))
