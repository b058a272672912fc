"""Membership inference: how often an attacker recognises a row that the model was made from.

Yeom et al. 2018, arXiv:1709.01604 (the loss attack); Carlini et al. 2022, arXiv:2112.03570 (true
positives at a low false-positive rate, the measure that is gated here).

**Halves.** Rows that were not trained on are halved: half 0 sets an attack's threshold, half 1
checks the false-positive rate that the threshold reaches. The threshold never sees a member, so
every member is measured, whichever half it is in, and their count is binomial given the
threshold. The bound is on the rate at the threshold that was set; the false-positive rate that it
truly reaches varies about the asked one, by about sqrt(fpr / n) for n rows in half 0, and is
reported.

**Thresholds** flag at least the asked share of half 0, ties included: never a weaker attack.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import EvidenceError
from assay.evidence.values import Bound, Measurement
from assay.measures.bounds import Proportion, clopper_pearson, highest
from assay.measures.request import Request, Tables
from assay.measures.tables import Columns, levels_of, read_table

# Attack -> how suspicious a row is. Members fit well, or, in the other tail, remarkably badly, or
# better than a reference model that never saw them finds easy: Watson et al. 2022,
# arXiv:2111.08440, which is the one that recognises the hard rows that a model learnt by heart.
SUSPICION: Mapping[str, Callable[[Columns], NDArray[Any]]] = {
    "loss_low": lambda columns: -columns["loss"],
    "loss_high": lambda columns: columns["loss"],
    "loss_calibrated": lambda columns: columns["reference"] - columns["loss"],
}


def measure(tables: Tables, request: Request) -> dict[str, Measurement]:
    """True-positive rate at the asked false-positive rate, the largest over attacks and groups.

    From `membership`. Each group has thresholds of its own; n is the members of the smallest one.
    `fpr_reached` (reported) is the largest rate on the half that set no threshold.
    """
    columns = read_table("membership", tables)
    suspicions = _suspicions(columns, request)
    found = [
        _attack(columns, mine, suspicion, request)
        for suspicion in suspicions
        for mine in _groups(columns, request)
    ]

    def largest(counts: list[Proportion]) -> Bound:
        return highest(lambda a: [clopper_pearson(c.k, c.n, a) for c in counts], request.alpha)

    return {
        "tpr_at_fpr": largest([members for members, _ in found]),
        "fpr_reached": largest([others for _, others in found]),
    }


def _suspicions(columns: Columns, request: Request) -> list[NDArray[Any]]:
    attacks = request.listed("attacks", str)
    if not set(attacks) <= set(SUSPICION):
        raise EvidenceError("malformed", f"expected attacks among {', '.join(SUSPICION)}")
    if (columns["loss"] < 0).any() or (columns["reference"] < 0).any():
        raise EvidenceError("malformed", "expected losses of at least 0")
    return [SUSPICION[name](columns) for name in attacks]


def _groups(columns: Columns, request: Request) -> Iterator[NDArray[Any]]:
    """Everyone, then every level of every audited column, (n,) bool each."""
    yield np.ones(len(columns["loss"]), dtype=bool)
    for column, expected in request.groups.items():
        level = levels_of("membership", columns, column, expected)
        for index in range(len(expected)):
            yield level == index


def _attack(
    columns: Columns, mine: NDArray[Any], suspicion: NDArray[Any], request: Request
) -> tuple[Proportion, Proportion]:
    """Flagged members, and flagged rows of half 1 that are none."""
    fpr = request.asked("fpr", float)
    if not 0 < fpr < 0.5:
        raise EvidenceError("malformed", "expected fpr in (0, 0.5)")
    member, half = columns["member"], columns["half"]
    setting = suspicion[mine & ~member & (half == 0)]
    measured = [suspicion[mine & member], suspicion[mine & ~member & (half == 1)]]
    if not len(setting) or not all(map(len, measured)):
        raise EvidenceError("group_absent", "expected members and others in every group and half")
    flagged = math.ceil(fpr * len(setting))
    threshold = np.partition(setting, len(setting) - flagged)[len(setting) - flagged]
    members, others = (Proportion(int((s >= threshold).sum()), len(s)) for s in measured)
    return members, others
