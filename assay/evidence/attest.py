"""From a stage's evidence to a signed envelope, and back only through the right role."""

from __future__ import annotations

from assay.errors import EvidenceError
from assay.evidence.dsse import sign, verify
from assay.evidence.keys import load_key
from assay.evidence.statement import ROLE_OF, Evidence, evidence_of
from assay.evidence.trust import Trust
from assay.home import Home


def attest(evidence: Evidence, home: Home) -> bytes:
    """The envelope of a stage's evidence, signed by the one role that may state it.

    Raises:
        InputError, Refused: The role's key is not here, or is exposed.
        EvidenceError: The evidence cannot be written as canonical JSON.
    """
    return sign(evidence.to_statement(), [load_key(home, ROLE_OF[evidence.kind])])


def verify_evidence(envelope: bytes, kind: str, trust: Trust) -> Evidence:
    """The evidence of one kind, once its envelope verifies for the role that states that kind.

    Raises:
        EvidenceError: As `assay.evidence.dsse.verify`; `unknown_evidence` for a kind that no role
            states; `wrong_role` when the envelope holds another kind.
    """
    if kind not in ROLE_OF:
        raise EvidenceError("unknown_evidence", f"expected one of {', '.join(ROLE_OF)}")
    evidence = evidence_of(verify(envelope, trust.role(ROLE_OF[kind])))
    if evidence.kind != kind:
        raise EvidenceError("wrong_role", f"expected {kind} evidence, found {evidence.kind}")
    return evidence
