"""A waiver counts by two signers, for one payload, until a day; anything less does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay.errors import EvidenceError, Refused
from assay.evidence.decision import Waiver
from assay.evidence.decisions import WAIVER, sign_waiver
from assay.evidence.dsse import countersign, sign, unverified
from assay.evidence.keys import make_key, public_text, read_key
from assay.evidence.statement import Subject
from assay.evidence.trust import Trust
from assay.evidence.waivers import read_waivers, verify_waiver, verify_waivers
from tests.assay.evidence.samples import NOW, digest

ONE, TWO, STRANGER, GATE = (
    Ed25519PrivateKey.from_private_bytes(letter * 32) for letter in (b"a", b"b", b"c", b"d")
)
ALONE = Trust.of({"gate": GATE.public_key()})
TRUST = ALONE.with_public("waiver", [public_text(ONE), public_text(TWO)])
SUBJECT = Subject("credit", digest("payload"))
WAIVED = Waiver(SUBJECT, "stress", "the feed is back on Monday", NOW - 10, NOW + 10)


def signed(waiver: Waiver = WAIVED, *keys: Ed25519PrivateKey) -> bytes:
    first, *others = keys or (ONE, TWO)
    envelope = sign_waiver(waiver, first)
    for key in others:
        envelope = countersign(envelope, key)
    return envelope


def test_two_signers_waive_one_gate_of_one_payload() -> None:
    assert verify_waiver(signed(), TRUST, SUBJECT, NOW) == WAIVED
    text = signed().decode()
    assert read_waivers({"stress": text}) == {"stress": WAIVED}
    assert verify_waivers({"stress": text}, TRUST, SUBJECT, NOW) == {"stress": WAIVED}
    assert str(WAIVED) == "until 2027-01-15 08:00 UTC: the feed is back on Monday"


@pytest.mark.parametrize(
    ("envelope", "now", "code"),
    [
        (signed(WAIVED, ONE), NOW, "waiver_signers"),
        (signed(WAIVED, ONE, STRANGER), NOW, "waiver_signers"),
        (signed(WAIVED, STRANGER), NOW, "waiver_signers"),
        (signed(WAIVED, GATE, STRANGER), NOW, "waiver_signers"),
        (signed(replace(WAIVED, subject=Subject("credit", digest("x")))), NOW, "waiver_subject"),
        (signed(replace(WAIVED, subject=Subject("other", SUBJECT.digest))), NOW, "waiver_subject"),
        (signed(), NOW + 10, "waiver_expired"),
        (signed(), NOW - 71, "waiver_future"),
        (signed()[:-1], NOW, "malformed"),
    ],
)
def test_no_other_waiver_counts(envelope: bytes, now: int, code: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        verify_waiver(envelope, TRUST, SUBJECT, now)
    assert refused.value.code == code


def test_a_waiver_counts_from_its_first_second_to_its_last() -> None:
    for now in (NOW - 70, NOW + 9):
        assert verify_waiver(signed(), TRUST, SUBJECT, now) == WAIVED


def test_whoever_trusts_no_signers_is_waived_nothing() -> None:
    with pytest.raises(EvidenceError, match="waiver_signers"):
        verify_waiver(signed(), ALONE, SUBJECT, NOW)


def test_a_waiver_stands_at_its_own_gate_alone() -> None:
    with pytest.raises(EvidenceError, match="waiver_gate"):
        verify_waivers({"utility": signed().decode()}, TRUST, SUBJECT, NOW)


def test_one_signature_given_twice_is_one() -> None:
    doubled = json.loads(signed(WAIVED, ONE))
    doubled["signatures"] *= 2
    with pytest.raises(EvidenceError, match="waiver_signers"):
        verify_waiver(json.dumps(doubled).encode(), TRUST, SUBJECT, NOW)
    with pytest.raises(EvidenceError, match="duplicate"):
        countersign(signed(), TWO)


def test_a_signature_of_something_else_does_not_count() -> None:
    other = json.loads(signed(replace(WAIVED, gate="utility")))
    mixed = json.loads(signed())
    mixed["signatures"][1] = other["signatures"][1]
    with pytest.raises(EvidenceError, match="waiver_signers"):
        verify_waiver(json.dumps(mixed).encode(), TRUST, SUBJECT, NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        {"gate": ""},
        {"reason": ""},
        {"reason": "a" * 201},
        {"reason": "two\nlines"},
        {"expires_at": NOW - 10},
        {"issued_at": -1},
    ],
)
def test_a_waiver_that_says_too_little_is_not_signed(wrong: dict[str, object]) -> None:
    with pytest.raises(EvidenceError, match="malformed"):
        signed(replace(WAIVED, **wrong))  # type: ignore[arg-type]


def _without(key: str) -> Callable[[dict[str, object]], object]:
    return lambda predicate: predicate.pop(key)


@pytest.mark.parametrize("key", ["subject", "gate", "reason", "issued_at", "expires_at"])
def test_a_waiver_without_a_word_is_none(key: str) -> None:
    statement = unverified(signed())
    _without(key)(statement["predicate"])
    with pytest.raises(EvidenceError, match="malformed"):
        verify_waiver(sign(statement, [ONE, TWO]), TRUST, SUBJECT, NOW)
    assert statement["predicateType"] == WAIVER


def test_a_role_that_waives_takes_two_keys() -> None:
    with pytest.raises(EvidenceError, match="malformed"):
        ALONE.with_public("waiver", [public_text(ONE)])
    with pytest.raises(EvidenceError, match="malformed"):
        ALONE.with_public("waiver", [public_text(ONE), public_text(ONE)])
    with pytest.raises(EvidenceError, match="malformed"):
        ALONE.with_public("waiver", [public_text(ONE), public_text(GATE)])
    assert TRUST.covers(ALONE)
    assert not ALONE.covers(TRUST)


def test_a_trust_that_lets_one_key_waive_is_none(tmp_path: Path) -> None:
    told = json.loads(TRUST.to_json())
    told["roles"]["waiver"]["threshold"] = 1
    (tmp_path / "trust.json").write_text(json.dumps(told))
    with pytest.raises(EvidenceError, match="malformed"):
        Trust.load(tmp_path / "trust.json")


def test_a_signers_key_is_a_file_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.pem"
    assert make_key(file) == public_text(read_key(file))
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Refused, match="key_exists"):
        make_key(file)
    file.chmod(0o640)
    with pytest.raises(Refused, match="key_exposed"):
        read_key(file)
