"""How many rows a claim takes: after a measurement, and before any is made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from scipy.special import betainccinv, betaincinv, rel_entr
from scipy.stats import binom, norm

from assay.evidence.values import Bound

Direction: TypeAlias = Literal["at_least", "at_most"]
HOPELESS = 10**9  # rows that nobody will bring


def n_needed(bound: Bound, bar: float, direction: Direction, min_n: int = 1) -> int | None:
    """Rows that would decide an undecided claim at the measured point: for it, or against it.

    Exact for a plain Clopper-Pearson bound. Every other bound's width is taken to shrink with the
    square root of n; n is its smallest group's, all groups growing alike.

    Args:
        bound: What was measured.
        bar: The value that the deciding end has to reach.
        direction: The side on which the claim passes.
        min_n: Rows that the bar asks for before it is passed.

    Returns:
        None when the claim is decided already, or when the point is so near to the bar that
        `HOPELESS` rows are too few.
    """
    if is_against(bound, bar, direction):
        direction, min_n = ("at_most" if direction == "at_least" else "at_least"), 1
    end = bound.lower if direction == "at_least" else bound.upper
    gap, width = abs(bound.point - bar), abs(bound.point - end)
    if gap == 0:
        return None
    if width <= gap:
        return None if bound.n >= min_n else min_n
    if bound.method == "clopper-pearson":
        needed = _exact(bound, bar, direction)
    else:
        needed = math.ceil(min(float(HOPELESS), bound.n * (width / gap) ** 2))
    return None if needed >= HOPELESS else max(needed, min_n)


def is_against(bound: Bound, bar: float, direction: Direction) -> bool:
    """Whether the measured point is on the bar's wrong side, so that more rows would disprove."""
    return bound.point < bar if direction == "at_least" else bound.point > bar


def _exact(bound: Bound, bar: float, direction: Direction) -> int:
    """The smallest n at which k = point * n, a whole number or not, clears the bar."""

    def clears(n: int) -> bool:
        k = bound.point * n
        if direction == "at_least":
            return bool(betaincinv(k, n - k + 1, bound.alpha) >= bar)
        return bool(betainccinv(k + 1, n - k, bound.alpha) <= bar)

    low, high = bound.n, bound.n
    while not clears(high) and high < HOPELESS:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if clears(middle) else (middle, high)
    return high


def least_n(bar: float, alpha: float, direction: Direction) -> int | None:
    """Rows below which not even a flawless result proves the claim; None: no number of rows does.

    A flawless result is n of n (`at_least`) or 0 of n (`at_most`), whose bound is alpha^(1/n).
    """
    share = bar if direction == "at_least" else 1 - bar
    if not 0 <= share < 1:
        return None
    return 1 if share == 0 else math.ceil(math.log(alpha) / math.log(share))


def n_for_power(
    bar: float, truth: float, alpha: float, direction: Direction = "at_least", power: float = 0.9
) -> int | None:
    """Rows from which on a proportion is proven with this probability, when `truth` is true.

    The power of an exact test is a saw: from the returned n on, it never falls below `power`.

    Returns:
        None when the truth is not beyond the bar, or so close that `HOPELESS` rows are too few.
    """
    if direction == "at_most":
        bar, truth = 1 - bar, 1 - truth
    if not 0 < bar < truth <= 1:
        return None
    spread = norm.isf(alpha) * math.sqrt(bar * (1 - bar))
    spread += norm.ppf(power) * math.sqrt(truth * (1 - truth))
    guess = (spread / (truth - bar)) ** 2
    if guess > HOPELESS / 1000:
        return None
    n = np.arange(1, int(2 * guess) + 2000)
    passing = binom.isf(alpha, n, bar) + 1  # the fewest k whose lower bound reaches the bar
    falls_short = np.flatnonzero(binom.sf(passing - 1, n, truth) < power)
    return int(n[falls_short[-1]]) + 1 if len(falls_short) else 1


class Part(NamedTuple):
    """One term of a weighted sum, before it is measured.

    Attributes:
        rate: True proportion.
        share: Of the sum's n rows, those that the proportion is of.
    """

    rate: float
    share: float = 1.0
    weight: float = 1.0


