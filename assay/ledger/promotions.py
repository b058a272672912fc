"""Promotions: each of a model has the next number, so that an older one cannot be put back."""

from __future__ import annotations

from collections.abc import Iterable

from assay.errors import Refused
from assay.evidence.decision import Promotion
from assay.ledger.chain import Entry, Ledger

PROMOTION = "promotion"


def next_sequence(ledger: Ledger, model: str) -> int:
    """The number that the next promotion of a model must have, from 1."""
    return _next(ledger.entries(PROMOTION), model)


def record_promotion(ledger: Ledger, promotion: Promotion, envelope: bytes) -> Entry:
    """Note a signed promotion, before its alias moves.

    Args:
        ledger: The chain.
        promotion: What was signed.
        envelope: Its signed form.

    Raises:
        Refused: Another promotion took this number meanwhile (`sequence_taken`).
        EvidenceError: The chain is broken.
        Unavailable: The ledger cannot be written; then nothing may be promoted.
    """
    with ledger.writing() as chain:
        due = _next(chain.entries(PROMOTION), promotion.model)
        if promotion.sequence != due:
            raise Refused(
                "sequence_taken", f"expected promotion {due}, found {promotion.sequence}; ask again"
            )
        body = {
            "model": promotion.model,
            "version": promotion.version,
            "alias": promotion.alias,
            "sequence": promotion.sequence,
            "decision": promotion.decision_digest,
            "envelope": envelope.decode("ascii"),
        }
        return chain.append(PROMOTION, body)


def _next(promotions: Iterable[Entry], model: str) -> int:
    return 1 + sum(1 for entry in promotions if entry.body["model"] == model)
