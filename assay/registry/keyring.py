"""Keys of a role come and go while the server runs, which reads its home for each question.

Each step leaves a home whose keys and trust fit, so whatever is interrupted is run again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from assay.errors import AssayError, InputError, Refused
from assay.evidence.attest import verify_evidence
from assay.evidence.decisions import decision_of
from assay.evidence.dsse import key_id, verify
from assay.evidence.kept import read_decision, read_trust
from assay.evidence.keys import (
    ELSEWHERE,
    ROLES,
    holds_key,
    load_key,
    make_next_key,
    next_key,
    succeed,
)
from assay.evidence.trust import AGREED, Trust
from assay.ledger import Entry, record_revocation, record_rotation, standing
from assay.policy.force import change_trust
from assay.registry.gate import Gate
from assay.registry.promoted import promoted, rested_on

SIGNS, VERIFIES = "signs", "verifies what it signed"
SIGNED = "does not verify any more; the next `assay watch` replaces it"
DECIDED = "was decided while the key was trusted; approve it again before it is exported"


@dataclass(frozen=True, slots=True)
class Listed:
    """One key of a role.

    Attributes:
        role: Whose.
        key: Its id; empty where the role's file holds none.
        state: `SIGNS`, `VERIFIES`, or what is wrong and what to do.
    """

    role: str
    key: str
    state: str

    @property
    def well(self) -> bool:
        """Nobody has to look at it."""
        return self.state in (SIGNS, VERIFIES)


@dataclass(frozen=True, slots=True)
class Rotated:
    """A role signs with a new key.

    Attributes:
        key: Its id.
        former: Ids of keys that still verify what they signed.
        resumed: Whether an earlier rotation was interrupted, which this one completed.
        lost: Why the file that was here did not speak for the role; empty if it did.
    """

    key: str
    former: tuple[str, ...]
    resumed: bool
    lost: str


@dataclass(frozen=True, slots=True)
class Revoked:
    """A key is not believed any more.

    Attributes:
        role: Whose it was.
        resting: `model/version` of each champion that rests on it, and how: `SIGNED` or `DECIDED`.
    """

    role: str
    resting: Mapping[str, str]


def list_keys(gate: Gate) -> tuple[Listed, ...]:
    """Every key of every role; of each role the one that signs first.

    Raises:
        AssayError: Trust or ledger is missing or malformed.
    """
    trust = gate.trust()
    revoked = {entry.body["key"] for entry in gate.ledger().entries("revocation")}
    held = (found for role in ROLES for found in _list(gate, role, trust, revoked))
    agreed = (
        (role, key) for role in AGREED if role in trust.roles for key in trust.role(role).keys
    )
    return (*held, *(Listed(role, key, VERIFIES) for role, key in sorted(agreed)))


def _list(gate: Gate, role: str, trust: Trust, revoked: set[str]) -> list[Listed]:
    if role in ELSEWHERE and not holds_key(gate.home, role):
        found = {}
    else:
        key, fault = _signer(gate, role, trust)
        found = {key: fault or SIGNS}
    found |= dict.fromkeys(sorted(trust.role(role).keys.keys() - found.keys()), VERIFIES)
    if (following := next_key(gate.home, role)) is not None:
        told = f"interrupted rotation; complete it: `assay keys rotate {role}`"
        found[key_id(following.public_key())] = told
    for lingering in revoked & trust.role(role).keys.keys():
        found[lingering] = f"revoked, and trusted all the same: `assay keys revoke {lingering}`"
    return [Listed(role, name, state) for name, state in found.items()]


def _signer(gate: Gate, role: str, trust: Trust) -> tuple[str, str]:
    """The id of the key in a role's file, and why it does not speak for the role."""
    try:
        key = key_id(load_key(gate.home, role).public_key())
    except AssayError as error:
        return "", str(error)
    trusted = key in trust.role(role).keys
    return key, "" if trusted else f"[key_untrusted] expected {role}.pem in trust.json"


