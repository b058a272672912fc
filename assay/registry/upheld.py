"""Whether a promotion of the ledger still holds: today's policy, keys, bytes and clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay.errors import Refused
from assay.evidence.decision import GateDecision, Promotion
from assay.ledger import Entry
from assay.registry.docket import Docket, find_docket
from assay.registry.gate import Gate
from assay.registry.promoted import held_until, promoted, rested_on


@dataclass(frozen=True, slots=True)
class Upheld:
    """A promotion that holds.

    Attributes:
        promotion: As it was signed.
        docket: Its version.
        decision: Today's, which allows.
        until: Unix seconds; when the promotion ends, or the decision, whichever is sooner.
    """

    promotion: Promotion
    docket: Docket
    decision: GateDecision
    until: int


def uphold(gate: Gate, store: Any, entry: Entry, now: int) -> Upheld:
    """Judge a promoted version anew; its tags count for nothing.

    Args:
        gate: The gate, alone.
        store: The gated store.
        entry: The promotion in the ledger.
        now: Unix seconds.

    Raises:
        Refused: It does not hold: `Denied`, `expired`, `no_version`, `swapped`, or the word of
            what cannot be read.
        Unavailable: Something that a decision takes does not answer, so nothing is known.
    """
    promotion = promoted(gate, entry.body["envelope"])
    docket = find_docket(store, promotion.model, promotion.version)
    if docket is None:
        raise Refused("no_version", "expected the promoted version in the registry, found none")
    if docket.subject() != promotion.subject:
        raise Refused("swapped", "expected the payload that was promoted, found another")
    case, as_of = rested_on(gate, promotion)
    decision = gate.judge(case, as_of)
    return Upheld(promotion, docket, decision, held_until(promotion, decision, now))
