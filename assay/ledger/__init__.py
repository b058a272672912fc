"""What was spent and what was decided: an append-only chain that forgets nothing."""

from assay.ledger.chain import START, Entry, Ledger
from assay.ledger.decisions import find_decision, record_decision, request_digest
from assay.ledger.keys import record_revocation, record_rotation
from assay.ledger.looks import look_recorded, looks_spent, record_look
from assay.ledger.policies import record_policy, require_newest
from assay.ledger.promotions import (
    close,
    committed_promotions,
    next_sequence,
    record_demotion,
    record_promotion,
    standing,
    unsettled,
)
from assay.ledger.releases import reserve_release, store_release
from assay.ledger.reviews import Review, record_review, standing_reviews
from assay.ledger.splits import Split, record_split, splits_made
from assay.ledger.waivers import record_waiver, waivers_of

__all__ = [
    "START",
    "Entry",
    "Ledger",
    "Review",
    "Split",
    "close",
    "committed_promotions",
    "find_decision",
    "look_recorded",
    "looks_spent",
    "next_sequence",
    "record_decision",
    "record_demotion",
    "record_look",
    "record_policy",
    "record_promotion",
    "record_review",
    "record_revocation",
    "record_rotation",
    "record_split",
    "record_waiver",
    "request_digest",
    "require_newest",
    "reserve_release",
    "splits_made",
    "standing",
    "standing_reviews",
    "store_release",
    "unsettled",
    "waivers_of",
]
