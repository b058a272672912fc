"""A table is exactly what was declared, or it proves nothing; no cell is ever repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from assay.errors import EvidenceError
from assay.measures.tables import LAYOUTS, build_table, locate, read_table
from tests.assay.measures.rows import predictions

Break = Callable[[pa.Table], pa.Table]
TABLE = predictions([0, 1, 1, 0], [0, 1, 0, 0])


def replaced(column: str, values: list[Any], kind: pa.DataType | None = None) -> Break:
    def change(table: pa.Table) -> pa.Table:
        place = table.column_names.index(column)
        kind_now = kind or table.schema.field(column).type
        return table.set_column(place, column, pa.array(values, kind_now))

    return change


BROKEN: dict[str, Break] = {
    "no column": lambda table: table.drop_columns(["score"]),
    "one more column": lambda table: table.append_column("income", pa.array([1, 2, 3, 4])),
    "a group that is no text": lambda t: t.append_column("group:X", pa.array([1, 2, 3, 4])),
    "a column twice": lambda table: table.append_column("label", table["label"]),
    "a null": replaced("label", [0, 1, None, 0]),
    "a null group": replaced("group:SEX", ["0", "1", None, "0"]),
    "NaN": replaced("score", [0.1, 0.9, float("nan"), 0.1]),
    "infinity": replaced("score", [0.1, 0.9, float("inf"), 0.1]),
    "an unknown label": replaced("label", [0, 1, 2, 0]),
    "an unknown prediction": replaced("predicted", [0, 1, -1, 0]),
    "labels as text": replaced("label", ["0", "1", "1", "0"], pa.string()),
    "labels as flags": replaced("label", [False, True, True, False], pa.bool_()),
    "labels as floats": replaced("label", [0.0, 1.0, 1.0, 0.0], pa.float64()),
    "labels of another width": replaced("label", [0, 1, 1, 0], pa.int64()),
    "scores as text": replaced("score", ["0.1"] * 4, pa.string()),
    "a row twice": replaced("row", ["a", "b", "b", "c"]),
    "a row as a number": replaced("row", [1, 2, 3, 4], pa.int64()),
}


@pytest.mark.parametrize("name", BROKEN)
def test_refuses(name: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        read_table("predictions", {"predictions": BROKEN[name](TABLE)})
    assert refused.value.code == "malformed"


def test_refuses_no_rows() -> None:
    with pytest.raises(EvidenceError) as refused:
        read_table("predictions", {"predictions": TABLE.slice(0, 0)})
    assert refused.value.code == "no_rows"


@pytest.mark.parametrize("name", LAYOUTS)
def test_refuses_an_absent_table(name: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        read_table(name, {})
    assert refused.value.code == "outcomes_missing"


@pytest.mark.parametrize("name", [name for name in LAYOUTS if not LAYOUTS[name].grouped])
def test_groups_stay_where_they_are_needed(name: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        build_table(name, {key: ["0"] for key in [*LAYOUTS[name].columns, "group:SEX"]})
    assert refused.value.code == "malformed"


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("label", [0, 1, 1.5, 0]),
        ("label", [0, 1, 300, 0]),
        ("label", ["0", "1", "1", "0"]),
        ("score", ["a", "b", "c", "d"]),
        ("row", [1, 2, 3, 4]),
        ("row", ["a", "b"]),
        ("label", [0, 1, None, 0]),
    ],
)
def test_builds_nothing_that_would_lose_a_value(column: str, values: list[Any]) -> None:
    columns = {name: TABLE[name].to_pylist() for name in TABLE.column_names}
    with pytest.raises(EvidenceError):
        build_table("predictions", {**columns, column: values})


def test_builds_the_declared_types_from_any_array() -> None:
    columns = {name: TABLE[name].to_pylist() for name in TABLE.column_names}
    columns["label"] = np.array([False, True, True, False])
    columns["predicted"] = np.array([0, 1, 0, 0], dtype=np.int64)
    assert build_table("predictions", columns).equals(TABLE)


def test_no_message_repeats_a_cell() -> None:
    secret = replaced("row", ["secret", "secret", "c", "d"])
    with pytest.raises(EvidenceError) as refused:
        read_table("predictions", {"predictions": secret(TABLE)})
    assert "secret" not in str(refused.value)


def test_finds_rows_among_others_or_refuses() -> None:
    among = np.array(["a", "b", "c"], dtype=object)
    assert list(locate("stress", np.array(["c", "a"], dtype=object), among)) == [2, 0]
    with pytest.raises(EvidenceError):
        locate("stress", np.array(["d"], dtype=object), among)
