"""Utility and overfitting are scikit-learn's numbers, with bounds, and refuse one class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import balanced_accuracy_score

from assay.errors import EvidenceError
from assay.evidence.values import Bound
from assay.measures import MEASURES, build_table
from tests.assay.measures.rows import REQUEST, keys, predictions


def noisy(n: int, seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.3).astype(int)
    return label, np.where(rng.random(n) < 0.8, label, 1 - label)


def fit(label: Any, predicted: Any, part: Any) -> pa.Table:
    columns = {"row": keys(len(label)), "label": label, "predicted": predicted, "part": part}
    return build_table("fit", columns)


def test_balanced_accuracy_is_scikit_learns() -> None:
    label, predicted = noisy(700, 0)
    found = MEASURES["utility"]({"predictions": predictions(label, predicted)}, REQUEST)
    bound = found["balanced_accuracy"]
    assert isinstance(bound, Bound)
    assert bound.point == pytest.approx(balanced_accuracy_score(label, predicted), abs=1e-12)
    assert bound.n == 700
    assert set(found) == {"auc", "balanced_accuracy", "mcc"}


def test_the_gap_is_between_rows_fitted_and_rows_held_out() -> None:
    label, predicted = noisy(900, 1)
    part = np.where(np.arange(900) < 600, "fitted", "held_out")
    table = fit(label, np.where(part == "fitted", label, predicted), part)
    bound = MEASURES["overfitting"]({"fit": table}, REQUEST)["balanced_accuracy_gap"]
    assert isinstance(bound, Bound)
    held_out = balanced_accuracy_score(label[600:], predicted[600:])
    assert bound.point == pytest.approx(1 - held_out, abs=1e-12)
    assert bound.lower < bound.point < bound.upper
    assert bound.n == 300


@pytest.mark.parametrize("only", [0, 1])
def test_refuses_one_class(only: int) -> None:
    one = predictions([only] * 20, [0, 1] * 10)
    with pytest.raises(EvidenceError) as refused:
        MEASURES["utility"]({"predictions": one}, REQUEST)
    assert refused.value.code == "one_class"


@pytest.mark.parametrize("part", ["fitted", "held_out"])
def test_the_gap_refuses_a_part_without_rows(part: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        MEASURES["overfitting"]({"fit": fit([0, 1] * 9, [0, 1] * 9, [part] * 18)}, REQUEST)
    assert refused.value.code == "one_class"


@pytest.mark.parametrize(
    ("score", "predicted"), [([0.9, 0.1], [0, 0]), ([0.5, 0.6], [1, 1]), ([1.1, 0.1], [1, 0])]
)
def test_a_prediction_follows_from_its_score(score: list[float], predicted: list[int]) -> None:
    columns = {"row": keys(2), "label": [1, 0], "score": score, "predicted": predicted}
    with pytest.raises(EvidenceError) as refused:
        MEASURES["utility"]({"predictions": build_table("predictions", columns)}, REQUEST)
    assert refused.value.code == "malformed"
