"""Envelopes: an in-toto statement, signed as DSSE with ed25519, and believed only by role.

https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from assay.errors import EvidenceError
from assay.evidence.canonical import canonical, parse, parse_canonical
from assay.evidence.statement import STATEMENT_TYPE

PAYLOAD_TYPE = "application/vnd.in-toto+json"
MAX_ENVELOPE = 1 << 20  # bytes
MAX_SIGNATURES = 16
_STATEMENT_KEYS = {"_type", "subject", "predicateType", "predicate"}


def public_bytes(key: Ed25519PublicKey) -> bytes:
    """A public key as DER SubjectPublicKeyInfo."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_id(key: Ed25519PublicKey) -> str:
    """The id that signatures name: SHA-256 of the public key, 64 hexadecimal digits."""
    return hashlib.sha256(public_bytes(key)).hexdigest()


@dataclass(frozen=True, slots=True)
class Role:
    """Who may say what.

    Attributes:
        name: Such as `evaluator`.
        keys: Key id -> public key; at least one.
        threshold: Different keys that must have signed, 1 to `len(keys)`.
        predicate_types: What the role may state; at least one.

    Raises:
        EvidenceError: Empty, an id that is not its key's, or a threshold that no one can meet.
    """

    name: str
    keys: Mapping[str, Ed25519PublicKey]
    threshold: int
    predicate_types: frozenset[str]

    def __post_init__(self) -> None:
        if not self.keys or not self.predicate_types:
            raise EvidenceError("malformed", f"expected keys and predicate types for {self.name}")
        if any(key_id(key) != name for name, key in self.keys.items()):
            raise EvidenceError("malformed", f"expected each key of {self.name} under its own id")
        if type(self.threshold) is not int or not 1 <= self.threshold <= len(self.keys):
            raise EvidenceError(
                "malformed", f"expected a threshold of {self.name} from 1 to {len(self.keys)}"
            )


def sign(statement: Mapping[str, Any], keys: Sequence[Ed25519PrivateKey]) -> bytes:
    """The envelope of a statement, signed by every key.

    Args:
        statement: in-toto Statement v1 as plain JSON.
        keys: At least one.

    Raises:
        EvidenceError: No statement that `verify` would read, or no key.
    """
    if not keys:
        raise EvidenceError("bad_signature", "expected a key to sign with, found none")
    payload = canonical(statement)
    _statement(payload)
    return _envelope(payload, [_signed(payload, key) for key in keys])


def countersign(envelope: bytes, key: Ed25519PrivateKey) -> bytes:
    """The same envelope with one more signature, over what `unverified` says.

    Raises:
        EvidenceError: No envelope, or one that this key has signed (`duplicate`).
    """
    payload, signatures = _parts(envelope)
    _statement(payload)
    own = _signed(payload, key)
    if own["keyid"] in {name for name, _ in map(_signature, signatures)}:
        raise EvidenceError("duplicate", "expected another key than one that signed this already")
    return _envelope(payload, [*signatures, own])


def unverified(envelope: bytes) -> dict[str, Any]:
    """The statement inside an envelope, whoever signed it: to be looked at, and never believed.

    Raises:
        EvidenceError: `too_large` or `malformed`.
    """
    return _statement(_parts(envelope)[0])


def verify(envelope: bytes, role: Role) -> dict[str, Any]:
    """The statement inside an envelope that enough of a role's keys have signed.

    Raises:
        EvidenceError: `too_large`; `malformed`; `wrong_role` when no key of the role signed, or
            the role may not state this; `bad_signature` when too few signatures hold.
    """
    # 1. Strict JSON with exactly the keys of the protocol, and our payload type.
    payload, entries = _parts(envelope)
    # 2. Signatures before content: nothing is parsed that no trusted key stands for.
    signatures = [_signature(entry) for entry in entries]
    own = [(name, signature) for name, signature in signatures if name in role.keys]
    if not own:
        raise EvidenceError("wrong_role", f"expected a signature by role {role.name}, found none")
    message = _to_be_signed(payload)
    valid = {name for name, signature in own if _holds(role.keys[name], signature, message)}
    if len(valid) < role.threshold:
        raise EvidenceError(
            "bad_signature",
            f"expected {role.threshold} valid signatures by role {role.name}, found {len(valid)}",
        )
    # 3. One spelling of one statement, of a type that this role may state.
    statement = _statement(payload)
    if statement["predicateType"] not in role.predicate_types:
        raise EvidenceError("wrong_role", f"expected a statement that role {role.name} may make")
    return statement


def _parts(envelope: bytes) -> tuple[bytes, list[Any]]:
    """Payload and signatures of an envelope, neither of them looked into."""
    found = parse(envelope, limit=MAX_ENVELOPE)
    if not isinstance(found, dict) or set(found) != {"payloadType", "payload", "signatures"}:
        raise EvidenceError("malformed", "expected payloadType, payload and signatures")
    if found["payloadType"] != PAYLOAD_TYPE:
        raise EvidenceError("malformed", f"expected payload type {PAYLOAD_TYPE}, found another")
    return decode_base64(found["payload"]), _signatures(found["signatures"])


def _envelope(payload: bytes, signatures: Sequence[Mapping[str, str]]) -> bytes:
    text = base64.b64encode(payload).decode("ascii")
    parts = {"payloadType": PAYLOAD_TYPE, "payload": text, "signatures": list(signatures)}
    return canonical(parts)


def _signed(payload: bytes, key: Ed25519PrivateKey) -> dict[str, str]:
    signature = base64.b64encode(key.sign(_to_be_signed(payload))).decode("ascii")
    return {"keyid": key_id(key.public_key()), "sig": signature}


def _to_be_signed(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding."""
    kind = PAYLOAD_TYPE.encode("ascii")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _statement(payload: bytes) -> dict[str, Any]:
    statement = parse_canonical(payload, limit=MAX_ENVELOPE)
    if not isinstance(statement, dict) or set(statement) != _STATEMENT_KEYS:
        raise EvidenceError("malformed", f"expected a statement with {sorted(_STATEMENT_KEYS)}")
    if statement["_type"] != STATEMENT_TYPE or not isinstance(statement["predicateType"], str):
        raise EvidenceError("malformed", "expected an in-toto statement v1 with a predicate type")
    return statement


def _signatures(found: object) -> list[Any]:
    if not isinstance(found, list) or not 1 <= len(found) <= MAX_SIGNATURES:
        raise EvidenceError("malformed", f"expected 1 to {MAX_SIGNATURES} signatures")
    return found


def _signature(entry: object) -> tuple[str, bytes]:
    match entry:
        case {"keyid": str(name), "sig": signature, **more} if not more:
            return name, decode_base64(signature)
    raise EvidenceError("malformed", "expected a signature with exactly keyid and sig")


def decode_base64(text: object) -> bytes:
    """Standard base64 in its one spelling: no blank, no other alphabet, no stray bit."""
    if not isinstance(text, str):
        raise EvidenceError("malformed", f"expected base64 text, found {type(text).__name__}")
    try:
        decoded = base64.b64decode(text, validate=True)
    except ValueError:
        raise EvidenceError("malformed", "expected base64, found other characters") from None
    if base64.b64encode(decoded).decode("ascii") != text:
        raise EvidenceError("malformed", "expected base64 in its one spelling, found another")
    return decoded


def _holds(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True
