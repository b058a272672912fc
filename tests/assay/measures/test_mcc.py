"""MCC is scikit-learn's; its bound holds for every prevalence that the rows allow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.metrics import matthews_corrcoef

from assay.measures.bounds import Proportion
from assay.measures.mcc import _coefficient, _extremes, matthews

rates = st.floats(0.01, 0.99)


def coefficient(t: float, f: float, prevalence: float) -> float:
    """From the four cells, as Matthews wrote it."""
    tp, fn = prevalence * t, prevalence * (1 - t)
    fp, tn = (1 - prevalence) * f, (1 - prevalence) * (1 - f)
    return (tp * tn - fp * fn) / ((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)) ** 0.5


@pytest.mark.parametrize(
    ("tp", "fn", "tn", "fp"), [(60, 40, 250, 50), (5, 95, 30, 1), (9, 0, 0, 9)]
)
def test_the_point_is_scikit_learns(tp: int, fn: int, tn: int, fp: int) -> None:
    label = np.repeat([1, 1, 0, 0], [tp, fn, tn, fp])
    predicted = np.repeat([1, 0, 0, 1], [tp, fn, tn, fp])
    found = matthews(Proportion(tp, tp + fn), Proportion(tn, tn + fp), 0.05)
    assert found.point == pytest.approx(matthews_corrcoef(label, predicted), abs=1e-12)
    assert -1 <= found.lower <= found.upper <= 1


@given(rates, rates, rates, rates)
def test_no_prevalence_between_the_ends_is_worse_or_better(
    t: float, f: float, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    odds = (low / (1 - low), high / (1 - high))
    extremes = [_coefficient(t, f, o) for o in _extremes(t, f, odds)]
    for prevalence in np.linspace(low, high, 40):
        found = coefficient(t, f, prevalence)
        assert min(extremes) - 1e-9 <= found <= max(extremes) + 1e-9


@given(rates, rates, rates, st.floats(0.0, 0.01))
def test_rises_with_sensitivity_and_falls_with_false_alarms(
    t: float, f: float, prevalence: float, more: float
) -> None:
    odds = prevalence / (1 - prevalence)
    assert _coefficient(min(t + more, 1.0), f, odds) >= _coefficient(t, f, odds) - 1e-12
    assert _coefficient(t, min(f + more, 1.0), odds) <= _coefficient(t, f, odds) + 1e-12


def test_each_end_errs_at_most_alpha() -> None:
    rng, n, alpha = np.random.default_rng(0), 300, 0.05
    t, f, prevalence = 0.6, 0.2, 0.25
    truth, low, high = coefficient(t, f, prevalence), 0, 0
    for _ in range(1000):
        n1 = int(rng.binomial(n, prevalence))
        bound = matthews(
            Proportion(int(rng.binomial(n1, t)), n1),
            Proportion(int(rng.binomial(n - n1, 1 - f)), n - n1),
            alpha,
        )
        low, high = low + (bound.lower > truth), high + (bound.upper < truth)
    assert max(low, high) <= binom.isf(1e-4, 1000, alpha)


@pytest.mark.parametrize("k", [0, 50])
def test_nothing_correlates_when_all_are_predicted_alike(k: int) -> None:
    bound = matthews(Proportion(k, 50), Proportion(50 - k, 50), 0.05)
    assert bound.point == 0.0
    assert bound.lower < 0 < bound.upper
