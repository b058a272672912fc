"""Edge cases of tables: what a broken feed or a careless form makes of a row.

A corruption changes raw cells and never coordinates, so that the candidate's own encoder meets
them. It takes a frame, its declaration, a severity from 1 to 5 and a source of draws, and returns
another frame. Adding one is one decorated function.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.errors import InputError
from assay.spec import Column

Declared: TypeAlias = Mapping[str, Column]
Corruption: TypeAlias = Callable[[pd.DataFrame, Declared, int, np.random.Generator], pd.DataFrame]

CORRUPTIONS: dict[str, Corruption] = {}
SEVERITIES = (1, 2, 3, 4, 5)

MISSING_COLUMNS = (0.05, 0.10, 0.15, 0.20, 0.25)  # share of the features, next to one another
NOISE = (0.01, 0.02, 0.05, 0.10, 0.20)  # standard deviation along the declared edges or ranks
BROKEN_CELLS = (0.01, 0.02, 0.05, 0.10, 0.20)  # share of the cells that can break


def corruption(name: str) -> Callable[[Corruption], Corruption]:
    """Register a corruption under the name that pipelines use."""

    def register(function: Corruption) -> Corruption:
        if name in CORRUPTIONS:
            raise InputError("duplicate", f"expected one corruption named {name}, found a second")
        CORRUPTIONS[name] = function
        return function

    return register


def corrupt(
    name: str, frame: pd.DataFrame, declared: Declared, severity: int, seed: int
) -> pd.DataFrame:
    """A corrupted copy; the same for the same rows, name, severity and seed.

    Args:
        name: A registered corruption.
        frame: (n, columns) clean rows.
        declared: Features by name; other columns stay as they are.
        severity: 1 to 5.
        seed: Of the draws.

    Raises:
        InputError: No such corruption (`unknown_corruption`) or severity (`unknown_severity`).
    """
    if name not in CORRUPTIONS:
        known = ", ".join(sorted(CORRUPTIONS))
        raise InputError("unknown_corruption", f"expected one of {known}, found {name!r}")
    if severity not in SEVERITIES:
        raise InputError("unknown_severity", f"expected a severity of 1 to 5, found {severity}")
    digest = hashlib.sha256(f"{seed} {name} {severity}".encode()).digest()
    draws = np.random.default_rng(int.from_bytes(digest, "big"))
    return CORRUPTIONS[name](frame, declared, severity, draws)


@corruption("missing")
def missing(
    frame: pd.DataFrame, declared: Declared, severity: int, draws: np.random.Generator
) -> pd.DataFrame:
    """Each row loses a block of neighbouring columns, at a place of its own: nulls.

    The encoder reads a null as the declared midpoint, or as the null level where one is declared.
    """
    width = max(1, round(MISSING_COLUMNS[severity - 1] * len(declared)))
    first = draws.integers(len(declared), size=len(frame))
    lost = {name: (index - first) % len(declared) < width for index, name in enumerate(declared)}
    return _replaced(frame, {name: frame[name].mask(rows) for name, rows in lost.items()})


@corruption("noise")
def noise(
    frame: pd.DataFrame, declared: Declared, severity: int, draws: np.random.Generator
) -> pd.DataFrame:
    """Gaussian noise in every ordered column, along its edges or ranks, kept in range."""
    deviation, moved = NOISE[severity - 1], {}
    for name, column in declared.items():
        step = draws.normal(0, deviation, len(frame))
        if column.kind == "number":
            moved[name] = _along_edges(frame[name], column, step)
        elif column.kind == "ordinal":
            moved[name] = _along_ranks(frame[name], column, step)
    return _replaced(frame, moved)


@corruption("out_of_range")
def out_of_range(
    frame: pd.DataFrame, declared: Declared, severity: int, draws: np.random.Generator
) -> pd.DataFrame:
    """Numbers jump beyond their declared edges, by as much as lies between them."""
    broken = {}
    for name, column in declared.items():
        if column.kind == "number":
            low, high = column.edges[0], column.edges[-1]
            hit = _hit(frame, severity, draws)
            beyond = np.where(draws.random(len(frame)) < 0.5, 2 * low - high, 2 * high - low)
            cells = frame[name].astype("float64")
            broken[name] = cells.where(~hit, pd.Series(beyond, cells.index))
    return _replaced(frame, broken)


@corruption("unseen_category")
def unseen_category(
    frame: pd.DataFrame, declared: Declared, severity: int, draws: np.random.Generator
) -> pd.DataFrame:
    """Levels turn into one that nobody declared."""
    broken = {}
    for name, column in declared.items():
        if column.kind != "number":
            hit = _hit(frame, severity, draws)
            broken[name] = frame[name].mask(hit, _undeclared(column))
    return _replaced(frame, broken)


def _replaced(frame: pd.DataFrame, cells: Mapping[str, pd.Series]) -> pd.DataFrame:
    changed = frame.copy()
    for name, column in cells.items():
        changed[name] = column
    return changed


def _hit(frame: pd.DataFrame, severity: int, draws: np.random.Generator) -> NDArray[np.bool_]:
    hit: NDArray[np.bool_] = draws.random(len(frame)) < BROKEN_CELLS[severity - 1]
    return hit


def _undeclared(column: Column) -> int | str:
    """A level of the column's type that is none of its levels."""
    whole = [value for value in column.values if isinstance(value, int)]
    return max(whole) + 1 if whole else "".join(map(str, column.values))


def _along_edges(cells: pd.Series, column: Column, step: NDArray[np.float64]) -> pd.Series:
    place = np.linspace(0.0, 1.0, len(column.edges))
    known = cells.notna().to_numpy()
    values = cells.to_numpy(dtype=np.float64, na_value=np.nan)
    moved = np.interp(np.interp(values, column.edges, place) + step, place, column.edges)
    if column.integer:
        moved = np.rint(moved)
    return pd.Series(np.where(known, moved, np.nan), cells.index)


def _along_ranks(cells: pd.Series, column: Column, step: NDArray[np.float64]) -> pd.Series:
    last = len(column.values) - 1
    levels = pd.Index(list(column.values), dtype=object)
    rank = levels.get_indexer(pd.Index(cells.astype(object)))
    moved = np.rint(np.clip(rank + step * last, 0, last)).astype(int)
    return pd.Series(levels[moved], cells.index).where(rank >= 0, cells.astype(object))
