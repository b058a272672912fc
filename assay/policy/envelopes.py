"""From envelopes to statements: by the role's key, about this candidate, and of this week."""

from __future__ import annotations

from collections.abc import Iterator

from assay.errors import EvidenceError
from assay.evidence.dsse import verify
from assay.evidence.statement import Evidence, Subject, evidence_of
from assay.evidence.trust import Trust
from assay.policy.claims import Claim, Denial
from assay.policy.rules import StatementRules

CLOCK_SKEW_S = 60  # seconds that two machines' clocks may differ


def open_envelope(kind: str, envelope: bytes | None, rules: StatementRules, trust: Trust) -> Claim:
    """The statement of one kind, when the role that may make it has signed it."""
    claim = Claim(rules.role, None)
    if envelope is None:
        return claim.denied(Denial("missing", f"expected {kind} evidence, found none"))
    try:
        evidence = evidence_of(verify(envelope, trust.role(rules.role)))
    except EvidenceError as error:
        return claim.denied(Denial(error.code, f"{kind}: {error.message}"))
    if evidence.kind != kind:
        told = f"expected {kind} evidence under its own name, found {evidence.kind} twice"
        return claim.denied(Denial("duplicate", told))
    return Claim(rules.role, evidence)


def untimely(evidence: Evidence, now: int, max_age: int) -> Iterator[Denial]:
    """Evidence from the future, of too long ago, or that ended before it began.

    Args:
        evidence: The statement.
        now: Unix seconds.
        max_age: Seconds after which evidence is stale.
    """
    kind = evidence.kind
    if evidence.started_at > evidence.finished_at:
        yield Denial("malformed", f"expected {kind} to end after it began")
    if evidence.finished_at > now + CLOCK_SKEW_S:
        yield Denial("future", f"expected {kind} to have finished by now, found a later time")
    if evidence.started_at < now - max_age:
        yield Denial("stale", f"expected {kind} of the last {max_age} s; run the pipeline again")


def misplaced(evidence: Evidence, rules: StatementRules, candidate: Subject) -> Iterator[Denial]:
    """Evidence about something else, or that does not name what it rests on."""
    kind, materials = evidence.kind, evidence.materials
    for name in rules.materials:
        if name not in materials:
            yield Denial("missing", f"expected {kind} to name {name} among its materials")
    if rules.subject == "payload":
        if evidence.subject != candidate:
            yield Denial("wrong_subject", f"expected {kind} of this candidate, found another's")
    elif evidence.subject.digest != materials.get(rules.subject):
        yield Denial("wrong_subject", f"expected {kind} to be about its own {rules.subject}")
