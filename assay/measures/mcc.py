"""Matthews' correlation coefficient as a bound, never as a bare number.

With sensitivity t, false-positive rate f and odds o = P(label 1) / P(label 0),
    MCC = (t - f) / sqrt(t (1 - t) o + f (1 - f) / o + t (1 - f) + f (1 - t)),
which rises with t, falls with f, and in o has one extreme, at sqrt(f (1 - f) / (t (1 - t))).
"""

from __future__ import annotations

import math

from assay.evidence.values import Bound
from assay.measures.bounds import Proportion, clopper_pearson


def matthews(positive: Proportion, negative: Proportion, alpha: float) -> Bound:
    """MCC over the box of t, f and both ends of o, each at alpha / 4 (Matthews 1975).

    Args:
        positive: Rows of label 1 that are predicted so.
        negative: Rows of label 0 that are predicted so.
        alpha: Error probability of each end.
    """
    n = positive.n + negative.n
    t = clopper_pearson(positive.k, positive.n, alpha / 4)
    f = clopper_pearson(negative.n - negative.k, negative.n, alpha / 4)
    prevalence = clopper_pearson(positive.n, n, alpha / 4)
    odds = (prevalence.lower / (1 - prevalence.lower), prevalence.upper / (1 - prevalence.upper))
    point = _coefficient(t.point, f.point, positive.n / negative.n)
    lower = min(_coefficient(t.lower, f.upper, o) for o in _extremes(t.lower, f.upper, odds))
    upper = max(_coefficient(t.upper, f.lower, o) for o in _extremes(t.upper, f.lower, odds))
    return Bound(point, lower, upper, alpha, n, "box of clopper-pearson")


def _coefficient(t: float, f: float, odds: float) -> float:
    """0 when every row is predicted alike: then nothing correlates."""
    squared = t * (1 - t) * odds + f * (1 - f) / odds + t * (1 - f) + f * (1 - t)
    return (t - f) / math.sqrt(squared) if squared > 0 else 0.0


def _extremes(t: float, f: float, odds: tuple[float, float]) -> tuple[float, ...]:
    """The ends of the odds, and the extreme between them if there is one."""
    if t * (1 - t) <= 0:
        return odds
    extreme = math.sqrt(f * (1 - f) / (t * (1 - t)))
    return (*odds, extreme) if odds[0] < extreme < odds[1] else odds
