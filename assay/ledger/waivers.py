"""Waivers: who handed which one in; a gate of one payload is waived once and never again."""

from __future__ import annotations

from assay.errors import Refused
from assay.evidence.decision import Waiver
from assay.evidence.statement import Subject
from assay.ledger.chain import Entry, Ledger
from assay.ledger.form import require_time

WAIVER = "waiver"


def record_waiver(ledger: Ledger, waiver: Waiver, envelope: bytes, by: str, now: int) -> Entry:
    """Note a waiver before anything rests on it; the same one is noted once.

    Args:
        ledger: The chain.
        waiver: What was verified.
        envelope: Its signed form.
        by: Who is signed in.
        now: Unix seconds.

    Raises:
        Refused: Another waiver of this gate was handed in for this payload (`waiver_stacked`):
            one after the other they would have no end.
        EvidenceError: The chain is broken.
        Unavailable: The ledger cannot be written; then nothing is waived.
    """
    about = {**_about(waiver.subject), "gate": waiver.gate}
    text = envelope.decode("ascii")
    with ledger.writing() as chain:
        for entry in chain.entries(WAIVER):
            if entry.body.items() >= about.items():
                if entry.body["envelope"] == text:
                    return entry
                raise Refused(
                    "waiver_stacked",
                    f"expected the first waiver of {waiver.gate} for this payload, found another "
                    "in the ledger; train a model that clears the bar",
                )
        told = {**about, "expires_at": waiver.expires_at, "envelope": text}
        return chain.append(WAIVER, {**told, "by": by, "at": require_time(now)})


def waivers_of(ledger: Ledger, subject: Subject) -> tuple[bytes, ...]:
    """Envelopes that were handed in for a payload, in order."""
    about = _about(subject)
    return tuple(
        entry.body["envelope"].encode("ascii")
        for entry in ledger.entries(WAIVER)
        if entry.body.items() >= about.items()
    )


def _about(subject: Subject) -> dict[str, str]:
    return {"model": subject.name, "subject": subject.digest}
