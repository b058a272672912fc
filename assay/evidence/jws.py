"""Signatures for readers of RFC 7515 such as OPA: compact, by ed25519 (RFC 8037).

A token begins with its header in base64 and an envelope's signed bytes with `DSSEv1`, so a key
may make both, and neither ever passes for the other.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from assay.errors import EvidenceError
from assay.evidence.canonical import canonical
from assay.evidence.dsse import Role

ALGORITHM = "EdDSA"
SigningKey: TypeAlias = Ed25519PrivateKey


def passing_key() -> SigningKey:
    """A key that nobody trusts, and that is written nowhere."""
    return Ed25519PrivateKey.generate()


def public_pem(key: SigningKey) -> str:
    """The public half, as PEM."""
    return _pem(key.public_key())


def sign_token(claims: Mapping[str, Any], key: SigningKey) -> str:
    """The token of plain JSON; the same claims and key make the same one."""
    header = {"alg": ALGORITHM, "typ": "JWT"}
    message = b".".join(_base64(canonical(part)) for part in (header, claims))
    return b".".join((message, _base64(key.sign(message)))).decode("ascii")


def token_signer(token: str, role: Role) -> str:
    """Which of a role's keys signed a token, as PEM; what it claims is its reader's to ask.

    Raises:
        EvidenceError: None of them (`bad_signature`).
    """
    message, _, signature = token.encode("utf-8").rpartition(b".")
    for key in role.keys.values():
        if _holds(key, signature, message):
            return _pem(key)
    raise EvidenceError("bad_signature", f"expected a token by role {role.name}, found another's")


def _pem(key: Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def _base64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def _holds(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(base64.urlsafe_b64decode(signature + b"=" * (-len(signature) % 4)), message)
    except (InvalidSignature, ValueError):
        return False
    return True
