"""Zero-concentrated differential privacy and (epsilon, delta), by the tight conversion.

For every order a > 1, rho-zCDP gives (epsilon, delta) with
    epsilon = a rho + log(1 - 1/a) + (log(1 / delta) - log a) / (a - 1),
which is the exact trade-off of one Renyi order: Canonne, Kamath & Steinke 2020, arXiv:2004.00010,
proposition 12 (Bun & Steinke 2016, arXiv:1605.02658, proposition 1.3, is looser). Any order gives
a valid answer, so an inexact search for the best one errs on the safe side.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy.optimize import minimize_scalar

from assay.errors import EvidenceError

# Taken off rho, so that its epsilon is within the asked one on whatever machine computes it again.
ROUNDING = 1e-12
SMALLEST, LARGEST = math.log(1e-9), math.log(1e12)  # of a - 1, on a logarithmic scale


def epsilon_of_rho(rho: float, delta: float) -> float:
    """The smallest epsilon that rho-zCDP proves at this delta.

    Args:
        rho: Above 0.
        delta: In (0, 1).

    Raises:
        EvidenceError: `out_of_range`.
    """
    _require_positive(rho, delta)
    return max(0.0, _least(lambda order: order * rho + _rest(order, delta)))


def rho_of_epsilon(epsilon: float, delta: float) -> float:
    """The largest rho whose (epsilon, delta) stays within this epsilon.

    Args:
        epsilon: Above 0.
        delta: In (0, 1).

    Raises:
        EvidenceError: `out_of_range`.
    """
    _require_positive(epsilon, delta)
    return -_least(lambda order: (_rest(order, delta) - epsilon) / order) * (1 - ROUNDING)


def _rest(order: float, delta: float) -> float:
    """What an order costs beside order * rho."""
    beyond = order - 1
    return math.log1p(-1 / order) - (math.log(delta) + math.log(order)) / beyond


def _least(cost: Callable[[float], float]) -> float:
    found = minimize_scalar(
        lambda exponent: cost(1 + math.exp(exponent)),
        bounds=(SMALLEST, LARGEST),
        method="bounded",
        options={"xatol": 1e-12},
    )
    return float(found.fun)


def _require_positive(amount: float, delta: float) -> None:
    if not (math.isfinite(amount) and amount > 0 and 0 < delta < 1):
        raise EvidenceError("out_of_range", "expected a positive privacy loss and delta in (0, 1)")
