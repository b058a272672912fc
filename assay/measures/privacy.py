"""Privacy: what the declared mechanism proves; derived, since epsilon is no statistic."""

from __future__ import annotations

import math
from typing import Any

from assay.errors import EvidenceError
from assay.evidence.digest import digest_json
from assay.evidence.values import Exact, Measurement
from assay.measures.request import Request, Tables
from assay.measures.zcdp import epsilon_of_rho

NONE = "none"  # a mechanism that proves nothing, and therefore has no epsilon
TOLERANCE = 1e-9  # of sums of floats


def measure(tables: Tables, request: Request) -> dict[str, Measurement]:
    """Mechanism and unit; epsilon and delta when the mechanism's parts prove any.

    From the declaration alone, which is the configuration; its digest is the source of each value.
    """
    source = digest_json(request.config)
    found: dict[str, Measurement] = {
        key: Exact(request.asked(key, str), source) for key in ("mechanism", "unit")
    }
    if request.config["mechanism"] != NONE:
        delta = float(request.asked("delta", (int, float)))
        epsilon = epsilon_of_rho(_spent(request), delta)
        if epsilon > request.asked("epsilon", (int, float)) + TOLERANCE:
            raise EvidenceError("malformed", "expected a declared epsilon that covers all parts")
        found |= {"epsilon": Exact(epsilon, source), "delta": Exact(delta, source)}
    return found


def _spent(request: Request) -> float:
    """The sum of the parts' rho: zCDP composes by addition (Bun & Steinke 2016, lemma 1.7)."""
    parts = [_rho_of(part) for part in request.asked("parts", list)]
    total = float(request.asked("rho", (int, float)))
    if not parts or not math.isclose(math.fsum(parts), total, rel_tol=TOLERANCE):
        raise EvidenceError("malformed", "expected parts whose rho add up to the declared rho")
    return math.fsum(parts)


def _rho_of(part: Any) -> float:
    match part:
        case {"name": str(), "rho": float() | int() as rho, **others} if not others:
            if not isinstance(rho, bool) and math.isfinite(rho) and rho > 0:
                return float(rho)
    raise EvidenceError("malformed", "expected each part to be a name and a rho above 0")
