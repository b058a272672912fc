"""The newest promotion that a consumer has loaded, in a file, so that nobody takes it back.

An older promotion verifies as well as a newer one until it expires: only memory tells them apart.
Whoever can write into the file's folder can make it forget.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.errors import EvidenceError, Unavailable
from assay.evidence.canonical import canonical, parse
from assay.evidence.decision import Promotion
from assay.evidence.files import put, read_bytes

MAX_FLOOR = 1 << 12  # bytes


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """While this lasts, no other process reads or raises a floor in the same folder.

    Raises:
        Unavailable: The folder is not there (`floor_unavailable`); it is never made, so that a
            volume which is not mounted is no fresh start.
    """
    try:
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _unavailable(file, error) from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def read_floor(file: Path, name: str, alias: str) -> int:
    """The smallest sequence to accept; 0 where there is no file, which is how a floor begins.

    Args:
        file: The floor.
        name: Registered model that it has to be about.
        alias: Its alias.

    Raises:
        EvidenceError: `bad_floor`, `malformed`, `unreadable`, `not_a_file`, `too_large`: it is
            there and is no floor of this model, which is no reason to accept anything.
    """
    try:
        file.lstat()
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise EvidenceError("unreadable", f"expected a floor, found: {error.strerror}") from None
    match parse(read_bytes(file, limit=MAX_FLOOR), limit=MAX_FLOOR):
        case {"model": str(model), "alias": str(of), "sequence": int(sequence), **more} if (
            not more and (model, of) == (name, alias) and type(sequence) is int and sequence >= 1
        ):
            return sequence
    raise EvidenceError(
        "bad_floor",
        f"expected {file.name} to be the floor of {name}@{alias}, found another; "
        "give each alias a file of its own, and remove one only to forget what was loaded",
    )


def write_floor(file: Path, promotion: Promotion) -> None:
    """Replace the floor by a promotion's sequence, 0600, whole or not at all.

    Raises:
        Unavailable: It cannot be written (`floor_unavailable`); what cannot be remembered is not
            to be used.
    """
    told = {"model": promotion.model, "alias": promotion.alias, "sequence": promotion.sequence}
    try:
        put(file, canonical(told))
    except OSError as error:
        raise _unavailable(file, error) from None


def _unavailable(file: Path, error: OSError) -> Unavailable:
    told = f"expected to keep {file.name} in its folder, found: {error.strerror}"
    return Unavailable("floor_unavailable", told)
