"""Rows to coordinates: every declared feature becomes float32 in [0, 1], nothing is learnt.

A fitted scaler or vocabulary would be one more question put to the rows; a declaration is none.
Along declared edges a step of .1 is a tenth of the bins: the cost that attacks are counted in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.errors import InputError
from assay.spec import Column

UNKNOWN = 0.5


@dataclass(frozen=True, slots=True)
class Encoder:
    """Declared features, in order, each to a block of coordinates.

    | column | known value | null | undeclared value |
    |---|---|---|---|
    | number | piecewise linear, edge k of m at k / (m - 1) | .5 | beyond the edges: 0 or 1 |
    | ordinal | rank k of m at k / (m - 1) | .5 | .5 |
    | category | one coordinate per level: 1 for its own, 0 else | all 0 | all 0 |

    A column that declares nulls has one coordinate more: 1 where the value is null, 0 else.

    Attributes:
        columns: Feature name -> its declaration; audited columns are not kept.
        names: One name per coordinate: `AGE`, `color=red`, `AGE=null`.
        blocks: Feature -> its slice of the coordinates.
    """

    columns: Mapping[str, Column]
    names: tuple[str, ...] = field(init=False)
    blocks: Mapping[str, slice] = field(init=False)

    def __post_init__(self) -> None:
        features = {name: c for name, c in self.columns.items() if c.use == "feature"}
        if not features:
            raise InputError("no_feature", "expected at least one declared feature, found none")
        names: list[str] = []
        blocks: dict[str, slice] = {}
        for name, column in features.items():
            start = len(names)
            names += _names(name, column)
            blocks[name] = slice(start, len(names))
        object.__setattr__(self, "columns", features)
        object.__setattr__(self, "names", tuple(names))
        object.__setattr__(self, "blocks", blocks)

    @property
    def width(self) -> int:
        """Number of coordinates."""
        return len(self.names)

    def reads_as(self, other: Encoder) -> bool:
        """Whether both make the same coordinates of any folded row, in the same order."""

        def read(encoder: Encoder) -> list[tuple[str, Column]]:
            folded: Mapping[str, object] = {
                "one_hot": {},
                "merge": {},
            }  # a fold is over before rows are encoded
            return [(n, c.model_copy(update=folded)) for n, c in encoder.columns.items()]

        return read(self) == read(other)

    def encode(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """Coordinates of a frame's rows.

        Args:
            frame: Holds every declared feature; other columns are not looked at.

        Returns:
            (n, width), float32, finite, in [0, 1].

        Raises:
            InputError: A feature is absent (`missing_column`), or its type is not one that the
                declaration can be read from (`wrong_dtype`).
        """
        coordinates = np.zeros((len(frame), self.width), dtype=np.float32)
        for name, column in self.columns.items():
            if name not in frame.columns:
                raise InputError("missing_column", f"expected the feature {name}, found no column")
            coordinates[:, self.blocks[name]] = _encode(name, column, frame[name])
        return coordinates


def _names(name: str, column: Column) -> list[str]:
    levels = [f"{name}={level}" for level in column.values]
    plain = levels if column.kind == "category" else [name]
    return [*plain, f"{name}=null"] if column.nulls else plain


def _encode(name: str, column: Column, cells: pd.Series) -> NDArray[np.float64]:
    """One column's block, (n, its width)."""
    null = cells.isna().to_numpy(dtype=bool)
    if column.kind == "number":
        block = _along_edges(column.edges, _numbers(name, cells, null))[:, None]
    elif column.kind == "ordinal":
        rank = _level(name, column.values, cells, null).astype(np.float64)
        block = np.where(rank < 0, UNKNOWN, rank / (len(column.values) - 1))[:, None]
    else:
        level = _level(name, column.values, cells, null)
        block = (level[:, None] == np.arange(len(column.values))).astype(np.float64)
    return np.column_stack([block, null]) if column.nulls else block


def _numbers(name: str, cells: pd.Series, null: NDArray[np.bool_]) -> NDArray[np.float64]:
    if not null.all():
        _require(pd.api.types.is_numeric_dtype(cells.dtype), name, "numbers", cells)
        _require(not pd.api.types.is_bool_dtype(cells.dtype), name, "numbers", cells)
    return np.where(null, np.nan, pd.to_numeric(cells.where(~null), errors="raise")).astype(float)


def _along_edges(edges: Sequence[float], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Piecewise-linear coordinate, clipped to the outer edges; `UNKNOWN` where not a number."""
    steps = np.interp(values, edges, np.linspace(0.0, 1.0, len(edges)))
    return np.where(np.isnan(values), UNKNOWN, steps)


def _level(
    name: str, levels: Sequence[int | str], cells: pd.Series, null: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Index of each cell's level, -1 for null or undeclared."""
    if not null.all():
        numeric = pd.api.types.is_numeric_dtype(cells.dtype)
        _require(not pd.api.types.is_bool_dtype(cells.dtype), name, "declared levels", cells)
        if all(isinstance(level, str) for level in levels):
            _require(not numeric, name, "text", cells)
        elif all(isinstance(level, int) for level in levels):
            _require(numeric or cells.dtype == object, name, "whole numbers", cells)
    found = pd.Index(list(levels), dtype=object).get_indexer(pd.Index(cells.astype(object)))
    return np.where(null, -1, found)


def _require(held: bool, name: str, expected: str, cells: pd.Series) -> None:
    if not held:
        raise InputError(
            "wrong_dtype", f"expected {expected} in the feature {name}, found {cells.dtype}"
        )
