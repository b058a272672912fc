"""The worst corruption counts, row by row; the table is whole or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import balanced_accuracy_score

from assay.errors import EvidenceError
from assay.evidence.values import Bound
from assay.measures import MEASURES
from tests.assay.measures.rows import asking, predictions, stress

LABEL = np.array([1] * 100 + [0] * 100)
CLEAN = np.concatenate([np.arange(100) < 80, np.arange(100) < 10]).astype(int)
MILD = np.concatenate([np.arange(100) < 75, np.arange(100) < 12]).astype(int)
HARD = np.concatenate([np.arange(100) < 60, np.arange(100) < 5]).astype(int)


def measure(*tables: pa.Table, **config: Any) -> dict[str, Bound]:
    lines = {"predictions": predictions(LABEL, CLEAN), "stress": pa.concat_tables(tables)}
    return MEASURES["stress"](lines, asking(**config))  # type: ignore[return-value]


def test_the_worst_case_counts() -> None:
    names = ["noise", "missing"]
    found = measure(stress(LABEL, MILD), stress(LABEL, HARD, "missing"), corruptions=names)
    accuracy = {name: balanced_accuracy_score(LABEL, p) for name, p in (("c", CLEAN), ("h", HARD))}
    assert found["worst_balanced_accuracy"].point == pytest.approx(accuracy["h"], abs=1e-12)
    assert found["worst_drop"].point == pytest.approx(accuracy["c"] - accuracy["h"], abs=1e-12)
    assert found["worst_drop"].n == found["worst_balanced_accuracy"].n == 200


def test_one_more_corruption_never_looks_better() -> None:
    one = measure(stress(LABEL, HARD))
    two = measure(
        stress(LABEL, HARD), stress(LABEL, MILD, "missing"), corruptions=["noise", "missing"]
    )
    assert two["worst_balanced_accuracy"].lower <= one["worst_balanced_accuracy"].lower
    assert two["worst_drop"].upper >= one["worst_drop"].upper


def test_rows_that_turn_both_ways_cancel_in_the_point_alone() -> None:
    swapped = CLEAN.copy()
    swapped[[0, 99]] = [0, 1]
    still, moved = measure(stress(LABEL, CLEAN)), measure(stress(LABEL, swapped))
    assert moved["worst_drop"].point == still["worst_drop"].point == 0
    assert moved["worst_drop"].upper > still["worst_drop"].upper


def test_severities_above_three_gate_nothing() -> None:
    mild, hard = stress(LABEL, MILD), stress(LABEL, HARD)
    hard = hard.set_column(3, "severity", pa.array([5] * 200, pa.int8()))
    assert measure(mild, hard, severities=[1, 5]) == measure(mild)
    with pytest.raises(EvidenceError):
        measure(hard, severities=[5])


OTHER = stress(1 - LABEL, MILD)
BROKEN: dict[str, tuple[pa.Table, dict[str, Any]]] = {
    "a line fewer": (stress(LABEL, MILD).slice(1), {}),
    "other labels": (OTHER, {}),
    "a corruption without lines": (stress(LABEL, MILD), {"corruptions": ["noise", "missing"]}),
    "another corruption": (stress(LABEL, MILD, "fog"), {}),
    "another severity": (stress(LABEL, MILD), {"severities": [2]}),
    "no severities": (stress(LABEL, MILD), {"severities": []}),
    "severities as floats": (stress(LABEL, MILD), {"severities": [1.0]}),
    "corruptions as text": (stress(LABEL, MILD), {"corruptions": "noise"}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_refuses(name: str) -> None:
    table, config = BROKEN[name]
    with pytest.raises(EvidenceError) as refused:
        measure(table, **config)
    assert refused.value.code == "malformed"