def n_for_sum(
    bar: float, parts: Sequence[Part], alpha: float, direction: Direction, power: float = 0.9
) -> int | None:
    """Rows that prove a weighted sum of proportions with about this probability.

    The ends are those of `weighted_sum`; how far a measured sum strays from its truth is taken to
    be normal, and the parts to be independent.

    Returns:
        None when the truth is not beyond the bar, or so close that `HOPELESS` rows are too few.
    """
    sign = 1 if direction == "at_least" else -1
    mirrored = [part._replace(weight=sign * part.weight) for part in parts]
    if sum(part.rate * part.weight for part in mirrored) <= sign * bar:
        return None
    low, high = 0, 1
    while _low_end(mirrored, alpha, power, high) < sign * bar:
        low, high = high, 2 * high
        if high >= HOPELESS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        reached = _low_end(mirrored, alpha, power, middle) >= sign * bar
        low, high = (low, middle) if reached else (middle, high)
    return high


def _low_end(parts: Sequence[Part], alpha: float, power: float, n: int) -> float:
    """The lower end that a sum over n rows exceeds with this probability.

    It is that of the likeliest counts among those that stray so far.
    """
    variances = [rate * (1 - rate) / (n * share) for rate, share, _ in parts]
    spread = math.sqrt(sum(v * part.weight**2 for v, part in zip(variances, parts, strict=True)))
    stray = float(norm.ppf(power)) / spread if spread else 0.0
    end = 0.0
    for (rate, share, weight), variance in zip(parts, variances, strict=True):
        rows, seen = n * share, min(1.0, max(0.0, rate - stray * weight * variance))
        k, each = seen * rows, alpha / len(parts)
        lower = float(betaincinv(k, rows - k + 1, each)) if seen > 0 else 0.0
        upper = float(betainccinv(k + 1, rows - k, each)) if seen < 1 else 1.0
        end += weight * (lower if weight > 0 else upper)
    return end


def n_for_ratio(bar: float, rate: float, alpha: float, power: float = 0.9) -> int | None:
    """Rows in each of two equal groups that prove a ratio of rates, both being `rate`.

    Returns:
        None when no number of rows can, since the bar is 1 or nobody is selected.
    """
    if not (0 < bar < 1 and 0 < rate <= 1):
        return None
    low, high = 1, 2
    while _ratio_power(bar, rate, alpha, high) < power and high < HOPELESS // 1000:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        reached = _ratio_power(bar, rate, alpha, middle) >= power
        low, high = (low, middle) if reached else (middle, high)
    return high


def _ratio_power(bar: float, rate: float, alpha: float, n: int) -> float:
    """P(both lower ends of the two ratios reach the bar), summed over the likely counts."""
    likely = 1e-9
    k = np.arange(int(binom.ppf(likely, n, rate)), int(binom.isf(likely, n, rate)) + 1)
    lower = np.where(k > 0, betaincinv(np.maximum(k, 1), n - k + 1, alpha / 2), 0.0)
    upper = np.where(k < n, betainccinv(k + 1, np.maximum(n - k, 1), alpha / 2), 1.0)
    chance = binom.pmf(k, n, rate)
    proven = (lower[:, None] >= bar * upper) & (lower >= bar * upper[:, None])
    return float(chance @ proven @ chance)


def most_placed(n: int, largest: int, share: float, luck: float) -> int:
    """Rows that a part of a random split exceeds with a probability of at most `luck`.

    Chernoff's bound on a sum of units that are placed each on its own (Hoeffding 1963, theorem 1),
    counted in units of the largest size: smaller ones stray less.

    Args:
        n: Rows that are split.
        largest: Rows of the largest unit.
        share: Probability that a unit is placed in the part, in (0, 1).
        luck: In (0, 1).
    """
    low, high = share, 1.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        distance = rel_entr(middle, share) + rel_entr(1 - middle, 1 - share)
        likely = n / largest * distance < math.log(1 / luck)
        low, high = (middle, high) if likely else (low, middle)
    return int(n * high)
