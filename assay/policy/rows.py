"""Whether outcome tables hold exactly the rows that validation set apart, and tell of them alike.

A number may be right about the wrong rows: easier ones, fewer ones, relabelled ones. The split
manifest, signed by the data role, says which rows there are; each table has to hold all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import EvidenceError
from assay.evidence.statement import Config
from assay.policy.claims import Denial
from assay.policy.rules import ModelRules

Levels: TypeAlias = Mapping[str, Sequence[Any]]
PARTS = ("train", "development", "holdout", "quarantine")
NO_RELEASE = Denial("missing", "expected privacy's table of the release, found none to believe")


@dataclass(frozen=True, slots=True)
class Manifest:
    """Which rows there are: row, unit, part, label and groups of each.

    Attributes:
        release: Row, label and part of what was trained on, or why nobody knows.
        raw: The evidence says that the train rows themselves are the release.
    """

    rows: pa.Table
    rules: ModelRules
    release: pa.Table | Denial = NO_RELEASE
    raw: bool = False

    def part(self, name: str) -> pa.Table:
        """The rows of one part."""
        return self.rows.filter(pc.equal(self.rows["part"], name))

    @property
    def members(self) -> pa.Table | Denial:
        """The train rows that the weights rest on.

        All of them, when a release was made from them. Where they are the release themselves, only
        those that were fitted: the others would hide how well those are remembered.
        """
        train, release = self.part("train"), self.release
        if isinstance(release, Denial):
            return release
        themselves = pc.is_in(release["row"], value_set=train["row"].combine_chunks())
        count = pc.sum(themselves).as_py() or 0
        if not count and not self.raw:
            return train
        if not count == release.num_rows == train.num_rows:
            told = "expected a release of the train rows to hold all of them and nothing else"
            return Denial("rows_missing", f"{told}, found {count:,} of {train.num_rows:,}")
        fitted = release.filter(pc.equal(release["part"], "fitted"))["row"]
        return train.filter(pc.is_in(train["row"], value_set=fitted.combine_chunks()))

    @property
    def told(self) -> list[str]:
        """Columns that every table repeats for its rows."""
        return ["label", *(f"group:{column}" for column in self.rules.groups)]


def read_manifest(
    split: pa.Table,
    rules: ModelRules,
    release: pa.Table | Denial = NO_RELEASE,
    *,
    raw: bool = False,
) -> Manifest:
    """The manifest of a split table, and of the release that was made of its train rows.

    Raises:
        EvidenceError: `malformed` or `labels_differ`: a row twice, a part, label or group level
            that there is none of.
    """
    manifest = Manifest(split, rules, release, raw)
    expected = ["row", "unit", "part", *manifest.told]
    if missing := [name for name in expected if name not in split.column_names]:
        raise EvidenceError("malformed", f"expected {', '.join(missing)} in the split manifest")
    if pc.count_distinct(split["row"]).as_py() != split.num_rows:
        raise EvidenceError("malformed", "expected every row once in the split manifest")
    levels: Levels = {"part": PARTS, "label": (0, 1)}
    levels = {**levels, **{f"group:{name}": group.levels for name, group in rules.groups.items()}}
    # A row may be set apart because nobody can tell its group; it is measured nowhere.
    kept = split.filter(pc.not_equal(split["part"], "quarantine"))
    for column, known in levels.items():
        told = kept if column.startswith("group:") else split
        if strangers := set(pc.unique(told[column]).to_pylist()) - set(known):
            raise EvidenceError(
                "labels_differ",
                f"expected {column} of the split manifest among {', '.join(map(str, known))}, "
                f"found {len(strangers)} other values",
            )
    return manifest


def different_rows(
    table: str, part: str, found: pa.Table, manifest: Manifest, config: Config
) -> Iterator[Denial]:
    """Each way in which an outcome table is not about the manifest's rows.

    Args:
        table: Table's name, such as `robustness`.
        part: `holdout` or `development`.
        found: The table, whose columns the measure has already checked.
        manifest: Which rows there are.
        config: What the evidence says was asked: costs, attacks, corruptions, severities.
    """
    rows = manifest.part(part)
    whose = f"the {table} table of the {part} rows"
    match table:
        case "predictions":
            yield from _compare(whose, found, rows, manifest.told, {})
        case "fit" if isinstance(manifest.release, Denial):
            yield manifest.release
        case "fit":
            whose = "the fit table of the release"
            yield from _compare(whose, found, manifest.release, ["label", "part"], {})
        case "robustness":
            attacked = rows.filter(pc.equal(rows["label"], manifest.rules.unfavourable))
            levels = {"budget": config["costs"], "attack": config["attacks"]}
            yield from _compare(whose, found, attacked, ["label"], levels)
        case "stress":
            levels = {"corruption": config["corruptions"], "severity": config["severities"]}
            yield from _compare(whose, found, rows, ["label"], levels)
        case "membership":
            yield from _remembered(found, manifest)


def _remembered(found: pa.Table, manifest: Manifest) -> Iterator[Denial]:
    members = manifest.members
    if isinstance(members, Denial):
        yield members
        return
    sides = ((True, "train", members), (False, "holdout", manifest.part("holdout")))
    for member, origin, expected in sides:
        lines = found.filter(pc.equal(found["member"], member))
        whose = f"the membership table of the {origin} rows"
        yield from _compare(whose, lines, expected, manifest.told, {})
    yield from _halved(lines)


def _halved(others: pa.Table) -> Iterator[Denial]:
    """Rows that no member is measured on are halved by their keys: nobody chooses a threshold."""
    last = pc.utf8_slice_codeunits(others["row"], start=-1)
    odd = pc.is_in(last, value_set=pa.array(list("13579bdf")))
    if not pc.all(pc.equal(others["half"], odd.cast(pa.int8()))).as_py():
        told = "expected half in the membership table by the last bit of each row's key"
        yield Denial("labels_differ", f"{told}, found another choice")


def _compare(
    whose: str, found: pa.Table, expected: pa.Table, told: Sequence[str], levels: Levels
) -> Iterator[Denial]:
    """Every expected row once for each combination of levels, and told of alike."""
    cells = expected.num_rows * math.prod(map(len, levels.values()))
    asked = f"expected {whose} to hold {cells:,} lines, one for each row and case"
    # Counted before anything of that size is made: the levels are the evidence's own.
    if cells == 0 or found.num_rows != cells:
        yield Denial("rows_missing", f"{asked}, found {found.num_rows:,}")
        return
    place = pc.index_in(found["row"], value_set=expected["row"].combine_chunks())
    place = cell = place.cast(pa.int64())
    for column, values in levels.items():
        among = pa.array(values, type=found[column].type)
        index = pc.index_in(found[column], value_set=among)
        cell = pc.add(pc.multiply(cell, len(values)), index)
    counts = np.bincount(cell.drop_null().to_numpy(), minlength=cells)
    if wrong := cells - int((counts == 1).sum()):
        yield Denial("rows_missing", f"{asked}, found {wrong:,} of them missing or doubled")
        return
    for column in told:
        same = pc.equal(found[column], expected[column].take(place))
        if wrong := found.num_rows - (pc.sum(same).as_py() or 0):
            yield Denial(
                "labels_differ",
                f"expected {column} in {whose} as it was set apart, found {wrong:,} different",
            )
