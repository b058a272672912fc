"""Files as evidence takes them: plain, with one unambiguous name, unchanged while they are read."""

from __future__ import annotations

import os
import stat
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from assay.errors import EvidenceError

PRIVATE = 0o600


def list_files(folder: Path) -> tuple[str, ...]:
    """The POSIX path of every file below a folder, sorted.

    Raises:
        EvidenceError: `not_a_folder`, `empty_folder` (at any depth), `not_a_file` for a link, FIFO
            or device, `unsafe_name`, `case_collision`.
    """
    files: list[str] = []
    seen: set[str] = set()
    folders = [""]
    while folders:
        below = folders.pop()
        entries = _entries(folder / below)
        if not entries:
            raise EvidenceError("empty_folder", f"expected files in {below or 'the folder'}")
        for entry in entries:
            name = below + entry.name
            _check_name(name, seen)
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                folders.append(name + "/")
            elif stat.S_ISREG(mode):
                files.append(name)
            else:
                raise EvidenceError("not_a_file", f"expected a plain file, found {name} of no kind")
    return tuple(sorted(files))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        if not stat.S_ISDIR(folder.lstat().st_mode):
            raise EvidenceError(
                "not_a_folder", f"expected {folder.name} to be a folder, not a link"
            )
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise EvidenceError("not_a_folder", f"{folder.name}: {error.strerror}") from None


def _check_name(name: str, seen: set[str]) -> None:
    """One name must mean one file on every system that the folder may be copied to."""
    if not name.isprintable() or "\\" in name or unicodedata.normalize("NFC", name) != name:
        raise EvidenceError("unsafe_name", f"expected a printable NFC name, found {name!a}")
    folded = unicodedata.normalize("NFC", name.casefold())
    if folded in seen:
        raise EvidenceError(
            "case_collision", f"expected names that differ by more than case: {name}"
        )
    seen.add(folded)


@contextmanager
def open_unchanging(path: Path) -> Iterator[BufferedReader]:
    """A plain file to read; a writer that touches it meanwhile is noticed when it closes.

    Raises:
        EvidenceError: `unreadable`, `not_a_file` for a link, FIFO or folder, `changed`.
    """
    with os.fdopen(_open_plain(path), "rb") as stream:
        before = os.fstat(stream.fileno())
        yield stream
        if _stamp(os.fstat(stream.fileno())) != _stamp(before):
            raise EvidenceError("changed", f"expected {path.name} to stand still, found a writer")


def _open_plain(path: Path) -> int:
    try:
        # A FIFO must not block, and a link must not lead elsewhere, between listing and opening.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        code = "not_a_file" if path.is_symlink() else "unreadable"
        raise EvidenceError(code, f"expected a file {path.name}, found: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise EvidenceError("not_a_file", f"expected {path.name} to be a plain file")
    return descriptor


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def read_bytes(path: Path, *, limit: int) -> bytes:
    """All bytes of a plain file.

    Args:
        path: The file.
        limit: Largest size, bytes.

    Raises:
        EvidenceError: As `open_unchanging`; `too_large`.
    """
    with open_unchanging(path) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise EvidenceError("too_large", f"expected at most {limit} bytes in {path.name}")
    return data


def write_once(path: Path, data: bytes) -> bool:
    """Make a file, 0600, whole or not at all; one that is there already stays as it is.

    Returns:
        Whether this call made it.
    """
    with _scratch(path, data) as scratch:
        try:
            os.link(scratch, path)  # unlike a rename, never replaces
        except FileExistsError:
            return False
    return True


def put(path: Path, data: bytes) -> None:
    """Make a file, 0600, whole or not at all, in place of one that may be there."""
    with _scratch(path, data) as scratch:
        move(scratch, path)


def move(source: Path, target: Path) -> None:
    """Put a file in another's place in the same folder; it is there after a power loss, too."""
    source.replace(target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _scratch(path: Path, data: bytes) -> Iterator[Path]:
    """A file beside another, 0600 and on disk; of a name that is gone afterwards."""
    descriptor, name = tempfile.mkstemp(prefix=".", dir=path.parent)  # 0600
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(descriptor)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
