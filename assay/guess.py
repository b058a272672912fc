"""A column's likely declaration, from its cells: a draft for a person to check, never a decision.

Levels and edges of a pipeline are public knowledge. These come from a file, rounded, and the
draft says so: whoever signs it replaces them by what is known without the file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

import numpy as np
import pandas as pd
from pandas.api import types

from assay.spec import Column, Level

MAX_LEVELS = 20
RARE_SHARE, RARE_ROWS = 0.005, 10  # a text level below both is merged into `other`
OTHER = "other"
STEPS = (1, 2, 5, 10)
FEW, MANY = 8, 14  # parts of a range
BINS = 50
WIDE = 5  # a range this many times an ordinary value is divided by decades
_ID = re.compile(r"(^|[_\W])(id|uuid|key|number|no|nr)$", re.IGNORECASE)


def guess(cells: pd.Series, *, audit: bool) -> Column | str:
    """The column's declaration, or the reason why there is none.

    Args:
        cells: (n,) at least one row.
        audit: Whether it is sensitive: audited and never a feature.
    """
    known = cells.dropna()
    if known.empty:
        return "it holds nothing"
    if known.nunique() == 1:
        return "it holds one value only"
    use, nulls = "audit" if audit else "feature", len(known) < len(cells)
    if types.is_bool_dtype(cells.dtype):
        return "it holds truth values; write them as 0 and 1"
    if isinstance(cells.dtype, pd.StringDtype):
        return _guess_text(known, use, nulls)
    if not types.is_numeric_dtype(cells.dtype):
        return f"it holds {cells.dtype}, which is neither number nor text"
    if not np.isfinite(known).all():
        return "it holds infinity"
    return _guess_number(known, use, nulls)


def is_identifier(name: str, cells: pd.Series) -> bool:
    """Whether each row has its own value, and the column is called or written like an id."""
    if cells.isna().any() or not cells.is_unique or types.is_float_dtype(cells.dtype):
        return False
    return isinstance(cells.dtype, pd.StringDtype) or looks_like_id(name)


def looks_like_id(name: str) -> bool:
    """Whether a column's name says that it is a running number or a key."""
    return _ID.search(name) is not None


def told_share(cells: pd.Series, label: pd.Series) -> float:
    """How much of a label one column tells by itself: an answer under another name tells all.

    Each frequent value, and each of `BINS` parts of the other values, guesses its majority.

    Args:
        cells: (n,) the column.
        label: (n,) 0 or 1.

    Returns:
        1 - wrong guesses / rows of the rarer label, in [0, 1]; 0 when there is one label only.
    """
    rarer = int(min(label.sum(), len(label) - label.sum()))
    sizes = cells.map(cells.value_counts(dropna=False))
    parts = cells.astype(object).where(sizes >= RARE_ROWS, "rare")
    rest = cells[(sizes < RARE_ROWS).fillna(True)]
    if types.is_numeric_dtype(cells.dtype) and len(rest) > RARE_ROWS:
        parts[rest.index] = pd.qcut(rest, BINS, labels=False, duplicates="drop").map(
            "part {}".format
        )
    counts = label.groupby(parts, dropna=False).agg(["sum", "size"])
    missed = int(np.minimum(counts["sum"], counts["size"] - counts["sum"]).sum())
    return max(0.0, 1 - missed / rarer) if rarer else 0.0


def round_edges(lowest: float, highest: float, typical: float) -> tuple[float, ...]:
    """Ascending round numbers that contain a range; dense near zero when it spans decades.

    Args:
        lowest: Smallest value.
        highest: Largest value, above `lowest`.
        typical: Size of an ordinary value, at least 0; its decade alone is used.

    Returns:
        At least two edges, the first <= `lowest`, the last >= `highest`.
    """
    reach = max(abs(lowest), abs(highest))
    if typical > 0 and reach > WIDE * typical:
        return _decades(lowest, highest, 10.0 ** math.floor(math.log10(typical)))
    step = _step(highest - lowest)
    first, last = math.floor(lowest / step), math.ceil(highest / step)
    return tuple(_clean(k * step) for k in range(first, max(last, first + 1) + 1))


def _guess_text(known: pd.Series, use: str, nulls: bool) -> Column | str:
    counts = known.value_counts()
    seldom = counts[(counts < RARE_ROWS) & (counts < RARE_SHARE * len(known))]
    rare = seldom.index.difference([OTHER])
    kept = sorted(str(level) for level in counts.index.difference(rare))
    if len(counts) > MAX_LEVELS * 5 or len(kept) > MAX_LEVELS or not kept:
        return f"it holds {len(counts):,} different texts"
    if any(len(level) > 128 or not level.isprintable() for level in map(str, counts.index)):
        return "it holds texts that are long or no plain text"
    merge = {str(level): OTHER for level in sorted(rare)}
    values = kept if not merge or OTHER in kept else [*kept, OTHER]
    return _column(kind="category", values=values, merge=merge, use=use, nulls=nulls)


def _guess_number(known: pd.Series, use: str, nulls: bool) -> Column | str:
    lowest, highest = float(known.min()), float(known.max())
    whole = bool((known % 1 == 0).all()) and max(abs(lowest), abs(highest)) < 2**53
    levels = sorted(known.unique())
    if whole and len(levels) == 2:
        values: Iterable[Level] = map(int, levels)
        return _column(kind="category", values=[*values], use=use, nulls=nulls)
    if whole and len(levels) <= MAX_LEVELS and highest - lowest < MAX_LEVELS:
        values = range(int(lowest), int(highest) + 1)
        return _column(kind="ordinal", values=[*values], use=use, nulls=nulls)
    edges = round_edges(lowest, highest, float(known[known != 0].abs().median()))
    edges = tuple(edge for edge in edges if edge.is_integer() or not whole)
    if not edges[0] <= lowest < highest <= edges[-1] or list(edges) != sorted(set(edges)):
        return "its values differ in their last digits only"
    return _column(kind="number", edges=edges, integer=whole, use=use, nulls=nulls)


def _column(**declared: object) -> Column:
    return Column.model_validate(declared)


def _decades(lowest: float, highest: float, unit: float) -> tuple[float, ...]:
    """Zero, and round numbers around the unit's decade and up to either end."""
    ordered = sorted({0.0, *_side(highest, unit), *(-edge for edge in _side(-lowest, unit))})
    first = max(k for k, edge in enumerate(ordered) if edge <= lowest)
    last = min(k for k, edge in enumerate(ordered) if edge >= highest)
    return tuple(ordered[first : last + 1])


def _side(end: float, unit: float) -> set[float]:
    """1, 2, 5 of three decades about the unit, then few decades, then a round end."""
    if end <= 0:
        return set()
    near = {_clean(unit * 10.0**power * step) for power in (-1, 0, 1) for step in STEPS[:3]}
    far = {_clean(unit * 10.0**power) for power in range(2, 6)}
    decade = 10.0 ** math.floor(math.log10(end))
    beyond = next(_clean(decade * step) for step in STEPS if decade * step >= end)
    return {edge for edge in near | far if edge < end} | {beyond}


def _step(width: float) -> float:
    """The round step that divides a width into `FEW` to `MANY` parts."""
    decade = 10.0 ** math.floor(math.log10(width / FEW))
    return next(decade * step for step in STEPS if width / (decade * step) <= MANY)


def _clean(edge: float) -> float:
    """The number that a person would write: twelve digits are enough."""
    return float(f"{edge:.12g}")
