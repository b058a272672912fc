"""What a bar is said to take is what the measure takes: its n, and rows that do or never do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assay.cli.needs import Need, need_of
from assay.cli.rows import Count, Rows
from assay.measures import clopper_pearson
from assay.measures.bounds import Proportion, balanced_accuracy, difference, ratio
from assay.policy.rules import Bar

ALPHA = 0.0025
MANY = Count(100_000, 100_000)
ROWS = Rows(MANY, MANY, MANY, MANY, MANY, MANY, {"SEX": MANY}, {"SEX": MANY}, 0.6)
STEMS = {
    "auc": ("at_least", 0.68),
    "balanced_accuracy": ("at_least", 0.62),
    "balanced_accuracy_gap": ("at_most", 0.05),
    "robust_recall:0.1": ("at_least", 0.36),
    "clean_recall": ("at_least", 0.45),
    "specificity": ("at_least", 0.7),
    "black_box_advantage": ("at_most", 0.02),
    "worst_balanced_accuracy": ("at_least", 0.55),
    "worst_drop": ("at_most", 0.1),
    "approval_ratio:SEX": ("at_least", 0.8),
    "equal_opportunity_difference:SEX": ("at_most", 0.15),
    "tpr_at_fpr": ("at_most", 0.03),
}


def bar_of(measurement: str, min_n: int = 1) -> Bar:
    direction, limit = STEMS[measurement]
    return Bar(
        gate="g", evidence="utility", measurement=measurement, per="model", kind="bound",
        direction=direction, bar=limit, range=(-1, 1), min_n=min_n,
    )  # fmt: skip


def needed(measurement: str, min_n: int = 1) -> Need:
    found = need_of(bar_of(measurement, min_n), ROWS, ALPHA)
    assert found is not None and found.least is not None and found.enough is not None
    return found


@pytest.mark.parametrize("measurement", STEMS)
def test_fewer_rows_than_the_least_cannot_and_enough_do(measurement: str) -> None:
    need = needed(measurement, 200)
    assert 200 <= need.least <= need.enough < 20_000
    told = {
        most: replace(need, n=Count(about, most)).verdict
        for about, most in [
            (need.least // 2, need.least - 1),
            (need.least // 2 + 1, need.least),
            (need.enough, need.enough + 1),
        ]
    }
    assert [*told.values()] == ["cannot", "may pass", "yes"]


@pytest.mark.parametrize("measurement", STEMS)
def test_a_bar_on_more_rows_than_there_are_cannot_pass(measurement: str) -> None:
    assert needed(measurement, 100_001).verdict == "cannot"
    assert needed(measurement, 100_000).verdict == "yes"


def flawless(measurement: str, n: int) -> bool:
    """Whether the best that n rows can show clears the bar; of both labels, half are of either."""
    limit = STEMS[measurement][1]
    match measurement.partition(":")[0]:
        case "balanced_accuracy" | "worst_balanced_accuracy":
            half = Proportion(n // 2, n // 2)
            return balanced_accuracy(half, half, ALPHA).lower >= limit
        case "approval_ratio":
            best = Proportion(n, n)
            return ratio(best, best, ALPHA).lower >= limit
        case "equal_opportunity_difference":
            best = Proportion(n, n)
            return difference(best, best, ALPHA).upper <= limit
        case "tpr_at_fpr":
            return clopper_pearson(0, n, ALPHA).upper <= limit
    return clopper_pearson(n, n, ALPHA).lower >= limit


@pytest.mark.parametrize(
    "measurement", [m for m in STEMS if m not in ("auc", "balanced_accuracy_gap", "worst_drop")]
)
def test_what_is_said_to_be_impossible_is(measurement: str) -> None:
    need = needed(measurement)
    for n in range(2, need.least):
        assert not flawless(measurement, n)
    assert flawless(measurement, need.enough)


def test_no_number_of_rows_proves_perfection() -> None:
    perfect = bar_of("specificity").model_copy(update={"bar": 1.0})
    need = need_of(perfect, ROWS, ALPHA)
    assert need is not None
    assert (need.least, need.verdict) == (None, "cannot")


def test_a_measurement_that_nothing_is_known_of_is_left_out() -> None:
    other = bar_of("auc").model_copy(update={"measurement": "brier_score"})
    assert need_of(other, ROWS, ALPHA) is None
