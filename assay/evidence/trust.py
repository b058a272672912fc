"""Whom to believe: trust.json, which names the public keys of each role.

{"roles": {"gate": {"keys": ["<base64 of DER>"], "threshold": 1, "predicateTypes": ["..."]}}}
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from assay.errors import EvidenceError, Refused
from assay.evidence.canonical import canonical, parse
from assay.evidence.decisions import DECISION, DEMOTION, POLICY, PROMOTION, PUBLIC, WAIVER
from assay.evidence.digest import digest_bytes
from assay.evidence.dsse import Role, decode_base64, key_id, public_bytes
from assay.evidence.files import read_bytes
from assay.evidence.statement import ROLE_OF, predicate_type

MAX_TRUST = 1 << 16  # bytes
# What each role may state; trust.json may narrow it and cannot widen it.
STATES: Mapping[str, frozenset[str]] = {
    **{
        role: frozenset(predicate_type(kind) for kind, by in ROLE_OF.items() if by == role)
        for role in ROLE_OF.values()
    },
    "gate": frozenset({DECISION, PUBLIC}),
    "promoter": frozenset({PROMOTION, DEMOTION}),
    "policy": frozenset({POLICY}),
    "waiver": frozenset({WAIVER}),
}
# Roles that nobody has to have, and the keys that must agree: whose keys are in no home.
AGREED: Mapping[str, int] = {"waiver": 2}


@dataclass(frozen=True, slots=True)
class Trust:
    """Roles that someone believes.

    Attributes:
        roles: Role's name -> its keys, threshold and predicate types; at least one.

    Raises:
        EvidenceError: An unknown role, a statement that is not a role's to make, one key in two
            roles, or a role whose keys do not have to agree.
    """

    roles: Mapping[str, Role]

    def __post_init__(self) -> None:
        if not self.roles:
            raise EvidenceError("malformed", "expected roles to trust, found none")
        for name, role in self.roles.items():
            if name != role.name or name not in STATES or not role.predicate_types <= STATES[name]:
                raise EvidenceError("malformed", f"expected {name!a} to state what is its to state")
            if role.threshold < AGREED.get(name, 1):
                told = f"expected {name} to take {AGREED[name]} keys, found {role.threshold}"
                raise EvidenceError("malformed", told)
        ids = [key for role in self.roles.values() for key in role.keys]
        if len(ids) != len(set(ids)):
            raise EvidenceError("malformed", "expected each key in one role, found it in two")

    @classmethod
    def of(cls, keys: Mapping[str, Ed25519PublicKey]) -> Trust:
        """One key for each role, which may state all that is the role's."""
        alone = STATES.keys() - AGREED.keys()
        if not keys.keys() <= alone:
            raise EvidenceError("malformed", f"expected roles among {', '.join(sorted(alone))}")
        return cls({r: Role(r, {key_id(key): key}, 1, STATES[r]) for r, key in keys.items()})

    @classmethod
    def load(cls, path: Path) -> Trust:
        """Read trust.json.

        Raises:
            EvidenceError: `unreadable`, `not_a_file`, `too_large`, `malformed`.
        """
        return cls.read(read_bytes(path, limit=MAX_TRUST))

    @classmethod
    def read(cls, raw: bytes) -> Trust:
        """The trust that a trust.json of these bytes names.

        Raises:
            EvidenceError: `too_large`, `malformed`.
        """
        match parse(raw, limit=MAX_TRUST):
            case {"roles": dict(roles), **more} if not more:
                return cls({name: _role(name, entry) for name, entry in roles.items()})
        raise EvidenceError("malformed", "expected roles and nothing else in trust.json")

    def role(self, name: str) -> Role:
        """One role.

        Raises:
            EvidenceError: Nobody is trusted with it (`wrong_role`).
        """
        if name not in self.roles:
            raise EvidenceError("wrong_role", f"expected trust in a role {name!a}, found none")
        return self.roles[name]

    def covers(self, older: Trust) -> bool:
        """Whether all that an older trust believed is believed here, role by role, as it was then.

        A key that was revoked since, another threshold or other predicate types cover nothing.
        """
        return all(
            name in self.roles and _covers(self.roles[name], role)
            for name, role in older.roles.items()
        )

    def with_public(self, name: str, texts: Sequence[str]) -> Trust:
        """The same with more keys of a role; one whose keys have to agree may be new here.

        Args:
            name: The role.
            texts: Public keys, as trust.json writes them: base64 of DER.

        Raises:
            EvidenceError: No such role, no keys, too few of them, or one that is another role's.
        """
        more = {key_id(key): key for key in map(_key, texts)}
        if name in self.roles or name not in AGREED:
            role = self.role(name)
            return self._with(replace(role, keys={**role.keys, **more}))
        return self._with(Role(name, more, AGREED[name], STATES[name]))

    def with_key(self, name: str, key: Ed25519PublicKey) -> Trust:
        """The same with one more key of a role; a key that is there already changes nothing.

        Raises:
            EvidenceError: There is no such role (`wrong_role`), or the key is another's.
        """
        role = self.role(name)
        return self._with(replace(role, keys={**role.keys, key_id(key): key}))

    def without_key(self, name: str, key: str) -> Trust:
        """The same without one key of a role.

        Raises:
            EvidenceError: There is no such role (`wrong_role`).
            Refused: Too few keys would be left to speak for the role (`last_key`).
        """
        role = self.role(name)
        left = {known: public for known, public in role.keys.items() if known != key}
        if len(left) < role.threshold:
            command = "trust" if name in AGREED else "rotate"
            raise Refused(
                "last_key",
                f"expected {name} to keep {role.threshold} trusted, found {len(left)} left; "
                f"make a new one first: `assay keys {command} {name}`",
            )
        return self._with(replace(role, keys=left))

    def _with(self, role: Role) -> Trust:
        return Trust({**self.roles, role.name: role})

    def to_json(self) -> bytes:
        """The canonical trust.json."""
        return canonical({"roles": {name: _entry(role) for name, role in self.roles.items()}})

    @property
    def digest(self) -> str:
        """`sha256:` of the canonical trust.json, however the file was spaced."""
        return digest_bytes(self.to_json())


def _covers(role: Role, older: Role) -> bool:
    alike = (role.threshold, role.predicate_types) == (older.threshold, older.predicate_types)
    return alike and older.keys.keys() <= role.keys.keys()


def _entry(role: Role) -> dict[str, Any]:
    keys = (base64.b64encode(public_bytes(key)).decode("ascii") for key in role.keys.values())
    return {
        "keys": sorted(keys),
        "threshold": role.threshold,
        "predicateTypes": sorted(role.predicate_types),
    }


def _role(name: str, entry: object) -> Role:
    match entry:
        case {
            "keys": list(texts),
            "threshold": int(threshold),
            "predicateTypes": list(types),
            **more,
        } if not more and all(isinstance(kind, str) for kind in types):
            keys = {key_id(key): key for key in map(_key, texts)}
            if len(keys) == len(texts) and len(set(types)) == len(types):
                return Role(name, keys, threshold, frozenset(types))
    raise EvidenceError("malformed", f"expected different keys and predicate types of {name!a}")


def _key(text: object) -> Ed25519PublicKey:
    try:
        key = load_der_public_key(decode_base64(text))
    except (ValueError, UnsupportedAlgorithm):
        raise EvidenceError("malformed", "expected an ed25519 key in DER, found another") from None
    if not isinstance(key, Ed25519PublicKey):
        raise EvidenceError("malformed", "expected an ed25519 key, found another kind")
    return key
