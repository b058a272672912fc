"""Whose rows a release speaks of, and that each of them is released once in a home."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from assay.errors import Refused
from assay.home import Home
from assay.ledger import Ledger, reserve_release
from assay.ledger.releases import RESERVED
from assay.measures import read_outcomes, write_outcomes
from assay.spec import PipelineSpec

MOST_LEFT_OUT = 0.05  # of the rows


def rows_of_single_units(spec: PipelineSpec, train: pd.DataFrame) -> pd.DataFrame:
    """The rows whose unit has no other row: of these, adding or removing a person moves one.

    Validation joins people whose rows are equal into one unit. Were one of such twins kept, or
    both, then removing the other could move more than one row; so they take no part.

    Raises:
        Refused: One person has rows that differ, or too many rows would be left out
            (`rows_per_unit`).
    """
    if spec.data.unit is None:
        return train  # each row is a person, whatever others look like
    several = train["unit"].duplicated(keep=False)
    differ = train.loc[several].groupby("unit")[list(spec.data.columns)].nunique(dropna=False)
    if (differ > 1).any(axis=None) or several.mean() > MOST_LEFT_OUT:
        raise Refused(
            "rows_per_unit",
            f"expected one row for each {spec.data.unit}, found {int(several.sum()):,} of "
            f"{len(train):,} rows that share theirs with another; the mechanism protects one row "
            "a person: reduce the table to that, or declare unit: null",
        )
    return train.loc[~several]


def reserve_units(
    frame: pd.DataFrame, charge: str, home: Home, ledger: Ledger, now: int
) -> tuple[str, str | None]:
    """Charge these units, unless this very release of them is stored.

    Args:
        frame: Rows with their keyed `unit`.
        charge: Digest of the mechanism's declaration and the schema.
        home: Where the list of units is sealed.
        ledger: Where they are charged.
        now: Unix seconds.

    Returns:
        Digest of the list of units; digest of the stored release, or None: make it.

    Raises:
        Refused: Some of them had another release (`epsilon_spent`).
    """
    listed = pa.table({"unit": sorted(frame["unit"])})
    units = write_outcomes(home.sealed_data, listed)
    _require_apart(listed, units, home, ledger)
    stored = reserve_release(ledger, units, charge, now)
    if stored is None:
        _require_apart(listed, units, home, ledger)  # whoever was reserved at the same moment
    return units, stored


def _require_apart(listed: pa.Table, units: str, home: Home, ledger: Ledger) -> None:
    """None of these units is among others that were reserved as a different set."""
    mine = set(listed["unit"].to_pylist())
    for entry in ledger.entries(RESERVED):
        if entry.body["units"] == units:
            continue
        others = read_outcomes(home.sealed_data, entry.body["units"])["unit"].to_pylist()
        if shared := len(mine.intersection(others)):
            raise Refused(
                "epsilon_spent",
                f"expected units that were not released yet, found {shared:,} of {len(mine):,} in "
                "a release of other units; go back to its shares and columns, or bring new units",
            )
