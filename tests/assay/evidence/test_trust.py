"""Trust names who may state what; it can narrow a role and never widen it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from assay.errors import EvidenceError, Refused
from assay.evidence.dsse import key_id
from assay.evidence.keys import ROLES
from assay.evidence.trust import AGREED, STATES, Trust
from assay.evidence.values import is_digest

Json = dict[str, Any]
KEYS = {
    role: Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32).public_key()
    for n, role in enumerate(ROLES, start=1)
}


def plain() -> Json:
    found: Json = json.loads(Trust.of(KEYS).to_json())
    return found


def load(folder: Path, found: object) -> Trust:
    file = folder / "trust.json"
    file.write_bytes(found if isinstance(found, bytes) else json.dumps(found).encode())
    return Trust.load(file)


def changed(change: Callable[[Json], object]) -> Json:
    found = plain()
    change(found["roles"])
    return found


def test_there_are_six_roles_and_waivers_and_no_two_state_the_same() -> None:
    assert set(ROLES) == {"data", "trainer", "evaluator", "gate", "promoter", "policy"}
    assert STATES.keys() - set(ROLES) == AGREED.keys() == {"waiver"}
    stated = [kind for kinds in STATES.values() for kind in kinds]
    assert len(stated) == len(set(stated)) == 15


def test_trust_reads_back_with_the_same_digest_however_it_is_spaced(tmp_path: Path) -> None:
    made = Trust.of(KEYS)
    for written in (made.to_json(), json.dumps(plain(), indent=2).encode()):
        read = load(tmp_path, written)
        assert read.digest == made.digest
        assert read.roles.keys() == KEYS.keys()
    assert is_digest(made.digest)


def test_the_digest_follows_every_key_threshold_and_type(tmp_path: Path) -> None:
    stranger = Ed25519PrivateKey.from_private_bytes(bytes([99]) * 32).public_key()
    narrowed = changed(lambda roles: roles["evaluator"]["predicateTypes"].pop())
    digests = {
        Trust.of(KEYS).digest,
        Trust.of({**KEYS, "gate": stranger}).digest,
        Trust.of({"gate": KEYS["gate"]}).digest,
        load(tmp_path, narrowed).digest,
    }
    assert len(digests) == 4


def test_a_consumer_may_trust_fewer_roles(tmp_path: Path) -> None:
    trust = load(tmp_path, changed(lambda roles: roles.pop("trainer")))
    assert trust.role("gate").threshold == 1
    with pytest.raises(EvidenceError, match="wrong_role"):
        trust.role("trainer")


def other_key() -> str:
    public = generate_private_key(SECP256R1()).public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def copied(roles: Json) -> None:
    roles["trainer"]["keys"] = roles["evaluator"]["keys"]


def widened(roles: Json) -> None:
    roles["trainer"]["predicateTypes"] += roles["evaluator"]["predicateTypes"]


MALFORMED: dict[str, object] = {
    "empty": b"",
    "null": None,
    "no roles": {"roles": {}},
    "no object": {"roles": []},
    "an extra key": {**plain(), "also": 1},
    "duplicate roles": b'{"roles":{},"roles":{}}',
    "deep": b"[" * 60_000,
    "an unknown role": changed(lambda roles: roles.update(approver=roles.pop("gate"))),
    "a role of null": changed(lambda roles: roles.update(gate=None)),
    "a key short": changed(lambda roles: roles["gate"].pop("keys")),
    "an extra key in a role": changed(lambda roles: roles["gate"].update(also=1)),
    "no keys": changed(lambda roles: roles["gate"].update(keys=[])),
    "one key in two roles": changed(copied),
    "one key twice": changed(lambda roles: roles["gate"].update(keys=roles["gate"]["keys"] * 2)),
    "a key of null": changed(lambda roles: roles["gate"].update(keys=[None])),
    "a key of zeros": changed(lambda roles: roles["gate"].update(keys=["AAAA"])),
    "a key of another kind": changed(lambda roles: roles["gate"].update(keys=[other_key()])),
    "no threshold": changed(lambda roles: roles["gate"].update(threshold=0)),
    "a threshold of two": changed(lambda roles: roles["gate"].update(threshold=2)),
    "a threshold of true": changed(lambda roles: roles["gate"].update(threshold=True)),
    "a threshold of one half": changed(lambda roles: roles["gate"].update(threshold=0.5)),
    "no types": changed(lambda roles: roles["gate"].update(predicateTypes=[])),
    "a type of null": changed(lambda roles: roles["gate"].update(predicateTypes=[None])),
    "a type twice": changed(
        lambda roles: roles["gate"].update(predicateTypes=roles["gate"]["predicateTypes"] * 2)
    ),
    "the evaluator's types for the trainer": changed(widened),
    "the promoter's type for the gate": changed(
        lambda roles: roles["gate"].update(predicateTypes=roles["promoter"]["predicateTypes"])
    ),
}


@pytest.mark.parametrize("found", MALFORMED.values(), ids=MALFORMED)
def test_trust_that_is_loose_or_malformed_is_refused(tmp_path: Path, found: object) -> None:
    with pytest.raises(EvidenceError, match="malformed"):
        load(tmp_path, found)


def test_trust_is_a_small_plain_file(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="unreadable"):
        Trust.load(tmp_path / "absent")
    with pytest.raises(EvidenceError, match="too_large"):
        load(tmp_path, b" " * (1 << 17))
    load(tmp_path, plain())
    (tmp_path / "link").symlink_to("trust.json")
    with pytest.raises(EvidenceError, match="not_a_file"):
        Trust.load(tmp_path / "link")


def test_only_known_roles_are_made() -> None:
    with pytest.raises(EvidenceError, match="malformed"):
        Trust.of({"approver": KEYS["gate"]})


STRANGER = Ed25519PrivateKey.from_private_bytes(bytes([99]) * 32).public_key()
OLD = Trust.of(KEYS)
ROTATED = OLD.with_key("gate", STRANGER)


def narrowed(trust: Trust, role: str, **changes: Any) -> Trust:
    return Trust({**trust.roles, role: replace(trust.role(role), **changes)})


def few_types(role: str) -> frozenset[str]:
    return frozenset(sorted(STATES[role])[:1])


def test_a_key_more_covers_what_was_trusted_before() -> None:
    assert OLD.covers(OLD)
    assert ROTATED.covers(OLD)
    assert ROTATED.role("gate").keys.keys() == {key_id(KEYS["gate"]), key_id(STRANGER)}
    assert Trust.of(KEYS).with_key("gate", KEYS["gate"]).digest == OLD.digest


COVERED_BY_NONE = {
    "a key that came later": (OLD, ROTATED),
    "a key that was revoked": (ROTATED.without_key("gate", key_id(KEYS["gate"])), OLD),
    "another's key": (Trust.of({**KEYS, "gate": STRANGER}), OLD),
    "a key that changed its role": (
        Trust.of({**KEYS, "gate": KEYS["promoter"], "promoter": KEYS["gate"]}),
        OLD,
    ),
    "a role less": (Trust.of({name: KEYS[name] for name in ("gate", "promoter")}), OLD),
    "fewer types": (narrowed(OLD, "evaluator", predicate_types=few_types("evaluator")), OLD),
    "more types": (OLD, narrowed(OLD, "evaluator", predicate_types=few_types("evaluator"))),
    "a higher threshold": (narrowed(ROTATED, "gate", threshold=2), OLD),
    "a lower threshold": (ROTATED, narrowed(ROTATED, "gate", threshold=2)),
}


@pytest.mark.parametrize("name", COVERED_BY_NONE)
def test_whatever_was_trusted_otherwise_is_not_covered(name: str) -> None:
    today, older = COVERED_BY_NONE[name]
    assert not today.covers(older)


def test_a_key_less_is_the_trust_of_before() -> None:
    assert ROTATED.without_key("gate", key_id(STRANGER)).digest == OLD.digest


def test_a_role_keeps_as_many_keys_as_have_to_sign() -> None:
    for trust in (OLD, narrowed(ROTATED, "gate", threshold=2)):
        with pytest.raises(Refused, match="last_key"):
            trust.without_key("gate", key_id(KEYS["gate"]))


def test_a_key_never_speaks_for_two_roles() -> None:
    with pytest.raises(EvidenceError, match="malformed"):
        OLD.with_key("gate", KEYS["trainer"])
