"""How many rows a run will have, from the counts of the declared table; no cell is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

import pandas as pd

from assay.measures.sizes import most_placed
from assay.models.parts import release_parts
from assay.policy.rules import ModelRules
from assay.sources import locate
from assay.spec import PipelineSpec
from assay.tables import read_table
from tasks.validation.rows import find_levels
from tasks.validation.schema import check_declared, check_table, fold
from tasks.validation.split import name_units

LUCK = 1e-4  # probability that a split gives more rows than are said to be the most
Mask: TypeAlias = "pd.Series[bool]"  # (n,), over the rows of the table


@dataclass(frozen=True, slots=True)
class Count:
    """Rows of one part of a split that is keyed, and so not known before it is made.

    Attributes:
        about: Expected rows.
        most: Rows that a split exceeds with a probability of at most `LUCK`.
    """

    about: int
    most: int

    @classmethod
    def of(cls, units: pd.Series[int], share: float) -> Count:
        """Rows that a part of this share is given, by the unit of each row, (n,)."""
        n = len(units)
        if not n:
            return cls(0, 0)
        largest = int(units.value_counts().max())
        return cls(int(n * share), most_placed(n, largest, share, LUCK))

    @classmethod
    def smallest(cls, counts: Iterable[Count]) -> Count:
        """The smallest of at least one."""
        told = list(counts)
        return cls(min(count.about for count in told), min(count.most for count in told))


@dataclass(frozen=True, slots=True)
class Rows:
    """How many rows a run will have, each as the measures count their n.

    Attributes:
        train: Rows that the release or the model is made from.
        members: Train rows that the weights rest on, of the smallest group.
        held_out: Rows of the release that are only measured.
        holdout: Sealed rows.
        unfavourable: Sealed rows with the unfavourable label.
        favourable: The other sealed rows.
        groups: Comparison, such as `SEX*AGE` -> sealed rows of its smallest cell.
        favourable_groups: The same among rows with the favourable label.
        rate: Share of the favourable label.
    """

    train: Count
    members: Count
    held_out: Count
    holdout: Count
    unfavourable: Count
    favourable: Count
    groups: Mapping[str, Count]
    favourable_groups: Mapping[str, Count]
    rate: float


def count_rows(spec: PipelineSpec, rules: ModelRules) -> Rows:
    """Counts from the declared source.

    Raises:
        InputError: The table is not what was declared.
    """
    check_declared(spec, rules)
    frame = read_table(locate(spec))
    check_table(spec, frame)
    folded, share = fold(spec, frame), spec.data.shares
    persons = None if spec.data.unit is None else frame[spec.data.unit]
    names = name_units(folded, persons, frame)
    units = pd.Series(pd.factorize(names)[0], names.index)
    good = frame[spec.data.label] != rules.unfavourable
    everyone = pd.Series(True, frame.index)
    single = {name: list(_cells(folded, rules, (name,))) for name in rules.groups}
    several = {"*".join(names): list(_cells(folded, rules, names)) for names in rules.products}

    def smallest(part: float, cells: Iterable[Mask], among: Mask = everyone) -> Count:
        return Count.smallest(Count.of(units[cell & among], part) for cell in cells)

    def compared(among: Mask) -> dict[str, Count]:
        cells = (single | several).items()
        return {name: smallest(share.holdout, mine, among) for name, mine in cells}

    train = Count.of(units, share.train)
    return Rows(
        train=train,
        members=smallest(
            share.train * _remembered(spec),
            [everyone, *(c for cells in single.values() for c in cells)],
        ),
        held_out=_held_out(spec, train),
        holdout=Count.of(units, share.holdout),
        unfavourable=Count.of(units[~good], share.holdout),
        favourable=Count.of(units[good], share.holdout),
        groups=compared(everyone),
        favourable_groups=compared(good),
        rate=float(good.mean()),
    )


def _cells(folded: pd.DataFrame, rules: ModelRules, names: Iterable[str]) -> Iterator[Mask]:
    """Rows of each combination of the levels that the policy names, also of those with none."""
    told = [(rules.groups[name], find_levels(rules.groups[name], folded[name])) for name in names]
    for levels in product(*(group.levels for group, _ in told)):
        mine = pd.Series(True, folded.index)
        for (_, column), level in zip(told, levels, strict=True):
            mine &= column == level
        yield mine


def _remembered(spec: PipelineSpec) -> float:
    """Share of the train rows that membership is measured on."""
    return 1 - spec.training.held_out if spec.privacy.mechanism == "none" else 1.0


def _held_out(spec: PipelineSpec, train: Count) -> Count:
    """The release has the declared rows, or about as many as it is made from."""
    drawn = spec.privacy.rows
    about, most = (
        int((release_parts(spec, n) == "held_out").sum())
        for n in ((drawn, drawn) if drawn else (train.about, train.most))
    )
    return Count(about, most)
