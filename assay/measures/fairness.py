"""Fairness: whether groups are approved alike, and alike among those who deserve it.

The definitions are Fairlearn's `demographic_parity_ratio` and `equal_opportunity_difference`,
between groups, read for the favourable outcome; the bounds are exact and pairwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations, product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.errors import EvidenceError
from assay.evidence.values import Bound, Measurement
from assay.measures.bounds import Proportion, difference, highest, lowest, ratio
from assay.measures.predictions import read_predictions
from assay.measures.request import Request, Tables
from assay.measures.tables import Columns, levels_of


class Cell(NamedTuple):
    """What one group, or one intersection of groups, met.

    Attributes:
        name: Levels, such as `0` or `0*<35`.
        approved: Predicted favourable, among all.
        granted: Predicted favourable, among those whose label is favourable.
        excused: Predicted favourable, among those whose label is unfavourable; perhaps of none.
    """

    name: str
    approved: Proportion
    granted: Proportion
    excused: Proportion


def measure(tables: Tables, request: Request) -> dict[str, Measurement]:
    """For each group and product: approval ratio, equal opportunity, equalized odds.

    From `predictions`. The ratio is the smallest over ordered pairs of groups, at most 1; the
    differences are the largest over ordered pairs, at least 0; n is the smallest group's.
    Equalized odds is reported, and left out when a group has no row of the unfavourable label.
    """
    columns, alpha = read_predictions(tables), request.alpha
    found: dict[str, Measurement] = {}
    for name in request.comparisons():
        cells = count_cells(columns, request, name)
        granted = [cell.granted for cell in cells]
        excused = [cell.excused for cell in cells if cell.excused.n]
        found[f"approval_ratio:{name}"] = _smallest_ratio([c.approved for c in cells], alpha)
        found[f"equal_opportunity_difference:{name}"] = _largest_difference([granted], alpha)
        if len(excused) == len(cells):
            odds = _largest_difference([granted, excused], alpha)
            found[f"equalized_odds_difference:{name}"] = odds
    return found


def count_cells(columns: Columns, request: Request, name: str) -> list[Cell]:
    """Counts of every expected group or intersection of one comparison.

    Args:
        columns: Of a `predictions` table.
        request: Names the groups' levels.
        name: A key of `request.comparisons()`.

    Raises:
        EvidenceError: `group_absent` when one of them has no row whose label is favourable.
    """
    grouping = request.comparisons()[name]
    levels = [request.groups[column] for column in grouping]
    cell = np.zeros(len(columns["label"]), dtype=np.int64)
    for column, expected in zip(grouping, levels, strict=True):
        cell = cell * len(expected) + levels_of("predictions", columns, column, expected)
    approved = columns["predicted"] != request.unfavourable
    deserving = columns["label"] != request.unfavourable
    names = ["*".join(combination) for combination in product(*levels)]

    def proportions(rows: NDArray[Any]) -> list[Proportion]:
        n = np.bincount(cell[rows], minlength=len(names)).tolist()
        k = np.bincount(cell[rows & approved], minlength=len(names)).tolist()
        return [Proportion(*pair) for pair in zip(k, n, strict=True)]

    everyone = np.ones_like(approved)
    counted = (proportions(everyone), proportions(deserving), proportions(~deserving))
    cells = [Cell(*parts) for parts in zip(names, *counted, strict=True)]
    if absent := [cell.name for cell in cells if not cell.granted.n]:
        raise EvidenceError(
            "group_absent", f"expected rows with the good label in {name} {absent[0]}, found 0"
        )
    return cells


def _smallest_ratio(groups: Sequence[Proportion], alpha: float) -> Bound:
    """The smaller of a ratio and its inverse is at most 1, whatever the bounds say."""
    found = lowest(_pairwise(ratio, [groups]), alpha)
    return Bound(found.point, found.lower, min(1.0, found.upper), alpha, found.n, found.method)


def _largest_difference(kinds: Sequence[Sequence[Proportion]], alpha: float) -> Bound:
    """The larger of a difference and its opposite is at least 0, whatever the bounds say."""
    found = highest(_pairwise(difference, kinds), alpha)
    return Bound(found.point, max(0.0, found.lower), found.upper, alpha, found.n, found.method)


def _pairwise(
    compare: Callable[[Proportion, Proportion, float], Bound],
    kinds: Sequence[Sequence[Proportion]],
) -> Callable[[float], list[Bound]]:
    """The comparison of every ordered pair of groups, within each kind of rate."""
    pairs = [pair for groups in kinds for pair in permutations(groups, 2)]
    return lambda alpha: [compare(left, right, alpha) for left, right in pairs]
