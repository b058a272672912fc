"""The unfavourable rows under every attack at every cost: the outcome table `robustness`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from assay.evidence.artifacts import Dataset
from assay.measures import build_table
from assay.models import Model
from tasks.attacks import Constraint, Counted, Effort, find_attack
from tasks.evaluation.sitting import Progress, Sitting


class Fallen(NamedTuple):
    """One attack at one cost.

    Attributes:
        attack: Registered name.
        cost: Largest step of a column, in quantile cost.
        survived: (n,) bool, over all unfavourable rows.
    """

    attack: str
    cost: float
    survived: NDArray[np.bool_]


def robustness(sitting: Sitting, dataset: Dataset, progress: Progress) -> tuple[pa.Table, int]:
    """The outcome table of one data set, and the forward passes, in rows, that it took."""
    frame = sitting.rows(dataset)
    label = sitting.labels(frame)
    targets = frame[label == sitting.rules.unfavourable]
    model = sitting.model()
    counted = Counted(model.logits)
    x = torch.from_numpy(model.encoder.encode(targets))
    results = list(attacked(sitting, model, counted, x, progress))
    n = len(targets)
    columns = {
        "row": np.tile(targets["row"].to_numpy(dtype=object), len(results)),
        "label": np.full(n * len(results), sitting.rules.unfavourable, dtype=np.int8),
        "budget": np.repeat([result.cost for result in results], n),
        "attack": np.repeat([result.attack for result in results], n),
        "survived": np.concatenate([result.survived for result in results]),
    }
    return build_table("robustness", columns), counted.forwards


def attacked(
    sitting: Sitting, model: Model, logits: Counted, x: Tensor, progress: Progress
) -> Iterator[Fallen]:
    """Every attack on its own, from the smallest cost to the largest.

    A row that is wrong when clean, or that fell to this attack at a smaller cost, stays fallen:
    what was feasible then is feasible now. No row is spared one attack because another turned it,
    so that the two can be weighed against each other row by row.

    Args:
        sitting: Names attacks, costs and effort.
        model: Scores the rows that come back.
        logits: The same model, counting.
        x: Coordinates of all unfavourable rows, (n, d).
        progress: Told after each attack and cost.
    """
    asked, unfavourable = sitting.spec.evaluation.robustness, sitting.rules.unfavourable
    constraint = Constraint.of(model.encoder, sitting.rules.moves)
    effort = Effort(asked.steps, asked.restarts, asked.queries)
    costs, done = sorted(asked.costs), 0
    clean = (model.score_encoded(x) > 0.5) == bool(unfavourable)
    for name in asked.attacks:
        standing = clean.copy()
        for cost in costs:
            at = torch.from_numpy(np.flatnonzero(standing))
            if len(at):
                y = torch.full((len(at),), unfavourable)
                draws = generator(sitting.spec.training.seed, name, cost)
                rows = find_attack(name)(logits, x[at], y, constraint, cost, effort, draws)
                still = (model.score_encoded(rows) > 0.5) == bool(unfavourable)
                standing[at.numpy()] = still
            done += 1
            progress(f"{name} at cost {cost:g}", done / (len(costs) * len(asked.attacks)))
            yield Fallen(name, cost, standing.copy())


def generator(seed: int, *names: Any) -> torch.Generator:
    """A source of draws that depends on the seed and on what is drawn for, and on nothing else."""
    digest = hashlib.sha256(repr((seed, *names)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
