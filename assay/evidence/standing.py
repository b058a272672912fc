"""Whether a version stands where it says it stands: from two envelopes and the payload's digest."""

from __future__ import annotations

from dataclasses import dataclass

from assay.errors import EvidenceError, Refused
from assay.evidence.decision import Promotion
from assay.evidence.decisions import promotion_of, public_of
from assay.evidence.dsse import verify
from assay.evidence.public import PublicDecision
from assay.evidence.trust import Trust
from assay.evidence.waivers import verify_waivers

CLOCK_SKEW_S = 60  # seconds that two machines' clocks may differ


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody found in a registry or a folder, and believes none of.

    Attributes:
        name: Registered model.
        version: The version that the alias led to.
        alias: The alias.
        promotion: Envelope, or None when there is none.
        decision: Public envelope, or None when there is none.
        payload: `sha256:` digest of the payload's bytes, hashed by whoever asks.
    """

    name: str
    version: str
    alias: str
    promotion: bytes | None
    decision: bytes | None
    payload: str


def refuse_latest(alias: str) -> None:
    """Let an alias through that somebody has to move.

    Raises:
        Refused: `latest`, in any spelling, which is whatever was registered last.
    """
    if alias.casefold() == "latest":
        raise Refused("latest", "expected a promoted alias, found the newest version of any kind")


def verify_standing(
    found: Standing, trust: Trust, now: int, floor: int = 0
) -> tuple[Promotion, PublicDecision]:
    """The promotion and the decision, once both speak of exactly this version and these bytes.

    Args:
        found: What is to be verified.
        trust: Whose keys are believed.
        now: Unix seconds.
        floor: Smallest sequence number to accept: the largest that was ever seen.

    Raises:
        EvidenceError: `unsigned`, `bad_signature` or `wrong_role`, `malformed`, `wrong_model`,
            `wrong_version`, `wrong_alias`, `swapped`, `wrong_decision`, `not_allowed`, `future`,
            `expired`, `rolled_back`; as `verify_waivers` of what it was waived by.
    """
    if found.promotion is None or found.decision is None:
        raise EvidenceError(
            "unsigned", f"expected {found.name} {found.version} to carry a promotion, found none"
        )
    promotion = promotion_of(verify(found.promotion, trust.role("promoter")))
    decision = public_of(verify(found.decision, trust.role("gate")))
    _check_promotion(found, promotion)
    _check_decision(decision, promotion)
    _check_time(decision, promotion, now)
    verify_waivers(decision.waivers, trust, decision.subject, now)
    if promotion.sequence < floor:
        raise EvidenceError(
            "rolled_back", f"expected promotion {floor} or later, found {promotion.sequence}"
        )
    return promotion, decision


def _check_promotion(found: Standing, promotion: Promotion) -> None:
    """The promotion is of this model, version, alias and payload."""
    if found.name not in {promotion.model} & {promotion.subject.name}:
        raise _another("wrong_model", "a promotion of this model")
    if found.version != promotion.version:
        raise _another("wrong_version", f"a promotion of version {found.version}")
    if found.alias != promotion.alias:
        raise _another("wrong_alias", f"a promotion to {found.alias}")
    if found.payload != promotion.subject.digest:
        raise _another("swapped", "the payload that was promoted")


def _check_decision(decision: PublicDecision, promotion: Promotion) -> None:
    """The decision is the one that the promotion rests on, about the same, and it allows."""
    about = (decision.model, decision.version, decision.subject, decision.sealed_digest)
    said = (promotion.model, promotion.version, promotion.subject, promotion.decision_digest)
    if about != said:
        raise _another("wrong_decision", "the decision that the promotion rests on")
    if not decision.allowed:
        raise _another("not_allowed", "a decision that allows")


def _check_time(decision: PublicDecision, promotion: Promotion, now: int) -> None:
    if max(decision.decided_at, promotion.promoted_at) > now + CLOCK_SKEW_S:
        raise _another("future", "a promotion in the past")
    if now >= min(decision.expires_at, promotion.expires_at):
        raise EvidenceError(
            "expired", "expected a promotion that still holds, found an expired one; promote again"
        )


def _another(code: str, expected: str) -> EvidenceError:
    return EvidenceError(code, f"expected {expected}, found another")
