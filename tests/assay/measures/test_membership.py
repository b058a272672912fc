"""Thresholds come from half 0 of the others alone; members are all measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from assay.errors import EvidenceError
from assay.evidence.values import Bound
from assay.measures import MEASURES
from tests.assay.measures.rows import asking, membership

BOTH = ["loss_low", "loss_high"]
N = 400
MEMBER = np.arange(3 * N) < N
HALF = np.where(MEMBER, 1, np.arange(3 * N) // 4 % 2)


def measure(table: pa.Table, **config: Any) -> dict[str, Bound]:
    request = asking(**({"attacks": BOTH} | config))
    return MEASURES["membership"]({"membership": table}, request)  # type: ignore[return-value]


def alike(seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).exponential(size=3 * N)


def test_members_that_look_like_others_are_flagged_at_the_asked_rate() -> None:
    member = np.arange(30_000) < 10_000
    half = np.where(member, 1, np.arange(30_000) // 4 % 2)
    loss = np.random.default_rng(0).exponential(size=30_000)
    bound = measure(membership(member, half, loss))["tpr_at_fpr"]
    assert bound.lower < 0.1 < bound.upper
    assert bound.upper - bound.lower < 0.03


@pytest.mark.parametrize("tail", BOTH)
def test_each_tail_finds_what_the_other_misses(tail: str) -> None:
    loss = alike(1)
    loss[MEMBER] = 0.0 if tail == "loss_low" else 50.0
    (other,) = set(BOTH) - {tail}
    table = membership(MEMBER, HALF, loss)
    assert measure(table, attacks=[tail])["tpr_at_fpr"].point == 1.0
    assert measure(table, attacks=[other])["tpr_at_fpr"].point == 0.0
    assert measure(table)["tpr_at_fpr"].point == 1.0


def test_calibration_finds_hard_rows_that_are_known_by_heart() -> None:
    easy = np.random.default_rng(7).exponential(size=3 * N)
    loss = easy.copy()
    loss[MEMBER] *= 0.3  # better than they are easy, and no better than others that are
    table = membership(MEMBER, HALF, loss, easy)
    calibrated = measure(table, attacks=["loss_calibrated"])["tpr_at_fpr"]
    assert calibrated.point == 1.0
    assert measure(table)["tpr_at_fpr"].point < 0.5


def test_one_exposed_group_counts_for_all() -> None:
    loss = alike(2)
    exposed = MEMBER & (np.arange(3 * N) % 4 == 3)  # SEX 1, AGE >= 35
    before = measure(membership(MEMBER, HALF, loss))["tpr_at_fpr"]
    loss[exposed] = 0.0
    after = measure(membership(MEMBER, HALF, loss))["tpr_at_fpr"]
    assert after.lower > before.upper
    assert after.point > 0.5


def test_the_other_half_changes_no_number() -> None:
    """What half 1 of the others holds is reported, and sets nothing."""
    loss = alike(3)
    moved = np.where(~MEMBER & (HALF == 1), loss + 5, loss)
    one, other = (measure(membership(MEMBER, HALF, each)) for each in (loss, moved))
    assert one["tpr_at_fpr"] == other["tpr_at_fpr"]
    assert one["fpr_reached"] != other["fpr_reached"]


def test_members_of_either_half_are_measured() -> None:
    loss = alike(4)
    split = np.where(MEMBER, np.arange(3 * N) % 2, HALF)
    one, other = (membership(MEMBER, half, loss) for half in (HALF, split))
    assert measure(one)["tpr_at_fpr"] == measure(other)["tpr_at_fpr"]


def test_ties_make_no_weaker_attack() -> None:
    loss = np.where(MEMBER, 1.0, np.where(np.arange(3 * N) % 40 < 8, 1.0, 2.0))
    assert measure(membership(MEMBER, HALF, loss), attacks=["loss_low"])["tpr_at_fpr"].point == 1


@pytest.mark.parametrize(
    ("member", "half", "code"),
    [
        (np.zeros(3 * N, dtype=bool), HALF, "group_absent"),
        (np.ones(3 * N, dtype=bool), HALF, "group_absent"),
        (MEMBER, np.ones(3 * N, dtype=int), "group_absent"),
        (MEMBER, np.zeros(3 * N, dtype=int), "group_absent"),
        (MEMBER & (np.arange(3 * N) % 2 == 0), HALF, "group_absent"),
    ],
    ids=["no member", "no other", "no threshold half", "no measured half", "no member of a sex"],
)
def test_refuses_an_absent_side(member: Any, half: Any, code: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        measure(membership(member, half, alike(5)))
    assert refused.value.code == code


@pytest.mark.parametrize(
    "config",
    [
        {"attacks": []},
        {"attacks": ["loss"]},
        {"attacks": ["loss_low", "loss_low"]},
        {"fpr": 0.0},
        {"fpr": 0.5},
        {"fpr": True},
        {"fpr": "0.01"},
        {"fpr": None},
        {"fpr": float("nan")},
    ],
)
def test_refuses_another_question(config: dict[str, Any]) -> None:
    with pytest.raises(EvidenceError) as refused:
        measure(membership(MEMBER, HALF, alike(6)), **config)
    assert refused.value.code == "malformed"


def test_refuses_a_negative_loss() -> None:
    with pytest.raises(EvidenceError):
        measure(membership(MEMBER, HALF, -alike(7)))
