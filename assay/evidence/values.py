"""Gated numbers: a `Bound` with its n and its method, or an `Exact` with its source."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from assay.errors import EvidenceError


def _number(name: str, value: Any) -> float:
    """A finite float that is neither bool nor text."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise EvidenceError(
            "not_a_number", f"expected a finite number for {name}, found {type(value).__name__}"
        )
    return float(value)


@dataclass(frozen=True, slots=True)
class Bound:
    """An estimate with a one-sided confidence bound at each end.

    Attributes:
        point: The estimate, between `lower` and `upper`.
        lower: One-sided lower bound: the truth is below it with probability at most `alpha`.
        upper: One-sided upper bound, at the same `alpha`.
        alpha: Error probability of each end, in (0, 0.5), already divided by the allowed looks.
        n: Rows that the estimate rests on, at least 1.
        method: Name of the interval, such as `clopper-pearson`.

    Raises:
        EvidenceError: A number is missing, not finite, or out of order.
    """

    point: float
    lower: float
    upper: float
    alpha: float
    n: int
    method: str

    def __post_init__(self) -> None:
        for name in ("point", "lower", "upper", "alpha"):
            object.__setattr__(self, name, _number(name, getattr(self, name)))
        if isinstance(self.n, bool) or not isinstance(self.n, int) or self.n < 1:
            raise EvidenceError("malformed", "expected n to be an integer of at least 1")
        if not self.lower <= self.point <= self.upper:
            raise EvidenceError("malformed", "expected lower <= point <= upper in a bound")
        if not 0 < self.alpha < 0.5:
            raise EvidenceError("malformed", "expected alpha in (0, 0.5)")
        if not isinstance(self.method, str) or not self.method:
            raise EvidenceError("malformed", "expected a bound to name its method")


@dataclass(frozen=True, slots=True)
class Exact:
    """A value that is counted or derived, not estimated: epsilon, a count, a name.

    Attributes:
        value: A finite number, or text.
        source: `sha256:` digest of the artifact that it is recomputed from.

    Raises:
        EvidenceError: The value is neither, or the source is not a digest.
    """

    value: int | float | str
    source: str

    def __post_init__(self) -> None:
        if not isinstance(self.value, str):
            _number("value", self.value)
        if not is_digest(self.source):
            raise EvidenceError("malformed", "expected an exact value to name its source's digest")


Measurement: TypeAlias = Bound | Exact
_FIELDS: dict[frozenset[str], type[Bound] | type[Exact]] = {
    frozenset(Bound.__slots__): Bound,
    frozenset(Exact.__slots__): Exact,
}


def is_digest(text: object) -> bool:
    """Whether this is `sha256:` and 64 lower-case hexadecimal digits."""
    if not isinstance(text, str) or len(text) != 71 or not text.startswith("sha256:"):
        return False
    return set(text[7:]) <= set("0123456789abcdef")


def measurement_to_json(measurement: Measurement) -> dict[str, Any]:
    """The plain form that statements and the policy's question carry."""
    return asdict(measurement)


def measurement_from_json(found: object) -> Measurement:
    """The measurement of a plain form.

    Raises:
        EvidenceError: Not a mapping with exactly the keys of a `Bound` or of an `Exact`.
    """
    kind = _FIELDS.get(frozenset(found)) if isinstance(found, Mapping) else None
    if kind is None:
        raise EvidenceError(
            "malformed", f"expected a bound or an exact value, found {type(found).__name__}"
        )
    assert isinstance(found, Mapping)
    return kind(**found)
