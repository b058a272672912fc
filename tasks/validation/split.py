"""Keyed split: what belongs together stays together, and nobody can choose who is in the holdout.

A unit is a person, and with them everyone whose row says exactly the same; it is placed by a keyed
hash of what it is, so that neither the order of a file nor a further row moves it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import pandas as pd
import rfc8785
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from assay.spec import Shares

PARTS = ("train", "development", "holdout")
ID_LENGTH = 32  # hexadecimal digits: 128 bits


def name_units(
    rows: pd.DataFrame, persons: pd.Series | None, source: pd.DataFrame | None = None
) -> pd.Series:
    """The canonical name of each row's unit.

    Rows are joined that name the same person, or that are equal in every declared column. A row
    without a person is named by all that the source says of it: another declaration of the same
    table makes no new people, who would be split anew and released again.

    Args:
        rows: (n, columns), the declared columns without label and unit.
        persons: (n,) the unit column, no nulls; None when each row is a person of its own.
        source: (n, columns) of the source, declared or not; None: `rows`.

    Returns:
        (n,) text: the smallest name in the unit, of a person or else of a row's content.
    """
    whole = rows if source is None else source
    names = _contents(whole) if persons is None else persons.map(_text)
    contents = rows.groupby(list(rows.columns), dropna=False, sort=False).ngroup().to_numpy()
    joined = _join(contents, pd.factorize(names)[0])
    return names.groupby(joined).transform("min")


def unit_ids(names: pd.Series, key: bytes) -> pd.Series:
    """Keyed hash of each unit, 32 hexadecimal digits."""
    return names.map({name: _keyed(key, "unit", name).hex()[:ID_LENGTH] for name in names.unique()})


def row_ids(units: pd.Series, key: bytes) -> pd.Series:
    """Keyed hash of each row: of its unit, and of how many rows of that unit came before."""
    before = units.groupby(units).cumcount()
    told = [f"{unit} {n}" for unit, n in zip(units, before, strict=True)]
    return pd.Series([_keyed(key, "row", text).hex()[:ID_LENGTH] for text in told], units.index)


def place_units(units: pd.Series, key: bytes, shares: Shares) -> pd.Series:
    """The part of each row: train, development or holdout, by a keyed hash of its unit.

    Args:
        units: (n,) unit ids.
        key: Secret of the home, 32 bytes.
        shares: Probability of each part.

    Returns:
        (n,) text.
    """
    bounds = [*accumulate((shares.train, shares.development))]
    chosen = {unit: _part(_keyed(key, "part", unit), bounds) for unit in units.unique()}
    return units.map(chosen)


def _part(digest: bytes, bounds: Sequence[float]) -> str:
    place = int.from_bytes(digest[:8], "big") / 2**64
    return PARTS[sum(place >= bound for bound in bounds)]


def _join(contents: NDArray[Any], names: NDArray[Any]) -> NDArray[Any]:
    """Component of each row in the graph that links its content with its name."""
    width = int(contents.max()) + 1
    size = width + int(names.max()) + 1
    links = coo_matrix((np.ones(len(contents)), (contents, width + names)), shape=(size, size))
    components: NDArray[np.int32] = connected_components(links, directed=False)[1]
    return components.take(contents)


def _contents(rows: pd.DataFrame) -> pd.Series:
    """Each row's cells in the order of their columns' names, as one text."""
    plain = [
        rows[name].astype(object).where(rows[name].notna(), None) for name in sorted(rows, key=str)
    ]
    cells = zip(*plain, strict=True)
    return pd.Series([rfc8785.dumps([*map(_plain, row)]).decode() for row in cells], rows.index)


def _plain(cell: object) -> int | float | str | None:
    """A cell as JSON holds it; what JSON has no form of is told apart by its text."""
    if isinstance(cell, np.generic):
        cell = cell.item()
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, int | float) and abs(cell) < 2**53:  # neither infinite nor rounded
        return cell
    return repr(cell)


def _text(person: object) -> str:
    return rfc8785.dumps([_plain(person)]).decode()


def _keyed(key: bytes, purpose: str, text: str) -> bytes:
    return hmac.new(key, f"{purpose}\0{text}".encode(), hashlib.sha256).digest()
