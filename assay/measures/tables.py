"""What each outcome table looks like, and the strict reading of one.

A table is built and read here alone: every column is there, of its type, without a null, a NaN or
a value that nobody declared, and no line is there twice. Features have no place in any of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.errors import EvidenceError

Columns: TypeAlias = dict[str, NDArray[Any]]

GROUP = "group:"  # prefix of an audited column
TEXT, WHOLE, REAL, FLAG = pa.string(), pa.int8(), pa.float64(), pa.bool_()
PARTS = ("train", "development", "holdout", "quarantine")
RELEASE_PARTS = ("fitted", "selection", "held_out")


@dataclass(frozen=True, slots=True)
class Layout:
    """The declared form of one outcome table.

    Attributes:
        columns: Column -> type; each of them is there, and only `group:` columns beside them.
        key: Columns that together name a line.
        among: Column -> the closed set of its values.
        grouped: Whether `group:` columns may be there.
    """

    columns: Mapping[str, pa.DataType]
    key: tuple[str, ...]
    among: Mapping[str, tuple[Any, ...]]
    grouped: bool = False


_BINARY = (0, 1)
LAYOUTS: Mapping[str, Layout] = {
    "split": Layout(
        {"row": TEXT, "unit": TEXT, "part": TEXT, "label": WHOLE},
        key=("row",),
        among={"part": PARTS, "label": _BINARY},
        grouped=True,
    ),
    "expectations": Layout(
        {
            "index": pa.int32(),
            "type": TEXT,
            "success": FLAG,
            "element_count": pa.int64(),
            "missing_count": pa.int64(),
            "unexpected_count": pa.int64(),
        },
        key=("index",),
        among={},
    ),
    "predictions": Layout(
        {"row": TEXT, "label": WHOLE, "score": REAL, "predicted": WHOLE},
        key=("row",),
        among={"label": _BINARY, "predicted": _BINARY},
        grouped=True,
    ),
    "fit": Layout(
        {"row": TEXT, "label": WHOLE, "predicted": WHOLE, "part": TEXT},
        key=("row",),
        among={"label": _BINARY, "predicted": _BINARY, "part": RELEASE_PARTS},
    ),
    "release": Layout(
        {"row": TEXT, "label": WHOLE, "part": TEXT},
        key=("row",),
        among={"label": _BINARY, "part": RELEASE_PARTS},
    ),
    "robustness": Layout(
        {"row": TEXT, "label": WHOLE, "budget": REAL, "attack": TEXT, "survived": FLAG},
        key=("row", "budget", "attack"),
        among={"label": _BINARY},
    ),
    "stress": Layout(
        {"row": TEXT, "label": WHOLE, "corruption": TEXT, "severity": WHOLE, "predicted": WHOLE},
        key=("row", "corruption", "severity"),
        among={"label": _BINARY, "severity": (1, 2, 3, 4, 5), "predicted": _BINARY},
    ),
    "membership": Layout(
        {"row": TEXT, "label": WHOLE, "member": FLAG, "half": WHOLE, "loss": REAL}
        | {"reference": REAL},
        key=("row",),
        among={"label": _BINARY, "half": _BINARY},
        grouped=True,
    ),
}


def build_table(name: str, columns: Mapping[str, Any]) -> pa.Table:
    """An outcome table from arrays, in its declared types, and already read back strictly.

    Args:
        name: A key of `LAYOUTS`.
        columns: Column -> (n,) array or sequence; nothing is converted that would lose a value.

    Raises:
        EvidenceError: It would not be read back.
    """
    layout = LAYOUTS[name]
    types = dict(layout.columns) | {key: TEXT for key in columns if key.startswith(GROUP)}
    if set(types) != set(columns):
        raise _malformed(name, f"the columns {', '.join(layout.columns)}")
    arrays = {key: np.asarray(columns[key]) for key in types}
    if any(types[key] != TEXT and array.dtype == object for key, array in arrays.items()):
        raise _malformed(name, "numbers without a null")
    try:
        table = pa.table({key: pa.array(arrays[key], type=types[key]) for key in types})
    except (pa.ArrowException, OverflowError):
        raise _malformed(name, "equally many values of the declared types") from None
    read_table(name, {name: table})
    return table


def read_table(name: str, tables: Mapping[str, pa.Table]) -> Columns:
    """The columns of one outcome table as arrays.

    Args:
        name: A key of `LAYOUTS`.
        tables: The tables that evidence rests on, by name.

    Returns:
        Column -> (n,) array, n >= 1; text columns hold `str`.

    Raises:
        EvidenceError: `outcomes_missing` when the table is not among them, `no_rows` when it is
            empty, `malformed` when it is anything else than declared; no value is repeated.
    """
    if name not in tables:
        raise EvidenceError("outcomes_missing", f"expected a {name} table, found none")
    table, layout = tables[name], LAYOUTS[name]
    _check_schema(name, table.schema, layout)
    if table.num_rows == 0:
        raise EvidenceError("no_rows", f"expected rows in the {name} table, found 0")
    for key in table.column_names:
        column = table[key]
        if column.null_count:
            raise _malformed(name, f"no null in {key}")
        if column.type == REAL and not np.isfinite(column.to_numpy()).all():
            raise _malformed(name, f"finite numbers in {key}")
        if key in layout.among and not _is_among(column, layout.among[key]):
            raise _malformed(name, f"{key} among {', '.join(map(str, layout.among[key]))}")
    lines = table.group_by(list(layout.key)).aggregate([])
    if lines.num_rows != table.num_rows:
        raise _malformed(name, f"each {' and '.join(layout.key)} once")
    return {key: table[key].to_numpy() for key in table.column_names}


def locate(name: str, rows: NDArray[Any], among: NDArray[Any]) -> NDArray[np.int64]:
    """Where each row stands among others.

    Raises:
        EvidenceError: `malformed` when one of them is not there.
    """
    found = pc.index_in(pa.array(rows, type=TEXT), value_set=pa.array(among, type=TEXT))
    if found.null_count:
        raise _malformed(name, "only rows that were predicted")
    return np.asarray(found, dtype=np.int64)


def levels_of(name: str, columns: Columns, column: str, expected: Sequence[str]) -> NDArray[Any]:
    """Index of each row's level of an audited column.

    Raises:
        EvidenceError: `malformed` when the column is absent or a level is not expected,
            `group_absent` when an expected level has no row.
    """
    if GROUP + column not in columns:
        raise _malformed(name, f"the audited column {column}")
    levels = pa.array(columns[GROUP + column], type=TEXT)
    found = pc.index_in(levels, value_set=pa.array(list(expected), type=TEXT))
    if found.null_count:
        raise _malformed(name, f"{column} among the policy's levels")
    index: NDArray[Any] = found.to_numpy()
    counts = np.bincount(index, minlength=len(expected))
    if not counts.all():
        raise EvidenceError(
            "group_absent",
            f"expected rows of {column} {expected[int(counts.argmin())]} in {name}, found 0",
        )
    return index


def _check_schema(name: str, schema: pa.Schema, layout: Layout) -> None:
    """Exactly the declared columns and types, and text for audited columns."""
    if len(set(schema.names)) != len(schema.names):
        raise _malformed(name, "each column once")
    for key, declared in layout.columns.items():
        if key not in schema.names or schema.field(key).type != declared:
            raise _malformed(name, f"{key} as {declared}")
    for key in set(schema.names) - set(layout.columns):
        is_text = schema.field(key).type == TEXT
        if not (layout.grouped and key.startswith(GROUP) and is_text):
            raise _malformed(name, "no column beyond the declared ones")


def _is_among(column: pa.ChunkedArray, values: Sequence[Any]) -> bool:
    allowed = pa.array(values, type=column.type)
    return bool(pc.all(pc.is_in(column, value_set=allowed)).as_py())


def _malformed(name: str, expected: str) -> EvidenceError:
    return EvidenceError("malformed", f"expected {expected} in the {name} table, found otherwise")
