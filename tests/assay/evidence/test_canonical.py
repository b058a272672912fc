"""One value has one spelling, and what could mean two things is not read."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import EvidenceError
from assay.evidence.canonical import MAX_DEPTH, canonical, parse, parse_canonical

LIMIT = 1 << 20
words = st.text(max_size=8)
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(
    min_value=-1e15, max_value=1e15, allow_nan=False
)
plain = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@given(plain)
def test_what_is_written_reads_back_equal(value: Any) -> None:
    assert parse_canonical(canonical(value), limit=LIMIT) == value


@given(st.dictionaries(words, plain, max_size=6), st.randoms())
def test_key_order_and_spacing_do_not_matter(value: dict[str, Any], chance: random.Random) -> None:
    pairs = list(value.items())
    chance.shuffle(pairs)
    loose = json.dumps(dict(pairs), indent=chance.choice([None, 1])).encode()
    assert canonical(parse(loose, limit=LIMIT)) == canonical(value)


@given(st.binary(max_size=64) | st.text(max_size=64).map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        parse_canonical(raw, limit=LIMIT)
    except EvidenceError:
        return
    assert canonical(parse(raw, limit=LIMIT)) == raw


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"b": 1, "a": 2}, b'{"a":2,"b":1}'),
        ([1.0, -0.0, 1e-7, 1e21, 0.1], b"[1,0,1e-7,1e+21,0.1]"),
        # RFC 8785 3.2.3: keys by UTF-16 code units, so an astral one precedes U+FB33.
        ({"\ufb33": 1, "\U0001f600": 2}, '{"\U0001f600":2,"\ufb33":1}'.encode()),
        ("\x0f\n\u20ac\u2028", b'"\\u000f\\n' + "\u20ac\u2028".encode() + b'"'),
    ],
)
def test_rfc_8785_spelling(value: Any, written: bytes) -> None:
    assert canonical(value) == written


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        2**53,
        1e16,  # would be written as a whole number that is not held exactly
        {1: 2},
        {"a", "b"},
        b"bytes",
        "\ud800",
        {"\ud800": 1},
        object(),
    ],
)
def test_what_has_no_canonical_form_is_not_written(value: Any) -> None:
    with pytest.raises(EvidenceError):
        canonical(value)


def test_a_cycle_is_not_written() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    with pytest.raises(EvidenceError, match="malformed"):
        canonical(cycle)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "malformed"),
        (b"{", "malformed"),
        (b"[1,]", "malformed"),
        (b"1 2", "malformed"),
        (b'{"a":1,"a":1}', "malformed"),
        (b'{"x":{"a":1,"\\u0061":2}}', "malformed"),
        (b"NaN", "not_a_number"),
        (b"[-Infinity]", "not_a_number"),
        (b"1e999", "not_a_number"),
        (b"9007199254740992", "not_a_number"),
        (b"1" * 5000, "not_a_number"),
        (b'"\xff"', "malformed"),
        (b'"\\ud800"', "malformed"),
        (b'\xef\xbb\xbf"bom"', "malformed"),
        ("[1]".encode("utf-16"), "malformed"),
        (b'"' + b'\\"' * 200_000, "malformed"),
        (b"[" * 100_000 + b"]" * 100_000, "malformed"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "malformed"),
        (b" " * (LIMIT + 1), "too_large"),
    ],
    ids=lambda found: repr(found[:16]) if isinstance(found, bytes) else found,
)
def test_ambiguous_or_hostile_json_is_refused(raw: bytes, code: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        parse(raw, limit=LIMIT)
    assert refused.value.code == code


def test_depth_is_limited_and_brackets_in_text_are_not_depth() -> None:
    deepest = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert canonical(parse(deepest, limit=LIMIT)) == deepest
    assert parse(b'"' + b"[{" * 100 + b'\\"["', limit=LIMIT).startswith("[{")
    with pytest.raises(EvidenceError, match="deep"):
        parse(b"[" + deepest + b"]", limit=LIMIT)


@pytest.mark.parametrize(
    "raw", [b"[1, 2]", b'{"b":1,"a":2}', b"1.0", b"-0", b"1E2", b'"\\u0061"', b"[1]\n"]
)
def test_another_spelling_is_not_canonical(raw: bytes) -> None:
    parse(raw, limit=LIMIT)
    with pytest.raises(EvidenceError, match="spelling"):
        parse_canonical(raw, limit=LIMIT)
