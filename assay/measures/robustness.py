"""Robustness: whom the model turns down, when they move what they can move.

A robust number is a statement about the attacks, costs and efforts that the configuration names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from assay.errors import EvidenceError
from assay.evidence.values import Bound, Measurement
from assay.measures.bounds import clopper_pearson, highest, paired
from assay.measures.predictions import correct, read_predictions
from assay.measures.request import Request, Tables
from assay.measures.tables import Columns, locate, read_table

# Attacks that use the gradient. Any other name counts as black-box: an attack that is better than
# these may mean that gradients are masked, and that has to be looked at before it is believed.
WHITE_BOX = frozenset({"constrained_pgd", "art_pgd"})

Survival: TypeAlias = dict[float, dict[str, NDArray[Any]]]  # cost -> attack -> (n,) bool


def measure(tables: Tables, request: Request) -> dict[str, Measurement]:
    """Recall under attack at each cost, clean recall, specificity, and black-box advantage.

    From `predictions` and `robustness`. A row counts as robust at a cost when the clean row and
    its best-of-attacks version are both predicted unfavourable.
    """
    columns = read_predictions(tables)
    label, predicted, alpha = columns["label"], columns["predicted"], request.alpha
    clean = correct(label, predicted, request.unfavourable)
    favourable = correct(label, predicted, 1 - request.unfavourable)
    survival = _read_survival(columns, tables, request)
    found: dict[str, Measurement] = {
        "clean_recall": clopper_pearson(clean.k, clean.n, alpha),
        "specificity": clopper_pearson(favourable.k, favourable.n, alpha),
        "black_box_advantage": _black_box_advantage(survival, alpha),
    }
    for cost, by_attack in survival.items():
        robust = np.logical_and.reduce(list(by_attack.values()))
        found[f"robust_recall:{cost!r}"] = clopper_pearson(robust.sum(), len(robust), alpha)
    return found


def _black_box_advantage(survival: Survival, alpha: float) -> Bound:
    """Rows that only the black-box attacks turn, minus rows that only the white-box ones do.

    The largest over the costs, from the discordant counts of the same rows; high: masked gradients.
    """
    counts = []
    for by_attack in survival.values():
        white = _survived(by_attack, [name for name in by_attack if name in WHITE_BOX])
        black = _survived(by_attack, [name for name in by_attack if name not in WHITE_BOX])
        counts.append((int((white & ~black).sum()), int((black & ~white).sum()), len(white)))
    return highest(lambda a: [paired(only, other, n, a) for only, other, n in counts], alpha)


def _survived(by_attack: dict[str, NDArray[Any]], attacks: Sequence[str]) -> NDArray[Any]:
    if not attacks:
        raise EvidenceError("malformed", "expected a white-box and a black-box attack, found one")
    survived: NDArray[Any] = np.logical_and.reduce([by_attack[name] for name in attacks])
    return survived


def _read_survival(predictions: Columns, tables: Tables, request: Request) -> Survival:
    """Which unfavourable rows survived, for every cost and attack that was asked.

    Raises:
        EvidenceError: `malformed` unless the lines are exactly every such row at every cost and
            attack, with the label of its prediction, and none survived that had not before.
    """
    lines = read_table("robustness", tables)
    targets = predictions["label"] == request.unfavourable
    held = predictions["predicted"][targets] == request.unfavourable
    row = locate("robustness", lines["row"], predictions["row"][targets])
    costs = [float(cost) for cost in request.listed("costs", (int, float))]
    attacks = request.listed("attacks", str)
    if not (lines["label"] == request.unfavourable).all() or (lines["survived"] & ~held[row]).any():
        raise _malformed("lines that agree with the clean predictions")
    if len(lines["row"]) != len(costs) * len(attacks) * len(held):
        raise _malformed("every unfavourable row at every cost and attack")
    survival: Survival = {}
    for cost in costs:
        for attack in attacks:
            mine = (lines["budget"] == cost) & (lines["attack"] == attack)
            if mine.sum() != len(held):
                raise _malformed("every unfavourable row at every cost and attack")
            survived = np.zeros(len(held), dtype=bool)
            survived[row[mine]] = lines["survived"][mine]
            survival.setdefault(cost, {})[attack] = survived
    return survival


def _malformed(expected: str) -> EvidenceError:
    return EvidenceError("malformed", f"expected {expected} in the robustness table")
