"""What is proven, by whom, and of which bytes: digests, statements, signatures and decisions.

Needs the standard library, cryptography and rfc8785; an auditor installs no more.
"""

from assay.evidence.artifacts import Candidate, Dataset, Splits
from assay.evidence.attest import attest, verify_evidence
from assay.evidence.bundle import Bundle, read_bundle, write_bundle
from assay.evidence.decision import BarResult, GateDecision, GateResult, Promotion, Verdict
from assay.evidence.decisions import (
    decision_of,
    promotion_of,
    public_of,
    sign_decision,
    sign_promotion,
    sign_public,
)
from assay.evidence.digest import (
    digest_bytes,
    digest_file,
    digest_files,
    digest_folder,
    digest_json,
)
from assay.evidence.dsse import Role, sign, verify
from assay.evidence.keys import load_key, load_split_key, make_keys
from assay.evidence.payload import check_payload, read_payload
from assay.evidence.public import PublicBar, PublicDecision, PublicGate, public_view
from assay.evidence.statement import ROLE_OF, Evidence, Subject, evidence_of
from assay.evidence.trust import Trust
from assay.evidence.values import Bound, Exact, Measurement

__all__ = [
    "ROLE_OF",
    "BarResult",
    "Bound",
    "Bundle",
    "Candidate",
    "Dataset",
    "Evidence",
    "Exact",
    "GateDecision",
    "GateResult",
    "Measurement",
    "Promotion",
    "PublicBar",
    "PublicDecision",
    "PublicGate",
    "Role",
    "Splits",
    "Subject",
    "Trust",
    "Verdict",
    "attest",
    "check_payload",
    "decision_of",
    "digest_bytes",
    "digest_file",
    "digest_files",
    "digest_folder",
    "digest_json",
    "evidence_of",
    "load_key",
    "load_split_key",
    "make_keys",
    "promotion_of",
    "public_of",
    "public_view",
    "read_bundle",
    "read_payload",
    "sign",
    "sign_decision",
    "sign_promotion",
    "sign_public",
    "verify",
    "verify_evidence",
    "write_bundle",
]
