"""Outcome files: Parquet by content, `<sha256>.parquet`, readable by their owner alone.

They hold one line per person and belong to the sealed folder; evidence carries their digests.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from assay.errors import EvidenceError
from assay.evidence.access import note
from assay.evidence.artifacts import Dataset
from assay.evidence.values import is_digest
from assay.home import Home

ROW_GROUP = 1 << 20  # rows; fixed, so that equal tables give equal bytes


def write_outcomes(folder: Path, table: pa.Table) -> str:
    """Store a table under the digest of its bytes, whole or not at all.

    Args:
        folder: An existing sealed folder.
        table: Text is stored as plain strings and the schema's metadata is left out: the digest
            speaks of rows and columns only.

    Returns:
        `sha256:` digest; the file has mode 0600.
    """
    raw = _to_bytes(table)
    digest = hashlib.sha256(raw).hexdigest()
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".outcomes-")  # mkstemp: mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(folder / f"{digest}.parquet")
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return f"sha256:{digest}"


def read_rows(home: Home, dataset: Dataset) -> pa.Table:
    """The rows of a split or a release, whose opening is noted.

    Raises:
        EvidenceError: As `read_outcomes`.
        Unavailable: As `note`: nobody opens them unseen.
    """
    note(home, f"{dataset.split} of {dataset.name}", dataset.digest)
    return read_outcomes(home.sealed_data, dataset.digest)


def read_outcomes(folder: Path, digest: str) -> pa.Table:
    """The table that a digest names.

    Raises:
        EvidenceError: `outcomes_missing` when there is no such file; `malformed` when its bytes
            are others than the digest's, or are no table.
    """
    if not is_digest(digest):
        raise EvidenceError("malformed", "expected the sha256 digest of an outcome file")
    try:
        file = os.open(folder / f"{digest[7:]}.parquet", os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise EvidenceError(
            "outcomes_missing",
            f"expected outcome file {digest[:19]}, found {error.strerror}; evaluate again",
        ) from None
    with os.fdopen(file, "rb") as opened:
        raw = opened.read()
    if hashlib.sha256(raw).hexdigest() != digest[7:]:
        raise EvidenceError("malformed", f"outcome file {digest[:19]} holds other bytes")
    try:
        return pq.ParquetFile(pa.BufferReader(raw)).read()
    except pa.ArrowException:
        raise EvidenceError("malformed", f"outcome file {digest[:19]} is no table") from None


def _to_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    text = [
        field.with_type(pa.string()) if field.type == pa.large_string() else field
        for field in table.schema
    ]
    plain = table.cast(pa.schema(text)).combine_chunks()
    pq.write_table(plain, sink, compression="zstd", row_group_size=ROW_GROUP, version="2.6")
    return bytes(sink.getvalue())
