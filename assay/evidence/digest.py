"""Digests: what an artifact is. A folder's binds each name, size and content together.

All have the form `sha256:` and 64 lower-case hexadecimal digits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from assay.errors import EvidenceError
from assay.evidence.canonical import canonical
from assay.evidence.files import list_files, open_unchanging


def digest_bytes(data: bytes) -> str:
    """Digest of some bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def digest_json(value: Any) -> str:
    """Digest of the RFC 8785 form of plain JSON.

    Raises:
        EvidenceError: The value is no plain JSON.
    """
    return digest_bytes(canonical(value))


def digest_file(path: Path) -> str:
    """Digest of a plain file's bytes.

    Raises:
        EvidenceError: Unreadable, a link, a FIFO, or changed while it was read.
    """
    return f"sha256:{_hash(path)[1]}"


def digest_folder(folder: Path) -> str:
    """Digest over `[[posix path, size, sha256], ...]` of every file below a folder.

    Raises:
        EvidenceError: A link, FIFO, ambiguous name, case twin, empty folder, or a change meanwhile.
    """
    names = list_files(folder)
    digest = _digest_rows((name, *_hash(folder / name)) for name in names)
    if list_files(folder) != names:
        raise EvidenceError("changed", f"expected {folder.name} to stand still, found other files")
    return digest


def digest_files(files: Mapping[str, bytes]) -> str:
    """The digest of a folder that holds exactly these files.

    Args:
        files: POSIX path -> bytes; at least one.
    """
    if not files:
        raise EvidenceError("empty_folder", "expected files to digest, found none")
    return _digest_rows(
        (name, len(data), hashlib.sha256(data).hexdigest()) for name, data in sorted(files.items())
    )


def _digest_rows(rows: Iterable[tuple[str, int, str]]) -> str:
    return digest_json([list(row) for row in rows])


def _hash(path: Path) -> tuple[int, str]:
    """Size and hexadecimal SHA-256."""
    with open_unchanging(path) as stream:
        hexadecimal = hashlib.file_digest(stream, "sha256").hexdigest()
        return stream.tell(), hexadecimal
