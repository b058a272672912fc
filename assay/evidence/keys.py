"""Private keys of one home: one ed25519 key a role, and the secret that splits rows.

A rotation writes the next key beside a role's own, has it trusted, and only then replaces.
A process that holds a role's file can speak for that role; so each file is its owner's alone.
"""

from __future__ import annotations

import base64
import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from assay.errors import EvidenceError, InputError, Refused
from assay.evidence.access import note
from assay.evidence.dsse import key_id, public_bytes
from assay.evidence.files import move, put, read_bytes, write_once
from assay.evidence.trust import AGREED, STATES, Trust
from assay.home import Home

ROLES = tuple(role for role in STATES if role not in AGREED)
ELSEWHERE = frozenset({"policy"})  # roles whose key a home may do without, once it is trusted
SPLIT_BYTES = 32
MAX_KEY = 4096  # bytes


def make_keys(home: Home) -> Trust:
    """Make the keys and the trust of a fresh home; of an older one, check that they fit.

    Nothing that is there is ever replaced, and a home that is already trusted gets no new key.

    Raises:
        InputError: A key that it needs is gone (`no_key`), or its trust is of an earlier
            version (`no_role`).
        Refused: A key may be read by others (`key_exposed`), or is not the trusted one
            (`key_untrusted`).
        EvidenceError: A key or trust.json is malformed.
    """
    if not home.trust.exists():
        for role in ROLES:
            write_once(_path(home, role), _new_key())
        write_once(home.keys / "split.key", secrets.token_bytes(SPLIT_BYTES))
        made = Trust.of({role: load_key(home, role).public_key() for role in ROLES})
        write_once(home.trust, made.to_json())
    trust = Trust.load(home.trust)
    if unnamed := [role for role in ROLES if role not in trust.roles]:
        raise InputError(
            "no_role",
            f"expected trust.json to name a key for {', '.join(unnamed)}, found none, as in homes "
            "of an earlier version; start a fresh home, and keep this one to verify what it signed",
        )
    load_split_key(home)
    for role in ROLES:
        if role in ELSEWHERE and not holds_key(home, role):
            continue
        if key_id(load_key(home, role).public_key()) not in trust.role(role).keys:
            raise Refused(
                "key_untrusted",
                f"expected {role}.pem to be a key that trust.json names for {role}, found another; "
                "restore the one or the other, or start a fresh home",
            )
    return trust


def load_key(home: Home, role: str) -> Ed25519PrivateKey:
    """A role's private key.

    Raises:
        InputError: There is none here (`no_key`).
        Refused: Others may read it (`key_exposed`).
        EvidenceError: It is no ed25519 key (`malformed`).
        Unavailable: As `note`: nobody opens it unseen.
    """
    return _load(home, _path(home, role))


def holds_key(home: Home, role: str) -> bool:
    """Whether a role's private key is here at all."""
    return os.path.lexists(_path(home, role))


def next_key(home: Home, role: str) -> Ed25519PrivateKey | None:
    """The key that is to take a role's place, where a rotation was interrupted.

    Raises:
        InputError, Refused, EvidenceError: As `load_key`.
    """
    path = _next(home, role)
    return _load(home, path) if os.path.lexists(path) else None


def make_next_key(home: Home, role: str) -> Ed25519PrivateKey:
    """A new key beside the role's own, which speaks for the role until `succeed`.

    Raises:
        InputError: There is no such role (`no_key`).
    """
    put(_next(home, role), _new_key())
    return _load(home, _next(home, role))


def succeed(home: Home, role: str) -> None:
    """The next key takes the place of the role's own, which is gone from here."""
    for left in home.keys.glob(".*"):  # a writer that was killed may leave a second name of a key
        left.unlink()
    move(_next(home, role), _path(home, role))


def make_key(path: Path) -> str:
    """A key for somebody who signs elsewhere, in a file of its own that is theirs alone.

    Returns:
        The public key, as trust.json writes it.

    Raises:
        Refused: There is a file (`key_exists`).
    """
    if not write_once(path, _new_key()):
        raise Refused("key_exists", f"expected no {path}, found one; a key is never replaced")
    return public_text(read_key(path))


def read_key(path: Path) -> Ed25519PrivateKey:
    """The private key that `make_key` wrote.

    Raises:
        InputError, Refused, EvidenceError: As `load_key`.
    """
    return _parse(path)


def public_text(key: Ed25519PrivateKey) -> str:
    """The public half, as trust.json writes it: base64 of DER."""
    return base64.b64encode(public_bytes(key.public_key())).decode("ascii")


def load_split_key(home: Home) -> bytes:
    """The secret by which rows and units are hashed and split, 32 bytes.

    Raises:
        InputError, Refused, EvidenceError: As `load_key`.
    """
    note(home, "key split")
    key = _read_private(home.keys / "split.key")
    if len(key) != SPLIT_BYTES:
        raise EvidenceError("malformed", f"expected {SPLIT_BYTES} bytes in split.key")
    return key


def _path(home: Home, role: str) -> Path:
    if role not in ROLES:
        raise InputError("no_key", f"expected one of {', '.join(ROLES)}, found {role!a}")
    return home.keys / f"{role}.pem"


def _next(home: Home, role: str) -> Path:
    return _path(home, role).with_suffix(".next.pem")


def _load(home: Home, path: Path) -> Ed25519PrivateKey:
    note(home, f"key {path.stem}")
    return _parse(path)


def _parse(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(_read_private(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise EvidenceError("malformed", f"expected an ed25519 key in {path.name}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise EvidenceError("malformed", f"expected an ed25519 key in {path.name}, found another")
    return key


def _new_key() -> bytes:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _read_private(path: Path) -> bytes:
    try:
        status = path.lstat()
    except FileNotFoundError:
        raise InputError(
            "no_key", f"expected {path}, found no file; `assay up` makes the keys of a fresh home"
        ) from None
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise Refused(
            "key_exposed",
            f"expected {path.name} to be its owner's alone, found mode "
            f"{stat.S_IMODE(status.st_mode):o}; run chmod 600 and consider the key known",
        )
    return read_bytes(path, limit=MAX_KEY)
