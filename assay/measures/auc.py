"""The area under the ROC curve, with a bound that holds near 0 and 1 too.

DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44: an unbiased variance from the share of the
other class that each row outranks. Its normal interval is honest in the middle and far too narrow
near the ends: at a true area of .98 with 100 positive rows, a lower bound at .0025 is wrong 3 to
13 % of the time, and at an observed area of 1 it has no width at all. Two things mend it:

1. Student's t with min(n1, n0) - 1 degrees of freedom in place of the normal quantile.
2. |2 a - 1| log(1 / alpha) / min(n1, n0) more towards the middle. At an observed area of 1 the
   lower end is then below alpha^(1 / min(n1, n0)), the exact bound of Hoeffding 1963 (section 5)
   for a perfect ranking; at .5, where the distribution is symmetric, nothing is added.

Coverage was simulated over five families of scores, areas .5 to .98 and 20 to 1,300 rows: tests.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from scipy.stats import t as student

from assay.errors import EvidenceError
from assay.evidence.values import Bound


def area_under_curve(score: NDArray[Any], label: NDArray[Any], alpha: float) -> Bound:
    """P(a row of label 1 scores above a row of label 0), ties counting one half.

    Args:
        score: (n,), higher for label 1.
        label: (n,), 0 or 1.
        alpha: Error probability of each end.

    Raises:
        EvidenceError: `one_class` with fewer than two rows of either label.
    """
    positive, negative = score[label == 1], score[label == 0]
    fewest = min(len(positive), len(negative))
    if fewest < 2:
        raise EvidenceError("one_class", "expected two rows or more of each label")
    area, variance = _delong(positive, negative)
    spread = student.isf(alpha, fewest - 1) * math.sqrt(variance)
    slack = math.log(1 / alpha) / fewest
    lower = area - spread - max(0.0, 2 * area - 1) * slack
    upper = area + spread + max(0.0, 1 - 2 * area) * slack
    return Bound(area, max(0.0, lower), min(1.0, upper), alpha, len(score), "delong-t")


def _delong(positive: NDArray[Any], negative: NDArray[Any]) -> tuple[float, float]:
    """Area and variance by mid-ranks: Sun & Xu 2014, IEEE Signal Processing Letters 21."""
    n1, n0 = len(positive), len(negative)
    ranks = rankdata(np.concatenate([positive, negative]))
    above = (ranks[:n1] - rankdata(positive)) / n0
    below = 1 - (ranks[n1:] - rankdata(negative)) / n1
    return float(above.mean()), float(above.var(ddof=1) / n1 + below.var(ddof=1) / n0)
