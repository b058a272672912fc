"""Decisions, moves of an alias and policies as signed statements; decisions sealed and public.

The sealed decision is a SLSA verification summary that carries every bound: approver and auditor
read it. The public one is another type: it carries the one bit that the sealed rows may answer,
and else only what the development rows say. https://slsa.dev/spec/v1.0/verification_summary
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay.errors import EvidenceError
from assay.evidence.canonical import canonical
from assay.evidence.decision import (
    Demotion,
    GateDecision,
    GateResult,
    PolicySeal,
    Promotion,
    Waiver,
)
from assay.evidence.digest import digest_bytes
from assay.evidence.dsse import sign
from assay.evidence.plain import from_plain, to_plain
from assay.evidence.public import PublicDecision, PublicGate, public_view
from assay.evidence.statement import STATEMENT_TYPE, Subject, predicate_type
from assay.evidence.values import is_digest

DECISION = "https://slsa.dev/verification_summary/v1"
PUBLIC = "urn:assay:decision:public:v1"
PROMOTION = "urn:assay:promotion:v1"
DEMOTION = "urn:assay:demotion:v1"
POLICY = "urn:assay:policy:v1"
WAIVER = "urn:assay:waiver:v1"
_EXTENSION = "urn:assay:decision:v1"  # the summary's own field for the whole decision
_LAST_SECOND = 253_402_300_799  # of the year 9999, the last that a timestamp can name
MAX_REASON = 200  # characters of a waiver's
_T = TypeVar("_T")


def sign_decision(decision: GateDecision, key: Ed25519PrivateKey) -> bytes:
    """The sealed envelope of a decision.

    Raises:
        EvidenceError: A name, digest or time in it is malformed.
    """
    statement = _decision_statement(decision)
    decision_of(statement)  # what is signed can be read
    return sign(statement, [key])


def decision_of(statement: Mapping[str, Any]) -> GateDecision:
    """The decision of a verified statement.

    Raises:
        EvidenceError: Another type, a value out of form, or a summary that says something else
            than the decision inside it.
    """
    written = _predicate(statement, DECISION).get(_EXTENSION)
    return _content(GateDecision, written, _decision_statement, statement)


def sign_public(decision: GateDecision, sealed: bytes, key: Ed25519PrivateKey) -> bytes:
    """The envelope that everyone may read.

    Args:
        decision: The whole decision.
        sealed: Its sealed envelope, whose digest the public one names.
        key: The gate's.
    """
    statement = _public_statement(public_view(decision, digest_bytes(sealed)))
    public_of(statement)
    return sign(statement, [key])


def public_of(statement: Mapping[str, Any]) -> PublicDecision:
    """The public decision of a verified statement.

    Raises:
        EvidenceError: Another type, or a value out of form.
    """
    return _content(PublicDecision, _predicate(statement, PUBLIC), _public_statement, statement)


def sign_promotion(promotion: Promotion, key: Ed25519PrivateKey) -> bytes:
    """The envelope that a consumer asks for before it loads a model."""
    statement = _promotion_statement(promotion)
    promotion_of(statement)
    return sign(statement, [key])


def promotion_of(statement: Mapping[str, Any]) -> Promotion:
    """The promotion of a verified statement.

    Raises:
        EvidenceError: Another type, or a value out of form.
    """
    return _content(Promotion, _predicate(statement, PROMOTION), _promotion_statement, statement)


def sign_demotion(demotion: Demotion, key: Ed25519PrivateKey) -> bytes:
    """The envelope that the ledger keeps of a demotion."""
    statement = _demotion_statement(demotion)
    demotion_of(statement)
    return sign(statement, [key])


def demotion_of(statement: Mapping[str, Any]) -> Demotion:
    """The demotion of a verified statement.

    Raises:
        EvidenceError: Another type, or a value out of form.
    """
    return _content(Demotion, _predicate(statement, DEMOTION), _demotion_statement, statement)


def sign_policy(seal: PolicySeal, key: Ed25519PrivateKey) -> bytes:
    """The envelope without which a built policy does not rule."""
    statement = _policy_statement(seal)
    seal_of(statement)
    return sign(statement, [key])


def seal_of(statement: Mapping[str, Any]) -> PolicySeal:
    """What a verified statement says of a built policy.

    Raises:
        EvidenceError: Another type, or a value out of form.
    """
    return _content(PolicySeal, _predicate(statement, POLICY), _policy_statement, statement)


def sign_waiver(waiver: Waiver, key: Ed25519PrivateKey) -> bytes:
    """The envelope of a waiver, signed by the first of those who have to agree."""
    statement = _waiver_statement(waiver)
    waiver_of(statement)
    return sign(statement, [key])


def waiver_of(statement: Mapping[str, Any]) -> Waiver:
    """The waiver of a verified statement.

    Raises:
        EvidenceError: Another type, or a value out of form.
    """
    return _content(Waiver, _predicate(statement, WAIVER), _waiver_statement, statement)


def _decision_statement(decision: GateDecision) -> dict[str, Any]:
    _check_form(decision, decision.decided_at, decision.expires_at)
    _check_gates(decision.gates)
    predicate = {
        "verifier": {"id": "urn:assay:gate"},
        "timeVerified": f"{datetime.fromtimestamp(decision.decided_at, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "resourceUri": f"models:/{decision.model}/{decision.version}",
        "policy": {"uri": "urn:assay:policy", "digest": _digest_set(decision.policy_digest)},
        "inputAttestations": [
            {"uri": predicate_type(kind), "digest": _digest_set(digest)}
            for kind, digest in sorted(decision.attestations.items())
        ],
        "verificationResult": "PASSED" if decision.allowed else "FAILED",
        "verifiedLevels": ["ASSAY_PROMOTABLE" if decision.allowed else "FAILED"],
        _EXTENSION: to_plain(decision),
    }
    return _statement(DECISION, decision.subject, predicate)


def _public_statement(view: PublicDecision) -> dict[str, Any]:
    _check_form(view, view.decided_at, view.expires_at)
    _check_gates(view.gates)
    if view.allowed and (not view.gates or view.denials):
        raise EvidenceError("malformed", "expected gates and no denial where a version is allowed")
    return _statement(PUBLIC, view.subject, to_plain(view))


def _promotion_statement(promotion: Promotion) -> dict[str, Any]:
    _check_form(promotion, promotion.promoted_at, promotion.expires_at)
    if not promotion.alias or not promotion.approver or promotion.sequence < 1:
        raise EvidenceError("malformed", "expected an alias, an approver and a sequence from 1")
    return _statement(PROMOTION, promotion.subject, to_plain(promotion))


def _demotion_statement(demotion: Demotion) -> dict[str, Any]:
    _check_form(demotion, demotion.demoted_at, demotion.demoted_at)
    if not demotion.alias or not demotion.code or not demotion.by or demotion.sequence < 0:
        raise EvidenceError("malformed", "expected an alias, a reason, a user and a sequence")
    # An alias has no bytes, and what it led to may be gone: the subject is its name.
    alias = f"models:/{demotion.model}@{demotion.alias}"
    subject = Subject(alias, digest_bytes(alias.encode("utf-8")))
    return _statement(DEMOTION, subject, to_plain(demotion))


def _policy_statement(seal: PolicySeal) -> dict[str, Any]:
    if seal.version < 1 or not seal.files or not all(map(is_digest, seal.files.values())):
        raise EvidenceError("malformed", "expected a version from 1, and files by their digests")
    if not 0 <= seal.signed_at < seal.expires_at <= _LAST_SECOND:
        raise EvidenceError("malformed", "expected an expiry that follows its beginning")
    return _statement(POLICY, Subject("policy", seal.digest), to_plain(seal))


def _waiver_statement(waiver: Waiver) -> dict[str, Any]:
    text = waiver.reason
    if not waiver.gate or not 1 <= len(text) <= MAX_REASON or not text.isprintable():
        told = f"expected a gate, and one line of 1 to {MAX_REASON} printable characters"
        raise EvidenceError("malformed", told)
    if not 0 <= waiver.issued_at < waiver.expires_at <= _LAST_SECOND:
        raise EvidenceError("malformed", "expected an expiry that follows its beginning")
    return _statement(WAIVER, waiver.subject, to_plain(waiver))


def _statement(kind: str, subject: Subject, predicate: dict[str, Any]) -> dict[str, Any]:
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": subject.name, "digest": _digest_set(subject.digest)}],
        "predicateType": kind,
        "predicate": predicate,
    }


def _predicate(statement: Mapping[str, Any], kind: str) -> dict[str, Any]:
    predicate = statement.get("predicate")
    if statement.get("predicateType") != kind or not isinstance(predicate, dict):
        raise EvidenceError("unknown_evidence", f"expected a statement of type {kind}")
    return predicate


def _content(
    form: type[_T],
    written: Any,
    write: Callable[[_T], dict[str, Any]],
    statement: Mapping[str, Any],
) -> _T:
    """What a statement says, once it is exactly as that would be written: no more keys or words."""
    found = from_plain(form, written)
    if canonical(write(found)) != canonical(dict(statement)):
        raise EvidenceError("malformed", "expected a statement that agrees with its own content")
    return found


def _check_form(
    said: GateDecision | PublicDecision | Promotion | Demotion, since: int, until: int
) -> None:
    digests = [getattr(said, f.name) for f in fields(said) if f.name.endswith("_digest")]
    if not said.model or not said.version or not all(map(is_digest, digests)):
        raise EvidenceError("malformed", "expected a model, a version and sha256 digests")
    if not 0 <= since <= until <= _LAST_SECOND:
        raise EvidenceError("malformed", "expected an expiry that follows its beginning")


def _check_gates(gates: Mapping[str, GateResult] | Mapping[str, PublicGate]) -> None:
    if any(name != result.gate for name, result in gates.items()):
        raise EvidenceError("malformed", "expected each gate under its own name")


def _digest_set(digest: str) -> dict[str, str]:
    """in-toto's form of a digest."""
    if not is_digest(digest):
        raise EvidenceError("malformed", "expected a sha256 digest")
    return {"sha256": digest.removeprefix("sha256:")}
