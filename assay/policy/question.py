"""The question to OPA: what the core itself believes of a submission, in one fixed form."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from assay.evidence.decision import Waiver
from assay.evidence.values import Bound, Measurement, measurement_to_json
from assay.policy.claims import Claim, Claims
from assay.policy.verify import Submission
from assay.policy.waivers import Waived

SCHEMA = 1


def question_of(
    submission: Submission,
    claims: Claims,
    *,
    nonce: str,
    now: int,
    waived: Mapping[str, Waived] = MappingProxyType({}),
) -> dict[str, Any]:
    """What OPA is asked, as plain JSON.

    Evidence that did not verify is left out, and numbers that were not recomputed as stated are
    too: to the policy both are absent, and absence is denial.

    Args:
        submission: Names the model and its version.
        claims: What verified.
        nonce: Has to come back with the answer.
        now: Unix seconds.
        waived: Gate -> the waiver that stands for it.
    """
    return {
        "schema": SCHEMA,
        "now": now,
        "nonce": nonce,
        "model": {
            "name": submission.model,
            "version": submission.version,
            "digest": submission.subject.digest,
        },
        "looks": {"spent": claims.looked.spent, "recorded": claims.looked.recorded},
        "evidence": {
            kind: _statement(claim, submission, now)
            for kind, claim in claims.by_kind.items()
            if claim.evidence is not None or claim.role == "core"
        },
        "waivers": {gate: _waiver(found.waiver) for gate, found in waived.items()},
    }


def _waiver(waiver: Waiver) -> dict[str, Any]:
    times = {"issued_at": waiver.issued_at, "expires_at": waiver.expires_at}
    return {"subject": waiver.subject.digest, **times}


def _statement(claim: Claim, submission: Submission, now: int) -> dict[str, Any]:
    evidence = claim.evidence
    return {
        "role": claim.role,
        "subject": evidence.subject.digest if evidence else submission.subject.digest,
        "finished_at": evidence.finished_at if evidence else now,
        "config": dict(evidence.config) if evidence else {},
        "materials": dict(evidence.materials) if evidence else {},
        "measurements": {name: _tagged(value) for name, value in claim.measured.items()},
    }


def _tagged(measurement: Measurement) -> dict[str, Any]:
    kind = "bound" if isinstance(measurement, Bound) else "exact"
    return {"kind": kind, **measurement_to_json(measurement)}
