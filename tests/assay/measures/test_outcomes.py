"""An outcome file is what its digest says, whole or absent, and its owner's alone."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pytest

from assay.errors import EvidenceError
from assay.measures import read_outcomes, write_outcomes

TABLE = pa.table({"row": ["a", "b"], "label": pa.array([0, 1], pa.int8())})


def only(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


def test_reads_what_was_written(tmp_path: Path) -> None:
    digest = write_outcomes(tmp_path, TABLE)
    assert read_outcomes(tmp_path, digest).equals(TABLE)
    raw = only(tmp_path).read_bytes()
    assert digest == f"sha256:{hashlib.sha256(raw).hexdigest()}"
    assert only(tmp_path).name == f"{digest[7:]}.parquet"


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    write_outcomes(tmp_path, TABLE)
    assert only(tmp_path).stat().st_mode & 0o777 == 0o600


def test_equal_tables_have_one_digest(tmp_path: Path) -> None:
    large = TABLE.set_column(0, "row", TABLE["row"].cast(pa.large_string()))
    chunks = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)])
    noted = TABLE.replace_schema_metadata({"pandas": "noise"})
    assert len({write_outcomes(tmp_path, table) for table in (TABLE, large, chunks, noted)}) == 1
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("position", [0, 20, -1])
def test_refuses_one_flipped_byte(tmp_path: Path, position: int) -> None:
    digest = write_outcomes(tmp_path, TABLE)
    raw = bytearray(only(tmp_path).read_bytes())
    raw[position] ^= 1
    only(tmp_path).write_bytes(raw)
    with pytest.raises(EvidenceError) as refused:
        read_outcomes(tmp_path, digest)
    assert refused.value.code == "malformed"


def test_refuses_bytes_that_are_no_table(tmp_path: Path) -> None:
    name = hashlib.sha256(b"no table").hexdigest()
    (tmp_path / f"{name}.parquet").write_bytes(b"no table")
    with pytest.raises(EvidenceError, match="no table"):
        read_outcomes(tmp_path, f"sha256:{name}")


@pytest.mark.parametrize("name", ["../secret", "0" * 64, "sha256:", "sha256:" + "G" * 64, ""])
def test_refuses_a_name_that_is_no_digest(tmp_path: Path, name: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        read_outcomes(tmp_path, name)
    assert refused.value.code == "malformed"


def test_says_that_a_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError) as refused:
        read_outcomes(tmp_path, "sha256:" + "0" * 64)
    assert refused.value.code == "outcomes_missing"


def test_follows_no_link(tmp_path: Path) -> None:
    sealed, elsewhere = tmp_path / "sealed", tmp_path / "elsewhere"
    sealed.mkdir()
    elsewhere.mkdir()
    digest = write_outcomes(elsewhere, TABLE)
    (sealed / only(elsewhere).name).symlink_to(only(elsewhere))
    with pytest.raises(EvidenceError) as refused:
        read_outcomes(sealed, digest)
    assert refused.value.code == "outcomes_missing"


def test_leaves_nothing_behind_when_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / f"{_digest_of(tmp_path / 'probe')}.parquet").mkdir()
    with pytest.raises(OSError):
        write_outcomes(tmp_path, TABLE)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def _digest_of(folder: Path) -> str:
    folder.mkdir()
    return write_outcomes(folder, TABLE)[7:]
