"""Exact confidence bounds on proportions, and on sums, ratios and extremes of them.

Each end of a `Bound` errs with probability at most alpha. Two ends are never spent on one claim:
a gate asks whether the truth is above a bar, or below it, so both ends carry the full alpha.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from scipy.special import betainccinv, betaincinv

from assay.errors import EvidenceError
from assay.evidence.values import Bound

RATIO_CEILING = 1e9  # ratios above it are not told apart: a bound is always finite


class Proportion(NamedTuple):
    """`k` of `n` independent rows, weighted when it is a term of a sum."""

    k: int
    n: int
    weight: float = 1.0


def clopper_pearson(k: int, n: int, alpha: float) -> Bound:
    """A proportion k / n with the exact bound at each end.

    Clopper & Pearson 1934, Biometrika 26: the beta quantiles of the binomial tails.

    Raises:
        EvidenceError: `no_rows` when n is 0; `malformed` when k is not in 0..n.
    """
    k, n = int(k), int(n)
    if n < 1:
        raise EvidenceError("no_rows", "expected at least one row to measure, found 0")
    if not 0 <= k <= n or not 0 < alpha < 0.5:
        raise EvidenceError("malformed", "expected 0 <= k <= n and alpha in (0, 0.5)")
    lower = float(betaincinv(k, n - k + 1, alpha)) if k else 0.0
    upper = float(betainccinv(k + 1, n - k, alpha)) if k < n else 1.0
    return Bound(k / n, lower, upper, alpha, n, "clopper-pearson")


def weighted_sum(terms: Sequence[Proportion], alpha: float, n: int, method: str) -> Bound:
    """The sum of weight * k / n, by one exact bound per term at alpha / len(terms).

    Each end needs one end of each term, so the terms may depend on one another: differences of
    groups, balanced accuracy, and the discordant counts of paired rows are all such sums.

    Args:
        terms: At least one proportion.
        alpha: Error probability of each end.
        n: Rows that the sum is said to rest on.
        method: Name for the bound.

    Raises:
        EvidenceError: A term has no rows or impossible counts.
    """
    bounds = [clopper_pearson(term.k, term.n, alpha / len(terms)) for term in terms]
    point = lower = upper = 0.0
    for term, bound in zip(terms, bounds, strict=True):
        low, high = sorted((bound.lower * term.weight, bound.upper * term.weight))
        point, lower, upper = point + bound.point * term.weight, lower + low, upper + high
    return Bound(point, lower, upper, alpha, n, method)


def balanced_accuracy(positive: Proportion, negative: Proportion, alpha: float) -> Bound:
    """(Sensitivity + specificity) / 2, by two exact bounds at alpha / 2."""
    terms = [Proportion(c.k, c.n, 0.5) for c in (positive, negative)]
    return weighted_sum(terms, alpha, positive.n + negative.n, "balanced clopper-pearson")


def difference(left: Proportion, right: Proportion, alpha: float) -> Bound:
    """Left minus right of two groups; n is the smaller group's."""
    terms = [Proportion(left.k, left.n), Proportion(right.k, right.n, -1.0)]
    return weighted_sum(terms, alpha, min(left.n, right.n), "clopper-pearson difference")


def paired(gained: int, lost: int, n: int, alpha: float) -> Bound:
    """(gained - lost) / n over the same n rows seen twice, by the discordant counts."""
    terms = [Proportion(gained, n), Proportion(lost, n, -1.0)]
    return weighted_sum(terms, alpha, n, "paired clopper-pearson")


def ratio(left: Proportion, right: Proportion, alpha: float) -> Bound:
    """Left over right of two groups, by two exact bounds at alpha / 2; n is the smaller group's.

    When the right one is 0 of n, the ratio is 0 (nobody is favoured on either side: the worst
    case of a ratio that has to be high) or `RATIO_CEILING`.
    """
    above, below = (clopper_pearson(c.k, c.n, alpha / 2) for c in (left, right))

    def over(numerator: float, denominator: float) -> float:
        if denominator * RATIO_CEILING > numerator:
            return numerator / denominator
        return RATIO_CEILING

    point = over(above.point, below.point) if above.point else 0.0
    lower, upper = over(above.lower, below.upper), over(above.upper, below.lower)
    return Bound(point, lower, upper, alpha, min(left.n, right.n), "clopper-pearson ratio")


def lowest(bounds_at: Callable[[float], Sequence[Bound]], alpha: float) -> Bound:
    """The smallest of several measured quantities.

    The lowest lower bound is below the true minimum whenever the minimum's own bound is right, so
    the lower end needs no correction. The upper end is the lowest of m bounds at alpha / m.

    Args:
        bounds_at: Makes the same m >= 1 bounds at a given alpha.
        alpha: Error probability of each end.

    Returns:
        A bound whose n is the smallest n among them.
    """
    outer = bounds_at(alpha)
    inner = bounds_at(alpha / len(outer))
    return Bound(
        point=min(bound.point for bound in outer),
        lower=min(bound.lower for bound in outer),
        upper=min(bound.upper for bound in inner),
        alpha=alpha,
        n=min(bound.n for bound in outer),
        method=f"lowest of {len(outer)}: {outer[0].method}",
    )


def highest(bounds_at: Callable[[float], Sequence[Bound]], alpha: float) -> Bound:
    """The largest of several measured quantities: `lowest`, mirrored."""
    outer = bounds_at(alpha)
    inner = bounds_at(alpha / len(outer))
    return Bound(
        point=max(bound.point for bound in outer),
        lower=max(bound.lower for bound in inner),
        upper=max(bound.upper for bound in outer),
        alpha=alpha,
        n=min(bound.n for bound in outer),
        method=f"highest of {len(outer)}: {outer[0].method}",
    )
