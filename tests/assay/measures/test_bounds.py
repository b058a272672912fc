"""Bounds err at most as often as they say, nest, and refuse what cannot be measured."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from assay.errors import EvidenceError
from assay.evidence.values import Bound
from assay.measures.bounds import (
    RATIO_CEILING,
    Proportion,
    balanced_accuracy,
    clopper_pearson,
    difference,
    highest,
    lowest,
    paired,
    ratio,
)

ALPHAS = (0.05, 0.0025)
counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
alphas = st.floats(1e-6, 0.4)

COMBINED: dict[str, Callable[[Proportion, Proportion, float], Bound]] = {
    "balanced accuracy": balanced_accuracy,
    "difference": difference,
    "ratio": ratio,
}


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (0, 30), (30, 30), (7, 30), (1999, 12000)])
def test_agrees_with_the_reference(k: int, n: int, alpha: float) -> None:
    interval = binomtest(k, n).proportion_ci(1 - 2 * alpha, method="exact")
    bound = clopper_pearson(k, n, alpha)
    assert bound.point == k / n
    assert bound.lower == pytest.approx(interval.low, abs=1e-12)
    assert bound.upper == pytest.approx(interval.high, abs=1e-12)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("n", [1, 7, 40])
def test_each_end_errs_at_most_alpha(n: int, alpha: float) -> None:
    bounds = [clopper_pearson(k, n, alpha) for k in range(n + 1)]
    lower, upper = (np.array([getattr(b, end) for b in bounds]) for end in ("lower", "upper"))
    for truth in np.linspace(0, 1, 101):
        chance = binom.pmf(np.arange(n + 1), n, truth)
        assert chance[lower > truth].sum() <= alpha * (1 + 1e-9)
        assert chance[upper < truth].sum() <= alpha * (1 + 1e-9)


@pytest.mark.parametrize(
    ("truth", "passes"), [(0.795, 0.017), (0.80, 0.043), (0.83, 0.764), (0.85, 0.993)]
)
def test_a_bar_is_passed_as_often_as_published(truth: float, passes: float) -> None:
    lower = np.array([clopper_pearson(k, 1000, 0.05).lower for k in range(1001)])
    assert binom.pmf(np.arange(1001), 1000, truth)[lower >= 0.80].sum() == pytest.approx(
        passes, abs=1e-3
    )


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("name", COMBINED)
def test_combinations_err_at_most_alpha(name: str, alpha: float) -> None:
    m, n = 14, 9
    grid = [
        [COMBINED[name](Proportion(i, m), Proportion(j, n), alpha) for j in range(n + 1)]
        for i in range(m + 1)
    ]
    lower, upper = (
        np.array([[getattr(b, e) for b in r] for r in grid]) for e in ("lower", "upper")
    )
    exact = {
        "balanced accuracy": lambda p, q: (p + q) / 2,
        "difference": lambda p, q: p - q,
        "ratio": lambda p, q: p / q,
    }[name]
    for p, q in product((0.05, 0.3, 0.5, 0.9, 0.99), repeat=2):
        chance = np.outer(binom.pmf(np.arange(m + 1), m, p), binom.pmf(np.arange(n + 1), n, q))
        assert chance[lower > exact(p, q) + 1e-12].sum() <= alpha
        assert chance[upper < exact(p, q) - 1e-12].sum() <= alpha


@pytest.mark.parametrize("alpha", ALPHAS)
def test_paired_drops_err_at_most_alpha(alpha: float) -> None:
    rng, n = np.random.default_rng(0), 200
    for gained, lost in ((0.02, 0.02), (0.1, 0.02), (0.0, 0.3)):
        draws = rng.multinomial(n, [gained, lost, 1 - gained - lost], size=4000)
        bounds = [paired(int(g), int(b), n, alpha) for g, b, _ in draws]
        for missed in (
            [b.lower > gained - lost for b in bounds],
            [b.upper < gained - lost for b in bounds],
        ):
            assert sum(missed) <= binom.isf(1e-4, len(bounds), alpha)


@pytest.mark.parametrize("extreme", [lowest, highest])
@pytest.mark.parametrize("rates", [(0.5, 0.5, 0.5), (0.2, 0.6, 0.9), (0.5, 0.55, 0.5)])
def test_extremes_err_at_most_alpha(
    extreme: Callable[..., Bound], rates: tuple[float, ...]
) -> None:
    rng, n, alpha = np.random.default_rng(1), 60, 0.05
    truth = min(rates) if extreme is lowest else max(rates)
    found = [
        extreme(lambda a, k=k: [clopper_pearson(one, n, a) for one in k], alpha)
        for k in rng.binomial(n, rates, size=(3000, 3))
    ]
    allowed = binom.isf(1e-4, len(found), alpha)
    assert sum(bound.lower > truth for bound in found) <= allowed
    assert sum(bound.upper < truth for bound in found) <= allowed


@given(counts, alphas, alphas)
def test_bounds_nest(count: tuple[int, int], one: float, other: float) -> None:
    wide, narrow = (clopper_pearson(*count, alpha) for alpha in sorted((one, other)))
    assert wide.lower <= narrow.lower <= narrow.point <= narrow.upper <= wide.upper


@given(st.sampled_from(sorted(COMBINED)), counts, counts, alphas, alphas)
def test_combinations_nest(
    name: str, left: tuple[int, int], right: tuple[int, int], one: float, other: float
) -> None:
    wide, narrow = (
        COMBINED[name](Proportion(*left), Proportion(*right), alpha)
        for alpha in sorted((one, other))
    )
    assert wide.lower <= narrow.lower <= narrow.point <= narrow.upper <= wide.upper


@given(counts, alphas)
def test_one_more_success_raises_both_ends(count: tuple[int, int], alpha: float) -> None:
    k, n = count
    if k < n:
        fewer, more = clopper_pearson(k, n, alpha), clopper_pearson(k + 1, n, alpha)
        assert fewer.lower < more.lower
        assert fewer.upper < more.upper


@pytest.mark.parametrize(
    ("k", "n", "alpha", "code"),
    [
        (0, 0, 0.05, "no_rows"),
        (1, 0, 0.05, "no_rows"),
        (-1, 5, 0.05, "malformed"),
        (6, 5, 0.05, "malformed"),
        (1, 5, 0.0, "malformed"),
        (1, 5, 0.5, "malformed"),
        (1, 5, float("nan"), "malformed"),
    ],
)
def test_refuses_what_is_no_proportion(k: int, n: int, alpha: float, code: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        clopper_pearson(k, n, alpha)
    assert refused.value.code == code


def test_a_ratio_of_nobody_to_nobody_is_the_worst_case() -> None:
    bound = ratio(Proportion(0, 50), Proportion(0, 50), 0.05)
    assert (bound.point, bound.lower, bound.upper) == (0.0, 0.0, RATIO_CEILING)


def test_a_ratio_is_always_finite() -> None:
    bound = ratio(Proportion(50, 50), Proportion(0, 50), 0.05)
    assert bound.point == bound.upper == RATIO_CEILING
    assert bound.lower > 0


def test_the_smallest_group_gives_its_n() -> None:
    groups = [Proportion(9, 10), Proportion(90, 100), Proportion(900, 1000)]
    worst = lowest(lambda alpha: [clopper_pearson(g.k, g.n, alpha) for g in groups], 0.05)
    assert worst.n == 10
    assert worst.lower == clopper_pearson(9, 10, 0.05).lower
