"""The two mechanisms that see real rows, both OpenDP's, both under zero-concentrated privacy.

No function here takes a seed: noise that can be drawn again can be subtracted. Neighbours differ
by one row, so a vector of counts has sensitivity 1 in L2, and a score by counts has sensitivity 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import opendp.prelude as dp
from numpy.typing import NDArray

from assay.errors import InputError, Unavailable

dp.enable_features("contrib")


def noise_scale(rho: float) -> float:
    """Scale of either mechanism that `rho` buys at sensitivity 1, a hair above sqrt(1 / (2 rho)).

    Of the Gaussian it is the standard deviation; of the noisy maximum, Gumbel's scale.

    Raises:
        InputError: The budget is nothing (`no_budget`).
    """
    if not rho > 0 or not math.isfinite(rho):
        raise InputError("no_budget", "expected a privacy budget above 0")
    return (1 + 1e-9) * math.sqrt(1 / (2 * rho))


def noisy_counts(counts: NDArray[np.int64], rho: float) -> NDArray[np.int64]:
    """Counts with integer Gaussian noise; post-processing may do anything with them.

    Canonne, Kamath & Steinke 2020, arXiv:2004.00010.

    Args:
        counts: Histogram of rows, of any shape; each row is in one cell.
        rho: The part of the budget that this costs, above 0.

    Returns:
        The same shape; cells may be negative.
    """
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l2_distance(T=float)
    mechanism = dp.m.make_gaussian(*space, scale=noise_scale(rho))
    _require_certified(mechanism.map(1.0), rho)
    noisy = mechanism([int(count) for count in counts.ravel()])
    return np.asarray(noisy, dtype=np.int64).reshape(counts.shape)


def noisy_argmax(scores: Sequence[int], rho: float) -> int:
    """Index of about the highest of whole scores, each of sensitivity 1.

    Report noisy max with Gumbel noise, which is the exponential mechanism: Durfee & Rogers 2019,
    arXiv:1905.04273; its zCDP from its bounded range: Cesar & Rogers 2021, arXiv:2004.07223.

    Args:
        scores: At least one.
        rho: The part of the budget that this costs, above 0.
    """
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.linf_distance(T=int)
    measure = dp.zero_concentrated_divergence()
    mechanism = dp.m.make_noisy_max(*space, measure, scale=noise_scale(rho))
    _require_certified(mechanism.map(1), rho)
    return int(mechanism(list(scores)))


def _require_certified(cost: float, rho: float) -> None:
    """OpenDP's own privacy map has the last word."""
    if not cost <= rho:
        raise Unavailable(
            "not_certified", f"expected a cost of at most {rho:.6g}, found {cost:.6g}"
        )
