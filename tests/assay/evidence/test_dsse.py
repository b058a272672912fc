"""An envelope is believed for one role, in one spelling, with enough different keys, or not."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey

from assay.errors import EvidenceError
from assay.evidence.canonical import canonical
from assay.evidence.dsse import (
    MAX_ENVELOPE,
    PAYLOAD_TYPE,
    Role,
    key_id,
    sign,
    verify,
)
from assay.evidence.statement import predicate_type
from tests.assay.evidence.samples import evidence

Json = dict[str, Any]
KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in range(1, 4)]
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)
TYPES = frozenset({predicate_type("utility"), predicate_type("stress")})
STATEMENT = evidence().to_statement()


def role(threshold: int = 1, keys: int = 3) -> Role:
    own = {key_id(key.public_key()): key.public_key() for key in KEYS[:keys]}
    return Role("evaluator", own, threshold, TYPES)


def pae(body: bytes, kind: bytes = PAYLOAD_TYPE.encode()) -> bytes:
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def signature(body: bytes, key: Ed25519PrivateKey = KEYS[0], **other: str) -> Json:
    return {"keyid": key_id(key.public_key()), "sig": b64(key.sign(pae(body))), **other}


def forged(body: bytes, *signatures: Json, **other: Any) -> bytes:
    """An envelope whose signature over exactly this payload holds."""
    envelope = {
        "payloadType": PAYLOAD_TYPE,
        "payload": b64(body),
        "signatures": list(signatures) or [signature(body)],
        **other,
    }
    return json.dumps(envelope).encode()


def test_what_is_signed_is_read_back() -> None:
    assert verify(sign(STATEMENT, KEYS[:1]), role()) == STATEMENT


def test_the_same_statement_is_the_same_envelope() -> None:
    assert sign(STATEMENT, KEYS[:2]) == sign(json.loads(json.dumps(STATEMENT)), KEYS[:2])


@pytest.mark.parametrize(("signers", "threshold"), [(1, 1), (2, 2), (3, 2), (3, 3)])
def test_enough_different_keys_pass(signers: int, threshold: int) -> None:
    assert verify(sign(STATEMENT, KEYS[:signers]), role(threshold)) == STATEMENT


def test_a_stranger_beside_a_trusted_key_changes_nothing() -> None:
    assert verify(sign(STATEMENT, [STRANGER, KEYS[0]]), role()) == STATEMENT


BODY = canonical(STATEMENT)
OTHER = canonical(evidence("privacy").to_statement())
EXTRA = canonical({**STATEMENT, "also": 1})
DEEP = b'{"_type":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
ONE_KEY_TWICE = sign(STATEMENT, [KEYS[0], KEYS[0]])

# Each attempt, what it is, and the word it is refused by; every signature holds unless it says so.
FORGERIES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "malformed"),
    "not json": (b"\x80\x04", "malformed"),
    "null": (b"null", "malformed"),
    "a list": (b"[]", "malformed"),
    "no signatures": (forged(BODY, signatures=[]), "malformed"),
    "signatures of null": (forged(BODY, signatures=None), "malformed"),
    "a thousand signatures": (forged(BODY, *[signature(BODY)] * 1000), "malformed"),
    "signed by a stranger": (sign(STATEMENT, [STRANGER]), "wrong_role"),
    "a stranger under a trusted id": (
        forged(BODY, {"keyid": key_id(KEYS[0].public_key()), "sig": b64(STRANGER.sign(pae(BODY)))}),
        "bad_signature",
    ),
    "signature of another payload": (forged(BODY, signature(OTHER)), "bad_signature"),
    "signature without encoding": (
        forged(BODY, {"keyid": key_id(KEYS[0].public_key()), "sig": b64(KEYS[0].sign(BODY))}),
        "bad_signature",
    ),
    "signature of another payload type": (
        forged(
            BODY,
            {
                "keyid": key_id(KEYS[0].public_key()),
                "sig": b64(KEYS[0].sign(pae(BODY, b"text/plain"))),
            },
        ),
        "bad_signature",
    ),
    "empty signature": (
        forged(BODY, {"keyid": key_id(KEYS[0].public_key()), "sig": ""}),
        "bad_signature",
    ),
    "signature of null": (forged(BODY, {"keyid": "a", "sig": None}), "malformed"),
    "signature without id": (forged(BODY, {"sig": "AAAA"}), "malformed"),
    "id of a number": (forged(BODY, {"keyid": 1, "sig": "AAAA"}), "malformed"),
    "extra key beside a signature": (forged(BODY, signature(BODY, cert="x")), "malformed"),
    "extra key beside the payload": (forged(BODY, also=1), "malformed"),
    "another payload type": (forged(BODY, payloadType="application/json"), "malformed"),
    "payload type of null": (forged(BODY, payloadType=None), "malformed"),
    "payload of null": (forged(BODY, payload=None), "malformed"),
    "payload of an object": (forged(BODY, payload={}), "malformed"),
    "base64 with a blank": (forged(BODY, payload=b64(BODY) + " "), "malformed"),
    "base64 with a line end": (
        forged(BODY, payload=b64(BODY)[:8] + "\n" + b64(BODY)[8:]),
        "malformed",
    ),
    "base64 of the web": (forged(b"\xfb\xff", payload="-_8="), "malformed"),
    "base64 without padding": (forged(b"{}", payload="e30"), "malformed"),
    "base64 with stray bits": (forged(b"{}", payload="e31="), "malformed"),
    "base64 beyond ascii": (forged(BODY, payload="ä"), "malformed"),
    "duplicate payload": (forged(BODY).replace(b"{", b'{"payload":"",', 1), "malformed"),
    "duplicate key in the statement": (forged(b'{"_type":1,' + BODY[1:]), "malformed"),
    "spaced statement": (forged(json.dumps(STATEMENT).encode()), "malformed"),
    "unsorted statement": (
        forged(json.dumps(dict(reversed(STATEMENT.items())), separators=(",", ":")).encode()),
        "malformed",
    ),
    "statement with a line end": (forged(BODY + b"\n"), "malformed"),
    "number in another spelling": (forged(BODY.replace(b"0.0025", b"2.5e-3")), "malformed"),
    "NaN in the statement": (forged(BODY.replace(b"0.0025", b"NaN", 1)), "not_a_number"),
    "infinity by overflow": (forged(BODY.replace(b"0.0025", b"1e999", 1)), "not_a_number"),
    "NaN in the envelope": (
        forged(BODY).replace(b'"signatures"', b'"x":NaN,"signatures"'),
        "not_a_number",
    ),
    "extra key in the statement": (forged(EXTRA), "malformed"),
    "another statement type": (
        forged(canonical({**STATEMENT, "_type": "https://in-toto.io/Statement/v0.1"})),
        "malformed",
    ),
    "a statement that is a list": (forged(b"[]"), "malformed"),
    "a predicate type of null": (
        forged(canonical({**STATEMENT, "predicateType": None})),
        "malformed",
    ),
    "a predicate of another role": (forged(OTHER), "wrong_role"),
    "an unknown predicate": (
        forged(canonical({**STATEMENT, "predicateType": "urn:x"})),
        "wrong_role",
    ),
    "a deep envelope": (DEEP, "malformed"),
    "a deep statement": (forged(DEEP), "malformed"),
    "a deep signature list": (forged(BODY)[:-2] + b"," + b"[" * 100_000, "malformed"),
    "huge": (b" " * (MAX_ENVELOPE + 1), "too_large"),
    "huge and valid": (forged(BODY) + b" " * MAX_ENVELOPE, "too_large"),
    "a number of 5,000 digits": (b'{"payload":' + b"1" * 5000 + b"}", "not_a_number"),
}


@pytest.mark.parametrize(("envelope", "code"), FORGERIES.values(), ids=FORGERIES)
def test_a_forgery_is_refused(envelope: bytes, code: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        verify(envelope, role())
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("envelope", "threshold"),
    [
        (ONE_KEY_TWICE, 2),
        (sign(STATEMENT, KEYS[:1]), 2),
        (sign(STATEMENT, [KEYS[0], STRANGER]), 2),
        (sign(STATEMENT, [KEYS[0], KEYS[1], KEYS[0]]), 3),
        (forged(BODY, signature(BODY), signature(OTHER, KEYS[1])), 2),
    ],
)
def test_a_threshold_counts_different_keys_that_hold(envelope: bytes, threshold: int) -> None:
    with pytest.raises(EvidenceError, match="bad_signature"):
        verify(envelope, role(threshold))


def public(count: int) -> dict[str, Any]:
    return {key_id(key.public_key()): key.public_key() for key in KEYS[:count]}


@pytest.mark.parametrize(
    "make",
    [
        lambda: Role("x", {}, 1, TYPES),
        lambda: Role("x", public(1), 1, frozenset()),
        lambda: Role("x", public(1), 0, TYPES),
        lambda: Role("x", public(1), -1, TYPES),
        lambda: Role("x", public(1), 2, TYPES),
        lambda: Role("x", public(1), True, TYPES),
        lambda: Role("x", {"a" * 64: KEYS[0].public_key()}, 1, TYPES),
    ],
)
def test_a_role_that_anyone_or_no_one_meets_is_refused(make: Callable[[], Role]) -> None:
    with pytest.raises(EvidenceError):
        make()


@pytest.mark.parametrize(
    "statement",
    [
        {},
        {**STATEMENT, "also": 1},
        {**STATEMENT, "_type": "x"},
        {**STATEMENT, "predicateType": 1},
        {**STATEMENT, "predicate": float("nan")},
        {**STATEMENT, "predicate": 2**60},
        {**STATEMENT, "predicate": object()},
    ],
)
def test_what_could_not_be_verified_is_not_signed(statement: Json) -> None:
    with pytest.raises(EvidenceError):
        sign(statement, KEYS[:1])


def test_nothing_is_signed_by_nobody() -> None:
    with pytest.raises(EvidenceError, match="bad_signature"):
        sign(STATEMENT, [])


def test_securesystemslib_reads_ours() -> None:
    envelope = Envelope.from_dict(json.loads(sign(STATEMENT, KEYS[:2])))
    keys = [CryptoSigner(key).public_key for key in KEYS[:2]]
    own = [
        SSlibKey(key_id(private.public_key()), key.keytype, key.scheme, key.keyval)
        for private, key in zip(KEYS[:2], keys, strict=True)
    ]
    assert len(envelope.verify(own, 2)) == 2
    assert json.loads(envelope.payload) == STATEMENT


def test_we_read_securesystemslibs() -> None:
    envelope = Envelope(BODY, PAYLOAD_TYPE, {})
    for private in KEYS[:2]:
        made = CryptoSigner(private).public_key
        key = SSlibKey(key_id(private.public_key()), made.keytype, made.scheme, made.keyval)
        envelope.sign(CryptoSigner(private, key))
    assert verify(json.dumps(envelope.to_dict()).encode(), role(2)) == STATEMENT


def mutate(envelope: bytes, chance: random.Random) -> bytes:
    """One of the changes that a wire, an editor or an attacker makes."""
    raw = bytearray(envelope)
    at = chance.randrange(len(raw))
    length = chance.choice([1, 1, 2, 16, 200])
    match chance.randrange(7):
        case 0:
            raw[at] ^= 1 << chance.randrange(8)
        case 1:
            raw[at] = chance.randrange(256)
        case 2:
            del raw[at : at + length]
        case 3:
            raw[at:at] = raw[at : at + length]
        case 4:
            raw[at:at] = chance.choice([b'"', b"{", b"]", b",", b"\\", b" ", b"null", b"\0", b"="])
        case 5:
            del raw[at:]
        case 6:
            other = chance.randrange(len(raw))
            raw[at], raw[other] = raw[other], raw[at]
    return bytes(raw)


@pytest.mark.parametrize("signers", [1, 2])
def test_no_mutation_gains_another_meaning(signers: int) -> None:
    """Of 10,000, those that are still believed say exactly what was signed."""
    chance = random.Random(20_240_711 + signers)
    envelope, believed = sign(STATEMENT, KEYS[:signers]), 0
    for _ in range(10_000):
        found = mutate(envelope, chance)
        for _ in range(chance.randrange(3)):
            found = mutate(found, chance) if found else found
        try:
            assert verify(found, role(signers)) == STATEMENT
        except EvidenceError:
            continue
        believed += 1
    assert believed < 1000  # a blank between tokens, two equal bytes swapped


def test_no_mutation_of_a_signed_payload_gains_another_meaning() -> None:
    """The content is mutated and not signed again."""
    chance = random.Random(7)
    for _ in range(2000):
        body = mutate(BODY, chance)
        envelope = forged(body, signature(BODY))
        if body == BODY:
            continue
        with pytest.raises(EvidenceError):
            verify(envelope, role())


@given(st.binary(max_size=200))
def test_a_signed_payload_of_any_bytes_is_a_statement_or_refused(body: bytes) -> None:
    with pytest.raises(EvidenceError):
        verify(forged(body), role())
