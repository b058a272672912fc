"""What was spent and what was decided: an append-only chain that forgets nothing."""

from assay.ledger.chain import Entry, Ledger
from assay.ledger.decisions import find_decision, record_decision, request_digest
from assay.ledger.looks import look_recorded, looks_spent, record_look
from assay.ledger.promotions import next_sequence, record_promotion
from assay.ledger.releases import reserve_release, store_release

__all__ = [
    "Entry",
    "Ledger",
    "find_decision",
    "look_recorded",
    "looks_spent",
    "next_sequence",
    "record_decision",
    "record_look",
    "record_promotion",
    "request_digest",
    "reserve_release",
    "store_release",
]