def rotate(gate: Gate, role: str, now: int) -> Rotated:
    """Give a role a new key; what the former ones signed stays verifiable.

    The new key is on disk before the ledger names it, in the ledger before it is trusted, and
    trusted before it signs. An interrupted rotation goes on with the key that it had made.

    Args:
        gate: The gate, waiting for whoever decides now.
        role: Such as `evaluator`.
        now: Unix seconds.

    Raises:
        InputError: No such role (`no_key`), or no ledger.
        AssayError: Trust or ledger is missing, malformed or cannot be written.
    """
    with gate.alone():
        home, before = gate.home, gate.trust()
        begun = next_key(home, role)
        lost = _signer(gate, role, before)[1]
        key = begun or make_next_key(home, role)
        after = before.with_key(role, key.public_key())
        name = key_id(key.public_key())
        record_rotation(gate.ledger(), role, name, now)
        change_trust(home, after, now)
        succeed(home, role)
    former = tuple(sorted(after.role(role).keys.keys() - {name}))
    return Rotated(name, former, begun is not None, lost)


def entrust(gate: Gate, role: str, keys: Sequence[str], now: int) -> tuple[str, ...]:
    """Believe keys that this home does not hold: those that sign waivers, or a policy's owner's.

    Args:
        gate: The gate, waiting for whoever decides now.
        role: One of `AGREED` or `ELSEWHERE`.
        keys: Public keys, as `make_key` tells them.
        now: Unix seconds.

    Returns:
        Ids of all keys of the role.

    Raises:
        InputError: A role whose keys are made here (`no_key`).
        EvidenceError: Too few keys, or another role's.
        AssayError: Trust or ledger is missing, malformed or cannot be written.
    """
    if role not in (known := sorted({*AGREED, *ELSEWHERE})):
        raise InputError("no_key", f"expected one of {', '.join(known)}, found {role!a}")
    with gate.alone():
        before = gate.trust()
        after = before.with_public(role, keys)
        old = before.roles[role].keys.keys() if role in before.roles else set()
        for key in sorted(after.role(role).keys.keys() - old):
            record_rotation(gate.ledger(), role, key, now)
        change_trust(gate.home, after, now)
    return tuple(sorted(after.role(role).keys))


def revoke(gate: Gate, key: str, now: int) -> Revoked:
    """Believe a key no longer, neither for what it signs nor for what it signed.

    Args:
        gate: The gate, waiting for whoever decides now.
        key: Its id.
        now: Unix seconds.

    Raises:
        InputError: Nobody trusts such a key (`no_key`).
        Refused: It is the last of its role (`last_key`), or signs for it today (`key_in_use`).
        AssayError: Trust or ledger is missing, malformed or cannot be written.
    """
    with gate.alone():
        home, before = gate.home, gate.trust()
        role = next((name for name, role in before.roles.items() if key in role.keys), None)
        if role is None:
            raise InputError("no_key", "expected a key that `assay keys list` shows, found another")
        after = before.without_key(role, key)
        _require_idle(gate, role, key)
        record_revocation(gate.ledger(), role, key, now)
        change_trust(home, after, now)
        return Revoked(role, dict(_resting(gate)))


def _require_idle(gate: Gate, role: str, key: str) -> None:
    """A key that signs, or is about to, would sign what nobody believes."""
    if role in AGREED:
        return  # whoever has it is elsewhere
    signer, following = _signer(gate, role, gate.trust())[0], next_key(gate.home, role)
    if key == signer or (following is not None and key == key_id(following.public_key())):
        raise Refused(
            "key_in_use",
            f"expected a key that {role} signs with no longer, found the one that it uses; "
            f"make a new one first: `assay keys rotate {role}`",
        )


def _resting(gate: Gate) -> Iterator[tuple[str, str]]:
    """Champions that rest on a key that is not trusted today."""
    ledger = gate.ledger()
    for model in sorted({entry.body["model"] for entry in ledger.entries("promotion")}):
        entry = standing(ledger, model)
        if entry is not None and (how := _rests(gate, entry)):
            yield f"{model}/{entry.body['version']}", how


def _rests(gate: Gate, entry: Entry) -> str:
    home, trust = gate.home, gate.trust()
    try:
        promotion = promoted(gate, entry.body["envelope"])
        case = rested_on(gate, promotion)[0]
        sealed = read_decision(home, case.bundle_digest, promotion.decision_digest)
        decision = decision_of(verify(sealed, trust.role("gate")))
        for kind, envelope in case.bundle.envelopes.items():
            verify_evidence(envelope, kind, trust)
        return "" if trust.covers(read_trust(home, decision.trust_digest)) else DECIDED
    except Refused:
        return SIGNED
