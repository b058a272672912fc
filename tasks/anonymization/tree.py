"""A target-augmented tree: what is asked of the real rows, and the rows drawn from the answers.

One-way counts of every column; a maximum spanning tree over the features, chosen by how far each
(feature, feature, label) table is from independence; the noisy tables of the tree's edges. Rows are
drawn label first, then along the tree. Select-measure-generate after McKenna, Miklau & Sheldon
2021, arXiv:2108.04978; the tree after Friedman, Geiger & Goldszmidt 1997 (TAN).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from assay.errors import InputError
from tasks.anonymization.noise import noise_scale, noisy_argmax, noisy_counts

SHARES: Mapping[str, float] = {"one_way": 0.2, "selection": 0.2, "three_way": 0.6}
Edge = tuple[int, int]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Answers:
    """All that is known of the real rows; from here on everything is post-processing.

    Attributes:
        n: Rows, about.
        label: P(label), (levels of the label,).
        tables: Edge (i, j), i < j -> noisy counts, (bins of i, bins of j, levels of the label).
        scale: Standard deviation of the tables' noise.
    """

    n: int
    label: Floats
    tables: Mapping[Edge, Floats]
    scale: float


def ask(bins: NDArray[np.int64], sizes: tuple[int, ...], budget: Mapping[str, float]) -> Answers:
    """Spend a budget on the real rows.

    Args:
        bins: (n, columns), at least two features and, as the last column, the label.
        sizes: Number of bins of each column.
        budget: Part, a key of `SHARES` -> its rho.

    Raises:
        InputError: Fewer than two features (`too_few_columns`).
    """
    features = len(sizes) - 1
    if features < 2:
        raise InputError(
            "too_few_columns", f"expected two columns or more beside the label, found {features}"
        )
    one_way = [
        noisy_counts(_count(bins, sizes, (column,)), budget["one_way"] / len(sizes))
        for column in range(len(sizes))
    ]
    n = max(1.0, float(np.mean([counts.sum() for counts in one_way])))
    marginals = [_probabilities(counts) for counts in one_way]
    scale = noise_scale(budget["three_way"] / (features - 1))
    scores = _scores(bins, sizes, marginals, n, scale)
    edges = _tree(scores, features, budget["selection"] / (features - 1))
    tables = {
        edge: noisy_counts(
            _count(bins, sizes, (*edge, features)), budget["three_way"] / (features - 1)
        ).astype(np.float64)
        for edge in edges
    }
    return Answers(round(n), marginals[-1], tables, scale)


def draw(answers: Answers, sizes: tuple[int, ...], n: int) -> NDArray[np.int64]:
    """Rows of bins from the operating system's entropy; how many is free, since no row is asked.

    Returns:
        (n, columns).
    """
    entropy = np.random.default_rng()
    last = len(sizes) - 1
    rows = np.zeros((n, len(sizes)), dtype=np.int64)
    rows[:, last] = _choose(np.tile(answers.label, (n, 1)), entropy)
    for parent, child, table in _walk(answers):
        if parent is None:
            weights = table.sum(0).T[rows[:, last]]
        else:
            weights = table[rows[:, parent], :, rows[:, last]]
        rows[:, child] = _choose(weights, entropy)
    return rows


def _count(
    bins: NDArray[np.int64], sizes: tuple[int, ...], columns: tuple[int, ...]
) -> NDArray[np.int64]:
    shape = tuple(sizes[column] for column in columns)
    cells = np.ravel_multi_index(tuple(bins[:, column] for column in columns), shape)
    return np.bincount(cells, minlength=math.prod(shape)).reshape(shape)


def _probabilities(counts: NDArray[np.int64]) -> Floats:
    positive = counts.clip(0).astype(np.float64)
    total = positive.sum()
    return positive / total if total else np.full(counts.shape, 1 / counts.size)


def _scores(
    bins: NDArray[np.int64],
    sizes: tuple[int, ...],
    marginals: list[Floats],
    n: float,
    scale: float,
) -> dict[Edge, int]:
    """How far each table is from independence, less the noise that measuring it would add.

    Expected counts are rounded, so that a score is a whole number that one row moves by at most 1.
    """
    last = len(sizes) - 1
    scores = {}
    for i, j in combinations(range(last), 2):
        expected = n * np.einsum("i,j,k->ijk", marginals[i], marginals[j], marginals[last])
        found = _count(bins, sizes, (i, j, last))
        far = int(np.abs(found - np.rint(expected).astype(np.int64)).sum())
        scores[i, j] = far - round(math.sqrt(2 / math.pi) * scale * found.size)
    return scores


def _tree(scores: Mapping[Edge, int], features: int, rho: float) -> tuple[Edge, ...]:
    """Kruskal's spanning tree by noisy maxima, `rho` each."""
    part = list(range(features))
    edges: list[Edge] = []
    while len(edges) < features - 1:
        open_ = [edge for edge in scores if part[edge[0]] != part[edge[1]]]
        edge = open_[noisy_argmax([scores[e] for e in open_], rho)]
        edges.append(edge)
        part = [part[edge[0]] if p == part[edge[1]] else p for p in part]
    return tuple(edges)


def _walk(answers: Answers) -> Iterator[tuple[int | None, int, Floats]]:
    """The tree from its first edge on: (parent, child, weights of (parent, child, label)).

    The root has no parent: its weights are summed over the other end of the first edge.
    """
    tables = {
        **answers.tables,
        **{(j, i): t.swapaxes(0, 1) for (i, j), t in answers.tables.items()},
    }
    root = min(min(edge) for edge in answers.tables)
    first = min(edge for edge in tables if edge[1] == root)
    yield None, root, _denoise(tables[first], answers.scale)
    reached, seen = [root], {root}
    while reached:
        parent = reached.pop()
        for (start, child), table in tables.items():
            if start == parent and child not in seen:
                yield parent, child, _shrink(_denoise(table, answers.scale), answers.scale)
                seen.add(child)
                reached.append(child)


def _denoise(table: Floats, scale: float) -> Floats:
    """Cells below one standard deviation are more likely empty than not."""
    return np.where(table < scale, 0.0, table)


def _shrink(table: Floats, scale: float) -> Floats:
    """Each conditional, towards the child's distribution given the label alone."""
    overall = table.sum(0, keepdims=True) + 1e-9
    shrunk: Floats = table + scale * overall / overall.sum(1, keepdims=True)
    return shrunk


def _choose(weights: Floats, entropy: np.random.Generator) -> NDArray[np.int64]:
    """One index per row of unnormalised weights, (n, choices), each row with some weight."""
    cumulative = (weights + 1e-12).cumsum(1)
    aim = entropy.random((len(weights), 1)) * cumulative[:, -1:]
    chosen: NDArray[np.int64] = (cumulative <= aim).sum(1)
    return chosen
