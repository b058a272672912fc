"""What a promotion of the ledger says, and what it rests on."""

from __future__ import annotations

from assay.errors import Refused
from assay.evidence.decision import Promotion
from assay.evidence.decisions import promotion_of
from assay.evidence.dsse import verify
from assay.registry.gate import Gate


def promoted(gate: Gate, envelope: str) -> Promotion:
    """What a promotion says.

    Raises:
        EvidenceError: Whoever is trusted today did not sign it.
    """
    return promotion_of(verify(envelope.encode("utf-8"), gate.trust().role("promoter")))


def rested_on(gate: Gate, promotion: Promotion) -> tuple[str, int]:
    """The evidence that a promotion rests on, and the second as of which it was judged.

    Raises:
        Refused: The ledger knows of no such decision (`no_decision`).
    """
    for entry in gate.ledger().entries("decision"):
        if entry.body["decision"] == promotion.decision_digest:
            return entry.body["bundle"], entry.body["at"]
    raise Refused("no_decision", "expected the promotion's decision in the ledger, found none")
