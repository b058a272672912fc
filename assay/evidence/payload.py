"""What a model's folder may hold: safetensors and JSON, by an allow-list and not by a scan.

https://huggingface.co/docs/safetensors (format)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from assay.errors import EvidenceError
from assay.evidence.canonical import parse
from assay.evidence.digest import digest_files
from assay.evidence.files import list_files, read_bytes

MAX_FILE = 1 << 30  # bytes
MAX_JSON = 1 << 20  # bytes
MAX_HEADER = 1 << 20  # bytes
PICKLE = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
BITS: Mapping[str, int] = {
    "BOOL": 8,
    "U8": 8,
    "I8": 8,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "U16": 16,
    "I16": 16,
    "F16": 16,
    "BF16": 16,
    "U32": 32,
    "I32": 32,
    "F32": 32,
    "U64": 64,
    "I64": 64,
    "F64": 64,
}


def check_payload(folder: Path) -> str:
    """Refuse a payload folder that holds anything but tensors and plain descriptions.

    Returns:
        The folder's digest, of exactly the bytes that were checked.

    Raises:
        EvidenceError: As `read_payload`.
    """
    return read_payload(folder)[0]


def read_payload(folder: Path) -> tuple[str, dict[str, bytes]]:
    """A payload's digest and its files: what is loaded is then what was checked.

    Returns:
        The folder's digest, and POSIX path -> bytes.

    Raises:
        EvidenceError: As `digest_folder`; `foreign_file` for a name off the allow-list; `pickle`
            or `zip` by their first bytes; `malformed` for a header or JSON that is not strict.
    """
    files = {name: read_bytes(folder / name, limit=MAX_FILE) for name in list_files(folder)}
    for name, data in files.items():
        match PurePosixPath(name).suffix:
            case ".safetensors":
                _check_tensors(name, data)
            case ".json":
                _check_magic(name, data)
                parse(data, limit=MAX_JSON)
            case _:
                _check_magic(name, data)
                raise EvidenceError(
                    "foreign_file", f"expected only .safetensors and .json, found {name}"
                )
    return digest_files(files), files


def _check_magic(name: str, data: bytes) -> None:
    for code, beginnings in (("pickle", PICKLE), ("zip", ZIP)):
        if data.startswith(beginnings):
            raise EvidenceError(code, f"expected plain data in {name}, found a {code} file")


def _check_tensors(name: str, data: bytes) -> None:
    """The header describes every byte that follows it, and nothing else."""
    size, text = int.from_bytes(data[:8], "little"), data[8 : 8 + MAX_HEADER]
    if not text.startswith(b"{"):
        _check_magic(name, data)  # only here: a header of 640 bytes begins as a pickle does
        raise _malformed(name, "a header in JSON")
    if size > min(MAX_HEADER, len(data) - 8):
        raise _malformed(name, f"a header of at most {MAX_HEADER} bytes")
    header = parse(text[:size], limit=MAX_HEADER)
    notes = header.pop("__metadata__", {})
    if not isinstance(notes, dict) or not all(isinstance(note, str) for note in notes.values()):
        raise _malformed(name, "text as metadata")
    end = 0
    for start, stop in sorted(_span(name, entry) for entry in header.values()):
        if start != end:
            raise _malformed(name, "tensors without gap or overlap")
        end = stop
    if not header or end != len(data) - 8 - size:
        raise _malformed(name, "tensors that fill the file to its end")


def _span(name: str, entry: object) -> tuple[int, int]:
    """First and last byte of a tensor, when they agree with its type and shape."""
    match entry:
        case {
            "dtype": str(dtype),
            "shape": list(shape),
            "data_offsets": [int(start), int(stop)],
            **more,
        }:
            numbers = (*shape, start, stop)
            whole = all(type(number) is int and number >= 0 for number in numbers)
            known = whole and not more and dtype in BITS
            if known and (stop - start) * 8 == math.prod(shape) * BITS[dtype]:
                return start, stop
    raise _malformed(name, "each tensor with a known type, its shape and matching offsets")


def _malformed(name: str, expected: str) -> EvidenceError:
    return EvidenceError("malformed", f"expected {expected} in {name}, found something else")
