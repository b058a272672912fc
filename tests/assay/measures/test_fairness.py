"""Fairness is Fairlearn's definition with exact pairwise bounds; no group passes by absence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_ratio,
    equal_opportunity_difference,
    equalized_odds_difference,
    selection_rate,
)
from scipy.stats import binom

from assay.errors import EvidenceError
from assay.evidence.values import Bound
from assay.measures import MEASURES, Request
from assay.measures.fairness import count_cells
from assay.measures.predictions import read_predictions
from tests.assay.measures.rows import REQUEST, groups, predictions


def people(n: int, seed: int) -> tuple[Any, Any, dict[str, Any]]:
    """Labels, predictions, and groups of unequal size that are treated unequally."""
    rng = np.random.default_rng(seed)
    sex, young = rng.random(n) < 0.6, rng.random(n) < 0.35
    label = rng.random(n) < 0.25 + 0.1 * sex
    predicted = rng.random(n) < 0.15 + 0.5 * label + 0.15 * young
    return (
        label.astype(int),
        predicted.astype(int),
        {
            "group:SEX": np.where(sex, "1", "0"),
            "group:AGE": np.where(young, "<35", ">=35"),
        },
    )


def fairness(table: pa.Table, request: Request = REQUEST) -> dict[str, Bound]:
    found = MEASURES["fairness"]({"predictions": table}, request)
    assert all(isinstance(value, Bound) for value in found.values())
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("unfavourable", [0, 1])
@pytest.mark.parametrize("seed", range(3))
def test_the_points_are_fairlearns(seed: int, unfavourable: int) -> None:
    label, predicted, levels = people(3000, seed)
    found = fairness(
        predictions(label, predicted, **levels), replace(REQUEST, unfavourable=unfavourable)
    )
    good, approved = label != unfavourable, predicted != unfavourable
    both = np.char.add(levels["group:SEX"], levels["group:AGE"])
    for name, sensitive in (
        ("SEX", levels["group:SEX"]),
        ("AGE", levels["group:AGE"]),
        ("SEX*AGE", both),
    ):
        oracle = {
            "approval_ratio": demographic_parity_ratio,
            "equal_opportunity_difference": equal_opportunity_difference,
            "equalized_odds_difference": equalized_odds_difference,
        }
        for measurement, metric in oracle.items():
            wanted = metric(good, approved, sensitive_features=sensitive)
            assert found[f"{measurement}:{name}"].point == pytest.approx(wanted, abs=1e-12)


def test_the_counts_are_fairlearns() -> None:
    label, predicted, levels = people(2000, 5)
    columns = read_predictions({"predictions": predictions(label, predicted, **levels)})
    frame = MetricFrame(
        metrics=selection_rate,
        y_true=label == 0,
        y_pred=predicted == 0,
        sensitive_features=np.column_stack([levels["group:SEX"], levels["group:AGE"]]),
    )
    for cell in count_cells(columns, REQUEST, "SEX*AGE"):
        sex, age = cell.name.split("*")
        rate = frame.by_group[sex, age]
        assert cell.approved.k / cell.approved.n == pytest.approx(rate, abs=1e-12)


def test_the_ends_hold_the_truth() -> None:
    """Two groups of one approval rate each: the ratio's ends err at most alpha of the time."""
    rng, n, alpha, truth = np.random.default_rng(0), 120, 0.05, 0.6 / 0.75
    rate = np.where(groups(n)["group:SEX"] == "0", 0.6, 0.75)
    request = replace(REQUEST, groups={"SEX": ("0", "1")}, products=())
    low = high = 0
    for _ in range(400):
        approved = rng.random(n) < rate
        table = predictions(np.arange(n) // 2 % 2, 1 - approved.astype(int), **groups(n))
        bound = fairness(table, request)["approval_ratio:SEX"]
        low, high = low + (bound.lower > truth), high + (bound.upper < truth)
    assert max(low, high) <= binom.isf(1e-4, 400, alpha)


def test_n_is_the_smallest_groups() -> None:
    label = np.zeros(100, dtype=int)
    label[::10] = 1
    levels = groups(100) | {"group:SEX": np.where(np.arange(100) < 90, "0", "1")}
    found = fairness(predictions(label, label, **levels))
    assert found["approval_ratio:SEX"].n == 10
    assert found["equal_opportunity_difference:SEX"].n == 9


def test_nobody_approved_is_never_fair() -> None:
    label = np.array([0, 0, 0, 0, 1, 1, 1, 1] * 20)
    bound = fairness(predictions(label, np.ones(160, dtype=int)))["approval_ratio:SEX"]
    assert (bound.point, bound.lower, bound.upper) == (0.0, 0.0, 1.0)


def test_equalized_odds_is_left_out_when_a_group_has_no_bad_label() -> None:
    label = np.where(groups(80)["group:SEX"] == "0", 0, np.arange(80) // 4 % 2)
    found = fairness(predictions(label, label))
    assert "equalized_odds_difference:SEX" not in found
    assert "equal_opportunity_difference:SEX" in found


@pytest.mark.parametrize(
    ("levels", "code"),
    [
        ({"group:SEX": ["0"] * 16}, "group_absent"),
        ({"group:AGE": ["<35"] * 16}, "group_absent"),
        ({"group:AGE": np.where(groups(16)["group:SEX"] == "0", "<35", ">=35")}, "group_absent"),
        ({"group:SEX": ["0", "2"] * 8}, "malformed"),
        ({"group:SEX": ["0", ""] * 8}, "malformed"),
    ],
    ids=["one sex", "one age", "no intersection", "unknown level", "empty level"],
)
def test_refuses_an_absent_or_unknown_group(levels: dict[str, Any], code: str) -> None:
    table = predictions([0, 0, 0, 0, 1, 1, 1, 1] * 2, [0, 1] * 8, **(groups(16) | levels))
    with pytest.raises(EvidenceError) as refused:
        fairness(table)
    assert refused.value.code == code


def test_refuses_a_group_without_the_good_label() -> None:
    label = np.where(groups(80)["group:SEX"] == "0", 1, np.arange(80) // 4 % 2)
    with pytest.raises(EvidenceError) as refused:
        fairness(predictions(label, label))
    assert refused.value.code == "group_absent"


def test_refuses_a_table_without_the_audited_column() -> None:
    table = predictions([0, 0, 0, 0, 1, 1, 1, 1], [0, 1] * 4).drop_columns(["group:AGE"])
    with pytest.raises(EvidenceError) as refused:
        fairness(table)
    assert refused.value.code == "malformed"


@pytest.mark.parametrize(
    "change",
    [
        {"groups": ("SEX", "AGE")},
        {"groups": {"SEX": ("0",)}, "products": ()},
        {"groups": {"SEX": ("0", "0")}, "products": ()},
        {"products": (("SEX",),)},
        {"products": (("SEX", "RACE"),)},
        {"unfavourable": 2},
        {"unfavourable": True},
    ],
)
def test_the_policy_names_groups_with_their_levels(change: dict[str, Any]) -> None:
    with pytest.raises(EvidenceError):
        replace(REQUEST, **change)
