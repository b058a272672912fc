"""The area is the textbook's; its bound holds also where DeLong's own does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, norm
from sklearn.metrics import roc_auc_score

from assay.errors import EvidenceError
from assay.measures.auc import area_under_curve

Scores = tuple[NDArray[Any], NDArray[Any]]


def normal(rng: np.random.Generator, n1: int, n0: int, area: float) -> Scores:
    return rng.normal(norm.ppf(area) * 2**0.5, 1, n1), rng.normal(0, 1, n0)


def skewed(rng: np.random.Generator, n1: int, n0: int, area: float) -> Scores:
    return rng.random(n1) ** ((1 - area) / area), rng.random(n0)


def outcasts(rng: np.random.Generator, n1: int, n0: int, area: float) -> Scores:
    """Perfect, but that a share of the positive rows lies below everyone."""
    positive = rng.random(n1) + 2
    positive[rng.random(n1) < 1 - area] -= 4
    return positive, rng.random(n0)


def mistaken(rng: np.random.Generator, n1: int, n0: int, area: float) -> Scores:
    """Perfect, but that a share of the negative rows lies above everyone."""
    negative = rng.random(n0)
    negative[rng.random(n0) < 1 - area] += 5
    return rng.random(n1) + 2, negative


FAMILIES: list[Callable[..., Scores]] = [normal, skewed, outcasts, mistaken]


def missed(
    family: Callable[..., Scores], n1: int, n0: int, area: float, alpha: float, draws: int
) -> tuple[int, int]:
    rng, label = np.random.default_rng(3), np.repeat([1, 0], [n1, n0])
    low = high = 0
    for _ in range(draws):
        bound = area_under_curve(np.concatenate(family(rng, n1, n0, area)), label, alpha)
        low += bound.lower > area + 1e-12
        high += bound.upper < area - 1e-12
    return low, high


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("area", [0.5, 0.72, 0.9, 0.98])
def test_covers(family: Callable[..., Scores], area: float) -> None:
    for alpha in (0.05, 0.0025):
        assert max(missed(family, 40, 200, area, alpha, 500)) <= binom.isf(1e-4, 500, alpha)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("area", [0.5, 0.6, 0.72, 0.9, 0.98, 0.995])
@pytest.mark.parametrize(("n1", "n0"), [(20, 20), (30, 300), (700, 100)])
def test_covers_at_every_size(family: Callable[..., Scores], area: float, n1: int, n0: int) -> None:
    for alpha in (0.05, 0.0025):
        assert max(missed(family, n1, n0, area, alpha, 2500)) <= binom.isf(1e-5, 2500, alpha)


@pytest.mark.parametrize("digits", [1, 2, 9])
def test_the_point_is_scikit_learns(digits: int) -> None:
    rng = np.random.default_rng(digits)
    label = rng.random(900) < 0.3
    score = np.round(rng.normal(label, 1), digits)
    found = area_under_curve(score, label.astype(int), 0.05).point
    assert found == pytest.approx(roc_auc_score(label, score), abs=1e-12)


@pytest.mark.parametrize("alpha", [0.05, 0.0025])
@pytest.mark.parametrize("fewest", [2, 20, 500])
def test_a_perfect_ranking_is_not_certain(fewest: int, alpha: float) -> None:
    label = np.repeat([1, 0], [fewest, 1000])
    bound = area_under_curve(label.astype(float), label, alpha)
    assert bound.upper == bound.point == 1.0
    assert bound.lower <= alpha ** (1 / fewest)


def test_turning_the_scores_turns_the_bound() -> None:
    rng = np.random.default_rng(0)
    label = np.repeat([1, 0], [80, 300])
    score = rng.normal(label, 1)
    one, other = area_under_curve(score, label, 0.01), area_under_curve(-score, label, 0.01)
    assert other.lower == pytest.approx(1 - one.upper)
    assert other.upper == pytest.approx(1 - one.lower)


def test_bounds_nest() -> None:
    rng = np.random.default_rng(1)
    label = np.repeat([1, 0], [30, 90])
    score = rng.normal(label, 1)
    bounds = [area_under_curve(score, label, alpha) for alpha in (0.3, 0.05, 0.0025, 1e-6)]
    assert sorted((b.lower for b in bounds), reverse=True) == [b.lower for b in bounds]
    assert sorted(b.upper for b in bounds) == [b.upper for b in bounds]


@pytest.mark.parametrize("label", [[1, 1, 1], [0, 0, 0], [1, 0, 0]])
def test_refuses_one_class(label: list[int]) -> None:
    with pytest.raises(EvidenceError) as refused:
        area_under_curve(np.array([0.1, 0.2, 0.3]), np.array(label), 0.05)
    assert refused.value.code == "one_class"
