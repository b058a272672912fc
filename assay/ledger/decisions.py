"""Answers by what was asked: the same question again is shown its answer and spends no look."""

from __future__ import annotations

from assay.errors import EvidenceError
from assay.evidence.digest import digest_json
from assay.evidence.public import PublicDecision
from assay.ledger.chain import Entry, Ledger
from assay.ledger.form import require_digests, require_time

ANSWER = "answer"


def request_digest(*, spec: str, code: str, data: str, policy: str) -> str:
    """What is asked: equal only when specification, code, data and policy are.

    Args:
        spec: Digest of the declaration.
        code: Commit or digest of what runs; not empty.
        data: Digest of the raw file.
        policy: Digest of the policy's sources.

    Raises:
        EvidenceError: One of them is missing or malformed.
    """
    require_digests(spec, data, policy)
    if not code:
        raise EvidenceError("malformed", "expected the code to be named, found nothing")
    return digest_json({"spec": spec, "code": code, "data": data, "policy": policy})


def record_decision(ledger: Ledger, request: str, decision: PublicDecision) -> Entry:
    """Note which decision a request led to; its signed forms are the registry's to keep."""
    require_digests(request, decision.sealed_digest, decision.bundle_digest)
    body = {
        "request": request,
        "model": decision.model,
        "version": decision.version,
        "bundle": decision.bundle_digest,
        "decision": decision.sealed_digest,
        "allowed": decision.allowed,
        "at": require_time(decision.decided_at),
        "until": require_time(decision.expires_at),
    }
    return ledger.append(ANSWER, body)


def find_decision(ledger: Ledger, request: str, now: int) -> Entry | None:
    """The last decision on this very request that has not expired; None: it has to be asked."""
    answers = [
        entry
        for entry in ledger.entries(ANSWER)
        if entry.body["request"] == request and entry.body["at"] <= now < entry.body["until"]
    ]
    return answers[-1] if answers else None
