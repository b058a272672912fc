"""Promotions and demotions: what moved a protected alias, in order.

Each promotion of a model has the next number, so that an older one cannot be put back. A demotion
takes none: whatever is promoted after it has a higher number than the promotion that it withdrew.
Either stands once an entry `committed` names it, and never where one `void` does.
"""

from __future__ import annotations

from collections.abc import Iterable

from assay.errors import Refused
from assay.evidence.decision import Demotion, Promotion
from assay.ledger.chain import Entry, Ledger

PROMOTION = "promotion"
DEMOTION = "demotion"
COMMITTED = "committed"
VOID = "void"


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
        Refused: Another promotion took this number meanwhile (`conflict`).
        EvidenceError: The chain is broken.
        Unavailable: The ledger cannot be written; then nothing may be promoted.
    """
    with ledger.writing() as chain:
        due = _next(chain.entries(PROMOTION), promotion.model)
        if promotion.sequence != due:
            raise Refused(
                "conflict", f"expected promotion {due}, found {promotion.sequence}; ask again"
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


def record_demotion(ledger: Ledger, demotion: Demotion, envelope: bytes) -> Entry:
    """Note a signed demotion, before its alias moves.

    Raises:
        EvidenceError: The chain is broken.
        Unavailable: The ledger cannot be written; then nothing may be demoted.
    """
    body = {
        "model": demotion.model,
        "version": demotion.version,
        "alias": demotion.alias,
        "successor": demotion.successor,
        "sequence": demotion.sequence,
        "code": demotion.code,
        "envelope": envelope.decode("ascii"),
    }
    return ledger.append(DEMOTION, body)


def unsettled(ledger: Ledger, model: str) -> tuple[Entry, ...]:
    """A model's promotions, then its demotions, that are neither committed nor void."""
    entries = ledger.entries()
    closed = _named(entries, COMMITTED) | _named(entries, VOID)
    moves = [e for e in _moves(entries, model) if e.seq not in closed]
    return tuple(sorted(moves, key=lambda entry: entry.kind == DEMOTION))


def close(ledger: Ledger, entry: Entry, moved: bool) -> None:
    """Note whether the alias moved as a promotion or demotion says."""
    ledger.append(COMMITTED if moved else VOID, {entry.kind: entry.seq})


def committed_promotions(ledger: Ledger, model: str) -> tuple[Entry, ...]:
    """A model's promotions that were committed, in order."""
    entries = ledger.entries()
    done = _named(entries, COMMITTED)
    return tuple(e for e in _moves(entries, model) if e.kind == PROMOTION and e.seq in done)


def standing(ledger: Ledger, model: str) -> Entry | None:
    """The promotion that a model's alias stands on; None: there is none, or it was withdrawn."""
    entries = ledger.entries()
    done = _named(entries, COMMITTED)
    moves = [entry for entry in _moves(entries, model) if entry.seq in done]
    return moves[-1] if moves and moves[-1].kind == PROMOTION else None


def _moves(entries: Iterable[Entry], model: str) -> list[Entry]:
    return [e for e in entries if e.kind in (PROMOTION, DEMOTION) and e.body["model"] == model]


def _named(entries: Iterable[Entry], kind: str) -> set[int]:
    """The entries that those of a kind name."""
    return {seq for entry in entries if entry.kind == kind for seq in entry.body.values()}


def _next(promotions: Iterable[Entry], model: str) -> int:
    return 1 + sum(1 for entry in promotions if entry.body["model"] == model)
