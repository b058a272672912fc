"""JSON that has one form: RFC 8785 is written, and nothing is read that could mean two things.

https://www.rfc-editor.org/rfc/rfc8785
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import rfc8785

from assay.errors import EvidenceError

MAX_DEPTH = 32
MAX_WHOLE = 2**53 - 1  # the largest whole number that every JSON reader holds exactly
# A string to its end, or one bracket; possessive, so that hostile text costs linear time.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def canonical(value: Any) -> bytes:
    """The RFC 8785 bytes of plain JSON.

    Raises:
        EvidenceError: The value is no JSON, holds NaN or infinity, or would not read back.
    """
    try:
        written = rfc8785.dumps(value)
    except (ValueError, RecursionError):
        raise EvidenceError("malformed", "expected plain JSON with finite numbers") from None
    _read(written, limit=len(written))
    return written


def parse(raw: bytes, *, limit: int) -> Any:
    """The value of strict JSON, in any spacing and key order.

    Args:
        raw: UTF-8 text.
        limit: Largest size, bytes.

    Raises:
        EvidenceError: `too_large`; `not_a_number` for NaN, infinity and numbers that are not held
            exactly; `malformed` for all else: a duplicate key, too deep, other bytes.
    """
    return _read_with_canonical(raw, limit)[0]


def parse_canonical(raw: bytes, *, limit: int) -> Any:
    """The value of RFC 8785 bytes.

    Raises:
        EvidenceError: As `parse`; `malformed` when the same value has another spelling.
    """
    value, written = _read_with_canonical(raw, limit)
    if written != raw:
        raise EvidenceError("malformed", "expected RFC 8785 JSON, found another spelling of it")
    return value


def _read_with_canonical(raw: bytes, limit: int) -> tuple[Any, bytes]:
    """What has no canonical form is refused too, such as half a character."""
    value = _read(raw, limit=limit)
    try:
        return value, rfc8785.dumps(value)
    except ValueError:
        raise EvidenceError("malformed", "expected whole characters in JSON") from None


def _read(raw: bytes, *, limit: int) -> Any:
    if len(raw) > limit:
        raise EvidenceError(
            "too_large", f"expected at most {limit} bytes of JSON, found {len(raw)}"
        )
    _check_depth(raw)
    try:
        return json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_distinct,
            parse_constant=_finite,
            parse_float=_finite,
            parse_int=_exact,
        )
    except (ValueError, RecursionError):
        raise EvidenceError("malformed", "expected JSON in UTF-8, found other bytes") from None


def _check_depth(raw: bytes) -> None:
    """Depth is counted before parsing: how deep a parser may go is set by whoever runs it."""
    depth = 0
    for token in _TOKEN.finditer(raw):
        first = raw[token.start()]
        depth += (first in b"[{") - (first in b"]}")
        if depth > MAX_DEPTH:
            raise EvidenceError("malformed", f"expected JSON at most {MAX_DEPTH} deep, found more")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise EvidenceError("malformed", "expected each JSON key once, found a duplicate")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise EvidenceError("not_a_number", "expected finite numbers in JSON, found another")
    return number


def _exact(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > MAX_WHOLE:
        raise EvidenceError("not_a_number", "expected whole numbers below 2**53 in JSON")
    return int(text)
