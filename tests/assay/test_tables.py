"""A table is read whole and as written, or refused without a word of its content."""

from __future__ import annotations

import bz2
from pathlib import Path

import pandas as pd
import pytest

from assay.errors import InputError
from assay.tables import read_table


def write(folder: Path, name: str, content: bytes) -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("name", ["t.csv", "t.csv.bz2", "t.parquet"])
def test_formats_agree(tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, None], "c": ["x", None]})
    file = tmp_path / name
    if name.endswith(".parquet"):
        frame.to_parquet(file)
    else:
        frame.to_csv(file, index=False)
    read = read_table(file)
    assert [dtype.kind for dtype in read.dtypes[:2]] == ["i", "f"]
    pd.testing.assert_frame_equal(read, frame)


def test_categories_are_read_by_name(tmp_path: Path) -> None:
    frame = pd.DataFrame({"c": ["x", None, "y"], "n": [1, 2, 1]})
    frame.astype("category").to_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.parquet"), frame)


def test_refuses_lists_in_cells(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1, 2], "b": [[1], [2, 3]]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"bad_table.*lists in b"):
        read_table(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"a\n1\n2\n", "i"),
        (b"a\n1\n2.5\n", "f"),
        (b"a\n1\nx\n", "O"),
        (b"a\n1\nNA\n", "O"),
        (b"a\ntrue\nfalse\n", "O"),
        (b"a,b\n1,\n,1\n", "f"),
    ],
)
def test_a_type_follows_from_all_cells(tmp_path: Path, text: bytes, kind: str) -> None:
    column = read_table(write(tmp_path, "t.csv", text))["a"]
    assert ("O" if column.dtype == "str" else column.dtype.kind) == kind


def test_a_late_odd_cell_counts(tmp_path: Path) -> None:
    text = b"a\n" + b"1\n" * 1_000_000 + b"x\n"
    assert read_table(write(tmp_path, "t.csv", text))["a"].dtype == "str"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("t.csv", b"", "empty_data"),
        ("t.csv", b"\n\n", "empty_data"),
        ("t.csv", b"a,b\n", "empty_data"),
        ("t.csv", b"a,b\n1,2,Secret\n", "bad_table"),
        ("t.csv", b"a,b\nSecret\n", "bad_table"),
        ("t.csv", b"a,b\n1,2\n3,4,Secret\n", "bad_table"),
        ("t.csv", b"a,a\n1,2\n", "bad_table"),
        ("t.csv", b"a,\n1,2\n", "bad_table"),
        ("t.csv", b"\x89PNG\r\n\x1a\n\xff\xd8", "bad_table"),
        ("t.csv.bz2", b"a,b\n1,2\n", "bad_table"),
        ("t.csv.bz2", bz2.compress(b"a,b\n1,2\n" * 99)[:-9], "bad_table"),
        ("t.csv.bz2", bz2.compress(b""), "empty_data"),
        ("t.parquet", b"PAR1 Secret", "bad_table"),
        ("t.parquet", b"", "bad_table"),
        ("t.xlsx", b"PK", "bad_table"),
        ("t.pkl", b"cos\nsystem\n", "bad_table"),
    ],
)
def test_refuses_what_is_no_whole_table(
    tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_table(write(tmp_path, name, content))
    assert caught.value.code == code
    assert name in caught.value.message
    assert "Secret" not in caught.value.message
    assert caught.value.__cause__ is None


def test_refuses_a_folder_or_nothing(tmp_path: Path) -> None:
    for file in (tmp_path, tmp_path / "absent.csv"):
        with pytest.raises(InputError, match="no_data"):
            read_table(file)
