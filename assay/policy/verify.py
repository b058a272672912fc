"""From a submission to claims: what verifies is claimed, what does not is denied by its own word.

Nothing here raises on evidence, however hostile: a reason is data, and the absence of one is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.errors import EvidenceError, InputError
from assay.evidence.bundle import Bundle
from assay.evidence.digest import digest_json
from assay.evidence.statement import Evidence, Subject
from assay.evidence.trust import Trust
from assay.evidence.values import Exact
from assay.policy.chain import broken_links
from assay.policy.claims import Claim, Claims, Denial
from assay.policy.declared import not_as_declared
from assay.policy.envelopes import misplaced, open_envelope, untimely
from assay.policy.floors import undercut
from assay.policy.looks import Looks, look_up, overlooked
from assay.policy.recompute import UNREADABLE, Outcomes, disagreements
from assay.policy.rows import Manifest
from assay.policy.rules import CHAIN, Bar, Policy
from assay.spec import spec_of

BROKEN_LINKS = "broken_links"


@dataclass(frozen=True, slots=True)
class Submission:
    """What the registry was handed, and what it hashed itself.

    Attributes:
        model: Registered model.
        version: Version in the registry.
        subject: The model's name and the payload's digest, computed from its bytes.
        bundle: The evidence.
        bundle_digest: `sha256:` of the bundle.
    """

    model: str
    version: str
    subject: Subject
    bundle: Bundle
    bundle_digest: str


def verify(
    submission: Submission,
    *,
    policy: Policy,
    trust: Trust,
    outcomes: Path,
    looks: Looks,
    now: int,
) -> Claims:
    """What the submission proves of its model.

    Args:
        submission: Evidence and the candidate's digest.
        policy: The policy in force.
        trust: Whose keys are believed.
        outcomes: Folder of outcome tables.
        looks: The ledger's looks.
        now: Unix seconds.

    Raises:
        Refused: `unknown_model`.
    """
    rules, tier = policy.model(submission.model), policy.tier(submission.model)
    # 1. Signatures by role, subject, materials and times.
    claims = _opened(submission, policy, trust, now)
    # 2. What was asked, against the policy's floors.
    for kind, denial in undercut(_statements(claims), tier.floors, rules):
        if kind in claims:
            claims[kind] = claims[kind].denied(denial)
    # 3. Rows and numbers, from the outcome tables.
    sealed = Outcomes(outcomes, rules, tier.alpha_per_look)
    claims = _recomputed(claims, policy.bars(submission.model), sealed)
    # 4. How everything fits together.
    claims[CHAIN] = _chain(submission, policy, _statements(claims))
    # 5. Looks at the holdout that validation set apart.
    validation = _statements(claims).get("validation")
    holdout = validation.materials.get("holdout") if validation else None
    looked = look_up(looks, holdout, submission.subject.digest)
    return Claims(claims, looked, tuple(overlooked(looked, tier.looks)))


def required_kinds(policy: Policy, model: str) -> tuple[str, ...]:
    """Kinds of evidence that have to be handed in: those with bars, and the chain's roots."""
    asked = {bar.evidence for bar in policy.bars(model)} | {"validation", "privacy", "training"}
    return tuple(kind for kind in policy.rules.statements if kind in asked and kind != CHAIN)


def _opened(submission: Submission, policy: Policy, trust: Trust, now: int) -> dict[str, Claim]:
    max_age = policy.tier(submission.model).evidence_max_age_s
    opened = {}
    for kind in required_kinds(policy, submission.model):
        rules = policy.rules.statements[kind]
        claim = open_envelope(kind, submission.bundle.envelopes.get(kind), rules, trust)
        if evidence := claim.evidence:
            reasons = [
                *misplaced(evidence, rules, submission.subject),
                *untimely(evidence, now, max_age),
            ]
            claim = Claim(rules.role, None, denials=tuple(reasons)) if reasons else claim
        opened[kind] = claim
    return opened


def _statements(claims: Mapping[str, Claim]) -> dict[str, Evidence]:
    return {kind: claim.evidence for kind, claim in claims.items() if claim.evidence is not None}


def _recomputed(
    claims: Mapping[str, Claim], bars: Sequence[Bar], sealed: Outcomes
) -> dict[str, Claim]:
    """Each claim with its numbers, or without any."""
    manifest, unread = _manifest(claims["validation"], sealed)
    believed = {}
    for kind, claim in claims.items():
        believed[kind] = claim
        if evidence := claim.evidence:
            own = [bar for bar in bars if bar.evidence == kind]
            reasons = disagreements(evidence, own, sealed, manifest)
            if kind == "validation":
                reasons = (*unread, *reasons)
            believed[kind] = claim.void(*dict.fromkeys(reasons))
            if not reasons:
                believed[kind] = claim.proven(evidence)
    return believed


def _manifest(validation: Claim, sealed: Outcomes) -> tuple[Manifest | None, tuple[Denial, ...]]:
    """Which rows there are, or why nobody knows."""
    if validation.evidence is None:
        return None, ()
    try:
        return sealed.manifest(validation.evidence), ()
    except EvidenceError as error:
        return None, (Denial(error.code, f"validation: {error.message}"),)
    except UNREADABLE as error:
        told = f"expected a readable split manifest, found {type(error).__name__}"
        return None, (Denial("malformed", told),)


def _chain(submission: Submission, policy: Policy, evidence: Mapping[str, Evidence]) -> Claim:
    """The evidence that the core makes itself."""
    rules = policy.model(submission.model)
    made = {"submission.spec": submission.bundle.spec_digest}
    if privacy := evidence.get("privacy"):
        made["submission.privacy"] = digest_json(privacy.config)
    broken = broken_links(evidence, required_kinds(policy, submission.model), made)
    try:
        spec = spec_of(submission.bundle.spec)
        broken += not_as_declared(spec, submission.model, rules, evidence)
    except InputError:
        broken += ("a readable declaration",)
    count = Exact(len(broken), submission.bundle_digest)
    claim = Claim("core", None, {BROKEN_LINKS: count})
    told = f"expected every link of the chain to hold, found broken: {', '.join(broken)}"
    return claim.denied(Denial("broken_chain", told)) if broken else claim
