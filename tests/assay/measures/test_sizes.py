"""The rows that a claim is said to need are enough, and not far too many."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from assay.evidence.values import Bound
from assay.measures import (
    clopper_pearson,
    least_n,
    n_for_power,
    n_for_ratio,
    n_for_sum,
    n_needed,
)
from assay.measures.bounds import Proportion, balanced_accuracy, weighted_sum
from assay.measures.sizes import Direction, Part, most_placed


@pytest.mark.parametrize("alpha", [0.05, 0.0025])
@pytest.mark.parametrize(("k", "n", "bar"), [(850, 1000, 0.84), (30, 40, 0.65), (9, 9, 0.95)])
def test_the_rows_needed_decide_and_fewer_do_not(k: int, n: int, bar: float, alpha: float) -> None:
    needed = n_needed(clopper_pearson(k, n, alpha), bar, "at_least")
    assert needed is not None and needed > n
    assert clopper_pearson(math.ceil(k / n * needed), needed, alpha).lower >= bar
    fewer = int(needed * 0.95)
    assert clopper_pearson(math.floor(k / n * fewer), fewer, alpha).lower < bar


@pytest.mark.parametrize(("k", "n", "bar"), [(2, 150, 0.03), (0, 20, 0.03), (70, 1000, 0.08)])
def test_an_upper_end_needs_rows_too(k: int, n: int, bar: float) -> None:
    needed = n_needed(clopper_pearson(k, n, 0.05), bar, "at_most")
    assert needed is not None and needed > n
    assert clopper_pearson(math.floor(k / n * needed), needed, 0.05).upper <= bar


def test_a_combined_bound_shrinks_with_the_root_of_its_rows() -> None:
    small = balanced_accuracy(Proportion(65, 100), Proportion(200, 300), 0.0025)
    needed = n_needed(small, 0.62, "at_least")
    assert needed is not None
    factor = needed / small.n
    grown = balanced_accuracy(
        Proportion(round(65 * factor), round(100 * factor)),
        Proportion(round(200 * factor), round(300 * factor)),
        0.0025,
    )
    assert 0.62 <= grown.lower < 0.63


@pytest.mark.parametrize(
    ("k", "n", "bar", "direction"),
    [(830, 1000, 0.84, "at_least"), (56, 100, 0.6, "at_least"), (5, 120, 0.03, "at_most")],
)
def test_on_the_wrong_side_rows_decide_against_the_claim(
    k: int, n: int, bar: float, direction: Direction
) -> None:
    bound = clopper_pearson(k, n, 0.05)
    needed = n_needed(bound, bar, direction, min_n=10**6)
    assert needed is not None and n < needed < 10**6

    def disproven(count: int, rows: int) -> bool:
        grown = clopper_pearson(count, rows, 0.05)
        return grown.upper <= bar if direction == "at_least" else grown.lower >= bar

    away, near = (math.floor, math.ceil) if direction == "at_least" else (math.ceil, math.floor)
    assert disproven(away(k / n * needed), needed)
    fewer = int(needed * 0.95)
    assert not disproven(near(k / n * fewer), fewer)
    combined = Bound(bound.point, bound.lower, bound.upper, 0.05, n, "any")
    assert n_needed(combined, bar, direction) == pytest.approx(needed, rel=0.35)


@pytest.mark.parametrize("direction", ["at_least", "at_most"])
def test_at_the_bar_itself_nothing_decides(direction: Direction) -> None:
    assert n_needed(Bound(0.6, 0.5, 0.7, 0.05, 100, "any"), 0.6, direction) is None


def test_a_decided_claim_needs_nothing_but_the_fewest_rows_allowed() -> None:
    assert n_needed(clopper_pearson(5, 100, 0.05), 0.8, "at_least", min_n=200) is None
    bound = clopper_pearson(95, 100, 0.05)
    assert n_needed(bound, 0.8, "at_least") is None
    assert n_needed(bound, 0.8, "at_least", min_n=200) == 200


def test_a_hair_above_the_bar_is_hopeless_in_practice() -> None:
    assert n_needed(Bound(0.6 + 1e-12, 0.5, 0.7, 0.05, 100, "any"), 0.6, "at_least") is None
    assert n_needed(clopper_pearson(600_001, 1_000_000, 0.05), 0.6, "at_least") is None


@given(st.floats(0.05, 0.95), st.sampled_from([0.05, 0.0025]))
def test_even_a_flawless_result_needs_rows(bar: float, alpha: float) -> None:
    fewest = least_n(bar, alpha, "at_least")
    assert fewest is not None
    assert clopper_pearson(fewest, fewest, alpha).lower >= bar * (1 - 1e-12)
    if fewest > 1:
        assert clopper_pearson(fewest - 1, fewest - 1, alpha).lower < bar
    assert least_n(1 - bar, alpha, "at_most") == pytest.approx(fewest, abs=1)


def test_no_rows_prove_certainty() -> None:
    assert least_n(1.0, 0.05, "at_least") is None
    assert least_n(0.0, 0.05, "at_most") is None
    assert least_n(0.0, 0.05, "at_least") == 1


@pytest.mark.parametrize(
    ("bar", "truth", "alpha", "published"),
    [
        (0.80, 0.83, 0.05, 1463),
        (0.80, 0.83, 0.0025, 2845),
        (0.80, 0.85, 0.05, 511),
        (0.80, 0.85, 0.0025, 980),
        (0.95, 0.97, 0.05, 855),
        (0.99, 0.995, 0.05, 2784),
    ],
)
def test_power_is_reached_from_there_on(
    bar: float, truth: float, alpha: float, published: int
) -> None:
    n = n_for_power(bar, truth, alpha)
    assert n is not None
    assert published <= n <= 1.06 * published
    for rows in range(n, n + 200):
        passing = next(k for k in _near(rows, bar) if clopper_pearson(k, rows, alpha).lower >= bar)
        assert binom.sf(passing - 1, rows, truth) >= 0.9
    assert n_for_power(1 - bar, 1 - truth, alpha, "at_most") == n


def _near(n: int, bar: float) -> range:
    return range(int(n * bar), n + 1)


@pytest.mark.parametrize(("bar", "truth"), [(0.8, 0.8), (0.8, 0.7), (0.0, 0.5), (0.5, 0.5 + 1e-9)])
def test_no_rows_prove_what_is_not_true(bar: float, truth: float) -> None:
    assert n_for_power(bar, truth, 0.05) is None


@pytest.mark.parametrize(("rate", "published"), [(0.5, 800), (0.7, 400), (0.9, 200)])
def test_equal_groups_need_about_the_published_rows(rate: float, published: int) -> None:
    n = n_for_ratio(0.8, rate, 0.05)
    assert n is not None
    assert published / 2 < n < 1.1 * published


@pytest.mark.parametrize(("bar", "rate"), [(1.0, 0.5), (0.8, 0.0)])
def test_no_rows_prove_equality(bar: float, rate: float) -> None:
    assert n_for_ratio(bar, rate, 0.05) is None


SUMS: list[tuple[float, Direction, list[Part]]] = [
    (0.62, "at_least", [Part(0.7, 0.2, 0.5), Part(0.64, 0.8, 0.5)]),
    (0.15, "at_most", [Part(0.8), Part(0.75, weight=-1)]),
    (0.02, "at_most", [Part(0.02 / 3), Part(0, weight=-1)]),
    (0.9, "at_least", [Part(1.0, 0.3, 0.5), Part(0.9, 0.7, 0.5)]),
    (0.7, "at_least", [Part(0.75)]),
]


@pytest.mark.parametrize("alpha", [0.05, 0.0025])
@pytest.mark.parametrize(("bar", "direction", "parts"), SUMS)
def test_a_sum_is_proven_about_as_often_as_is_said(
    bar: float, direction: Direction, parts: list[Part], alpha: float
) -> None:
    """By simulation, to within what 500 draws can tell."""
    n = n_for_sum(bar, parts, alpha, direction)
    assert n is not None
    assert 0.84 <= _proven(bar, direction, parts, alpha, n) <= 0.97
    assert _proven(bar, direction, parts, alpha, n // 2) < 0.8


def _proven(bar: float, direction: Direction, parts: list[Part], alpha: float, n: int) -> float:
    rng, passed, draws = np.random.default_rng(5), 0, 500
    for _ in range(draws):
        rows = [round(n * part.share) for part in parts]
        terms = [
            Proportion(int(rng.binomial(m, part.rate)), m, part.weight)
            for m, part in zip(rows, parts, strict=True)
        ]
        bound = weighted_sum(terms, alpha, n, "simulated")
        passed += bound.lower >= bar if direction == "at_least" else bound.upper <= bar
    return passed / draws


def test_one_proportion_takes_about_what_the_exact_power_says() -> None:
    exact, about = n_for_power(0.7, 0.75, 0.0025), n_for_sum(0.7, [Part(0.75)], 0.0025, "at_least")
    assert exact is not None and about is not None
    assert about == pytest.approx(exact, rel=0.03)


@pytest.mark.parametrize(("bar", "truth"), [(0.8, 0.8), (0.8, 0.7), (0.5, 0.5 + 1e-9)])
def test_no_rows_prove_a_sum_that_is_not_true(bar: float, truth: float) -> None:
    half = [Part(truth, 0.5, 0.5), Part(truth, 0.5, 0.5)]
    assert n_for_sum(bar, half, 0.05, "at_least") is None


@pytest.mark.parametrize("n", [50, 400, 30_000])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_the_most_rows_of_a_split_are_near_to_the_binomial_tail(n: int, share: float) -> None:
    luck = 1e-4
    most, exact = most_placed(n, 1, share, luck), int(binom.isf(luck, n, share))
    assert exact <= most
    assert most - n * share <= 1.4 * (exact - n * share) + 1


@pytest.mark.parametrize("sizes", [[1] * 300, [20] * 15, [20] * 5 + [1] * 200])
def test_no_split_has_more_rows_than_the_most(sizes: list[int]) -> None:
    """Whether a unit is one row, twenty, or either."""
    luck, rng = 1e-2, np.random.default_rng(3)
    drawn = (rng.random((20_000, len(sizes))) < 0.3) @ np.array(sizes)
    assert (drawn > most_placed(sum(sizes), max(sizes), 0.3, luck)).mean() <= luck
