"""Rows as bins of the declaration, and back. Nothing here is learnt from the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.errors import InputError
from assay.spec import Column, PipelineSpec

LABEL = Column(kind="category", values=(0, 1))


@dataclass(frozen=True, slots=True)
class Domain:
    """Every declared column, audited ones included, and the label as the last.

    Attributes:
        columns: Name -> declaration; a column that declares nulls has a bin more, its last.
    """

    columns: Mapping[str, Column]

    @classmethod
    def of(cls, spec: PipelineSpec) -> Domain:
        """The domain of a pipeline's rows."""
        return cls({**spec.data.columns, spec.data.label: LABEL})

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of bins of each column."""
        return tuple(_known(column) + column.nulls for column in self.columns.values())

    def bins(self, frame: pd.DataFrame) -> NDArray[np.int64]:
        """The bin of every cell, (n, columns).

        Raises:
            InputError: A cell is null or has a level where none is declared (`undeclared_value`).
        """
        return np.column_stack([_bins(n, c, frame[n]) for n, c in self.columns.items()])

    def rows(self, bins: NDArray[np.int64]) -> pd.DataFrame:
        """A row for every row of bins: a number is drawn uniformly between its bin's edges.

        The draws come from the operating system's entropy, as all of a release does.
        """
        entropy = np.random.default_rng()
        cells = {
            name: _cells(column, bins[:, i], entropy)
            for i, (name, column) in enumerate(self.columns.items())
        }
        return pd.DataFrame(cells)


def _known(column: Column) -> int:
    return len(column.edges) - 1 if column.kind == "number" else len(column.values)


def _bins(name: str, column: Column, cells: pd.Series) -> NDArray[np.int64]:
    null = cells.isna().to_numpy(dtype=bool)
    if column.kind == "number":
        numbers = cells.to_numpy(dtype=np.float64, na_value=np.nan)
        found = np.searchsorted(column.edges, numbers, side="right") - 1
        found = found.clip(0, _known(column) - 1)
    else:
        levels = pd.Index(list(column.values), dtype=object)
        found = levels.get_indexer(pd.Index(cells.astype(object)))
    found = np.where(null, _known(column) if column.nulls else -1, found)
    if (found < 0).any():
        raise InputError(
            "undeclared_value",
            f"expected declared levels in {name}, found {(found < 0).sum():,} cells without one",
        )
    return found.astype(np.int64)


def _cells(column: Column, bins: NDArray[np.int64], entropy: np.random.Generator) -> pd.Series:
    null = bins == _known(column)
    inside = np.where(null, 0, bins)
    if column.kind == "number":
        cells = pd.Series(_between(column, inside, entropy))
    else:
        cells = pd.Series(np.asarray(column.values)[inside])
    if not null.any():
        return cells
    wide = cells.astype("Int64") if pd.api.types.is_integer_dtype(cells.dtype) else cells
    return wide.mask(null)


def _between(
    column: Column, bins: NDArray[np.int64], entropy: np.random.Generator
) -> NDArray[np.float64] | NDArray[np.int64]:
    """Uniform in each bin; a whole number keeps to the whole numbers of its bin.

    A bin holds its lower edge, and its upper one only if it is the last.
    """
    edges = np.asarray(column.edges, dtype=np.float64)
    lower, upper = edges[bins], edges[bins + 1]
    if not column.integer:
        return lower + (upper - lower) * entropy.random(len(bins))
    first = np.ceil(lower).astype(np.int64)
    last = np.ceil(upper).astype(np.int64) - (bins < len(edges) - 2)
    return entropy.integers(first, np.maximum(first, last), endpoint=True)
