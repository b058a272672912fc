"""What is told of each row, and the sealed files that hold it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from assay.errors import InputError, Refused
from assay.evidence.artifacts import Dataset
from assay.home import Home
from assay.measures import build_table, write_outcomes
from assay.policy.columns import Group
from assay.policy.rules import ModelRules
from assay.spec import PipelineSpec
from tasks.validation.schema import fold, require_conforming
from tasks.validation.split import PARTS, name_units, place_units, row_ids, unit_ids

QUARANTINE = "quarantine"
NO_LEVEL = "unknown"  # group of a row that is set apart because nobody can tell it


def tell_rows(
    spec: PipelineSpec,
    rules: ModelRules,
    frame: pd.DataFrame,
    kept: NDArray[np.bool_],
    key: bytes,
) -> pd.DataFrame:
    """Declared columns, label, row, unit, part and groups of every row of the source."""
    folded = fold(spec, frame)
    require_conforming(spec, folded[kept])
    persons = None if spec.data.unit is None else frame[spec.data.unit]
    units = unit_ids(name_units(folded, persons, frame), key)
    told = folded.assign(**{spec.data.label: frame[spec.data.label].astype("int8")})
    told["row"], told["unit"] = row_ids(units, key), units
    told["part"] = place_units(units, key, spec.data.shares).where(kept, QUARANTINE)
    for column, group in rules.groups.items():
        told[f"group:{column}"] = _levels(column, group, folded[column], kept)
    _require_parts(told, spec.data.label)
    return told


def _levels(column: str, group: Group, cells: pd.Series, kept: NDArray[np.bool_]) -> pd.Series:
    """Each row's level of an audited column.

    Raises:
        Refused: `data_invalid`, a kept row belongs to none of the policy's levels.
    """
    levels = find_levels(group, cells)
    if strangers := int(levels[kept].isna().sum()):
        raise Refused(
            "data_invalid",
            f"expected {column} among the policy's groups {', '.join(group.levels)}, "
            f"found {strangers:,} rows in none of them",
        )
    return levels.fillna(NO_LEVEL)


def find_levels(group: Group, cells: pd.Series) -> pd.Series:
    """The level of each cell of an audited column, (n,) text; null where it has none."""
    known: dict[object, str] = {}
    for value in cells.dropna().unique():
        try:
            known[value] = group.level(value)
        except InputError:
            continue
    return cells.astype(object).map(known)


def _require_parts(told: pd.DataFrame, label: str) -> None:
    for part in PARTS:
        rows = told.loc[told["part"] == part, label]
        if rows.nunique() < 2:
            raise Refused(
                "data_invalid",
                f"expected rows of both labels in the {part} part, found {len(rows):,} rows "
                f"of {rows.nunique()} labels; more rows are needed",
            )


def seal(spec: PipelineSpec, told: pd.DataFrame, home: Home) -> dict[str, Dataset]:
    """Each part as a sealed file, by digest."""
    sealed = {}
    for part in PARTS:
        rows = told[told["part"] == part].drop(columns="part")
        digest = write_outcomes(home.sealed_data, pa.Table.from_pandas(rows, preserve_index=False))
        path = home.sealed_data / f"{digest[7:]}.parquet"
        sealed[part] = Dataset(
            spec.data.source, part, path, digest, len(rows), spec.schema_digest()
        )
    return sealed


def manifest(spec: PipelineSpec, told: pd.DataFrame) -> pa.Table:
    """The outcome table `split`: every row of the source once, and no feature."""
    groups = [str(name) for name in told.columns if str(name).startswith("group:")]
    columns = {name: told[name].to_numpy() for name in ("row", "unit", "part", *groups)}
    return build_table("split", {**columns, "label": told[spec.data.label].to_numpy()})
