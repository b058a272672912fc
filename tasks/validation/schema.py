"""A raw table against the declaration: its columns, their types, its label, its levels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from assay.errors import InputError, Refused
from assay.policy.declared import misread
from assay.policy.rules import ModelRules
from assay.spec import Column, PipelineSpec

ROW_UNIT = "row"  # how the policy's table says that each row is a person


def check_declared(spec: PipelineSpec, rules: ModelRules) -> None:
    """The declaration speaks of the policy's label, unit and sensitive columns.

    Raises:
        InputError: `policy_differs` or `sensitive_absent`.
    """
    said = {"label": spec.data.label, "unit": spec.data.unit or ROW_UNIT}
    for key, found in said.items():
        expected = getattr(rules, key)
        if found != expected:
            raise InputError(
                "policy_differs",
                f"expected {key} {expected!r}, which the policy names for {spec.model}, "
                f"found {found!r} in the pipeline",
            )
    if absent := [name for name in rules.sensitive if name not in spec.data.columns]:
        raise InputError(
            "sensitive_absent",
            f"expected the sensitive columns {', '.join(rules.sensitive)} of {spec.model} to be "
            f"declared, found no {', '.join(absent)}; declare them with `use: audit`",
        )
    if wrong := misread(spec, rules):
        raise InputError(
            "policy_differs",
            f"expected {', '.join(wrong)} as the policy's row of {spec.model} says: sensitive ones "
            "with `use: audit`, made of the source's columns, no group merged; mutable ones on its "
            "edges or levels; found another declaration",
        )


def check_table(spec: PipelineSpec, frame: pd.DataFrame) -> None:
    """The table has the declared columns, readable as declared, and both labels.

    Raises:
        InputError: `wrong_columns`, `empty_column`, `wrong_dtype`, `bad_label`, `one_class` or
            `no_unit`; the message names the column, and no cell.
    """
    expected, found = set(spec.data.sources()), set(frame.columns)
    if expected != found:
        absent, extra = sorted(expected - found), sorted(found - expected)
        raise InputError(
            "wrong_columns",
            f"expected the {len(expected)} declared columns, found {len(found)}: "
            f"missing {_listed(absent)}; not declared {_listed(extra)} (declare or drop them)",
        )
    for name, column in spec.data.columns.items():
        for source in column.one_hot or (name,):
            _check_dtype(source, column, frame[source])
    _check_label(spec.data.label, frame[spec.data.label])
    if spec.data.unit is not None and (lost := int(frame[spec.data.unit].isna().sum())):
        raise InputError(
            "no_unit", f"expected {spec.data.unit} in every row, found {lost:,} rows without"
        )


def fold(spec: PipelineSpec, frame: pd.DataFrame) -> pd.DataFrame:
    """The declared columns: blocks folded into one, rare codes merged.

    Returns:
        (n, columns): numbers as float64, whole levels as Int64, text as str; null where the
        source is null or holds a level that is not declared.
    """
    return pd.DataFrame(
        {name: _fold(name, column, frame) for name, column in spec.data.columns.items()}
    )


def require_conforming(spec: PipelineSpec, folded: pd.DataFrame) -> None:
    """Every cell is of a declared level, whole where declared, and null only where declared.

    Raises:
        Refused: `data_invalid`, with the number of rows per column.
    """
    wrong = {}
    for name, column in spec.data.columns.items():
        cells = folded[name]
        bad = np.zeros(len(cells), dtype=bool) if column.nulls else cells.isna().to_numpy()
        if column.integer:
            bad = bad | (cells.notna() & (cells % 1 != 0)).to_numpy()
        if bad.any():
            wrong[name] = int(bad.sum())
    if wrong:
        told = ", ".join(f"{name} ({n:,} rows)" for name, n in wrong.items())
        raise Refused(
            "data_invalid",
            f"expected only declared values in {len(folded):,} rows, found others in {told}",
        )


def _fold(name: str, column: Column, frame: pd.DataFrame) -> pd.Series:
    if column.one_hot:
        return _fold_block(column, frame)
    cells = frame[name]
    if column.kind == "number":
        return cells.astype("float64")
    known = {**{level: level for level in column.values}, **column.merge}
    return cells.astype(object).map(known).astype(_dtype(column))


def _fold_block(column: Column, frame: pd.DataFrame) -> pd.Series:
    marks: NDArray[np.bool_] = frame[list(column.one_hot)].eq(1).to_numpy()
    levels = np.array([*column.one_hot.values()], dtype=object)
    cells = pd.Series(levels[marks.argmax(axis=1)], index=frame.index)
    return cells.where(marks.sum(axis=1) == 1, None).astype(_dtype(column))


def _dtype(column: Column) -> Any:
    return "str" if isinstance(column.values[0], str) else "Int64"


def _check_dtype(name: str, column: Column, cells: pd.Series) -> None:
    if cells.isna().all():
        raise InputError("empty_column", f"expected values in {name}, found only nulls")
    text = column.kind != "number" and not column.one_hot and isinstance(_codes(column)[0], str)
    right = isinstance(cells.dtype, pd.StringDtype) if text else _is_number(cells)
    if not right:
        expected = "text" if text else "numbers"
        raise InputError("wrong_dtype", f"expected {expected} in {name}, found {cells.dtype}")


def _is_number(cells: pd.Series) -> bool:
    """Whether the column holds numbers; True and False are none."""
    return types.is_numeric_dtype(cells.dtype) and not types.is_bool_dtype(cells.dtype)


def _codes(column: Column) -> Sequence[int | str]:
    """The levels as the source writes them; all are of one type."""
    return (*column.merge, *column.values)


def _check_label(name: str, cells: pd.Series) -> None:
    if not types.is_numeric_dtype(cells.dtype) or types.is_bool_dtype(cells.dtype):
        raise InputError(
            "wrong_dtype", f"expected numbers in the label {name}, found {cells.dtype}"
        )
    if other := int((~cells.isin([0, 1])).sum()):
        raise InputError(
            "bad_label", f"expected 0 or 1 in the label {name}, found {other:,} other rows"
        )
    if cells.nunique() < 2:
        raise InputError("one_class", f"expected both 0 and 1 in the label {name}, found one")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
