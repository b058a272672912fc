"""Waivers: for one gate and one payload, until a day, and by two keys that no server holds."""

from __future__ import annotations

from collections.abc import Mapping

from assay.errors import EvidenceError
from assay.evidence.decision import Waiver
from assay.evidence.decisions import waiver_of
from assay.evidence.dsse import unverified, verify
from assay.evidence.statement import Subject
from assay.evidence.trust import Trust

CLOCK_SKEW_S = 60  # seconds that two machines' clocks may differ


def verify_waiver(envelope: bytes, trust: Trust, subject: Subject, now: int) -> Waiver:
    """What a waiver says, once enough signers said it of this very payload, and it holds.

    Args:
        envelope: Of the waiver.
        trust: Whose signers are believed.
        subject: Registered model and payload.
        now: Unix seconds.

    Raises:
        EvidenceError: `waiver_signers`, `waiver_subject`, `waiver_future`, `waiver_expired`, or
            the envelope is malformed.
    """
    try:
        waiver = waiver_of(verify(envelope, trust.role("waiver")))
    except EvidenceError as error:
        if error.code in ("wrong_role", "bad_signature"):
            raise EvidenceError("waiver_signers", error.message) from None
        raise
    if waiver.subject != subject:
        told = f"expected a waiver for {subject.name} and its payload, found one for another"
        raise EvidenceError("waiver_subject", told)
    if waiver.issued_at > now + CLOCK_SKEW_S:
        raise EvidenceError("waiver_future", "expected a waiver of the past, found a later one")
    if now >= waiver.expires_at:
        raise EvidenceError("waiver_expired", "expected a waiver that holds, found an expired one")
    return waiver


def read_waivers(envelopes: Mapping[str, str]) -> dict[str, Waiver]:
    """Gate -> what its waiver says, of a decision whose own signature was verified.

    Raises:
        EvidenceError: One is malformed.
    """
    return {gate: waiver_of(unverified(said.encode("utf-8"))) for gate, said in envelopes.items()}


def verify_waivers(
    envelopes: Mapping[str, str], trust: Trust, subject: Subject, now: int
) -> dict[str, Waiver]:
    """Gate -> waiver, of a decision's; each has to hold.

    Raises:
        EvidenceError: As `verify_waiver`; one that stands for another gate (`waiver_gate`).
    """
    found = {
        gate: verify_waiver(envelope.encode("utf-8"), trust, subject, now)
        for gate, envelope in envelopes.items()
    }
    if wrong := [gate for gate, waiver in found.items() if waiver.gate != gate]:
        told = f"expected each waiver at its own gate, found another's at {', '.join(wrong)}"
        raise EvidenceError("waiver_gate", told)
    return found
