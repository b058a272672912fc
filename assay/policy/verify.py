"""From a submission to claims: what verifies is claimed, what does not is denied by its own word.

Nothing here raises on evidence, however hostile: a reason is data, and the absence of one is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.errors import AssayError, EvidenceError, InputError
from assay.evidence.bundle import Bundle
from assay.evidence.digest import digest_json
from assay.evidence.statement import Evidence, Subject
from assay.evidence.trust import Trust
from assay.evidence.values import Exact
from assay.policy.chain import broken_links
from assay.policy.claims import Claim, Claims, Denial, Looked
from assay.policy.declared import not_as_declared
from assay.policy.envelopes import misplaced, open_envelope, untimely
from assay.policy.floors import seen, undercut
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
    sealed = Outcomes(outcomes, rules, tier.alpha_per_look)
    # 1. Signatures by role, subject, materials and times; what was asked, against the floors.
    opened = {
        kind: open_claim(kind, submission, policy, trust, now)
        for kind in required_kinds(policy, submission.model)
    }
    # 2. Rows and numbers, from the outcome tables.
    manifest = read_rows(opened["validation"], opened["privacy"], sealed)
    bars = policy.bars(submission.model)
    proven = {kind: prove(claim, bars, sealed, manifest) for kind, claim in opened.items()}
    # 3. How everything fits together.
    claims = fit_together(proven, submission, policy)
    # 4. Looks at the holdout that validation set apart.
    validation = claims["validation"].evidence
    holdout = validation.materials.get("holdout") if validation else None
    try:
        looked, unread = look_up(looks, holdout, submission.subject.digest), []
    except AssayError as error:
        looked, unread = Looked(0, False), [Denial(error.code, error.message)]
    return Claims(claims, looked, (*unread, *overlooked(looked, tier.looks)))


def required_kinds(policy: Policy, model: str) -> tuple[str, ...]:
    """Kinds of evidence that have to be handed in: those with bars, and the chain's roots."""
    asked = {bar.evidence for bar in policy.bars(model)} | {"validation", "privacy", "training"}
    return tuple(kind for kind in policy.rules.statements if kind in asked and kind != CHAIN)


def open_claim(kind: str, submission: Submission, policy: Policy, trust: Trust, now: int) -> Claim:
    """One kind of evidence, verified but not yet recomputed."""
    rules, tier = policy.rules.statements[kind], policy.tier(submission.model)
    claim = open_envelope(kind, submission.bundle.envelopes.get(kind), rules, trust)
    if claim.evidence is None:
        return claim
    reasons = [
        *misplaced(claim.evidence, rules, submission.subject),
        *untimely(claim.evidence, now, tier.evidence_max_age_s),
    ]
    if reasons:
        return Claim(rules.role, None, denials=tuple(reasons))
    return claim.denied(*undercut(claim.evidence, tier.floors, policy.model(submission.model)))


def read_rows(validation: Claim, privacy: Claim, sealed: Outcomes) -> Manifest | Denial:
    """Which rows there are, or why nobody knows."""
    if validation.evidence is None:
        return Denial("missing", "expected validation's split manifest, found none to believe")
    try:
        return sealed.manifest(validation.evidence, privacy.evidence)
    except EvidenceError as error:
        return Denial(error.code, f"split manifest: {error.message}")
    except UNREADABLE as error:
        told = f"expected a readable split manifest, found {type(error).__name__}"
        return Denial("malformed", told)


def prove(
    claim: Claim, bars: Sequence[Bar], sealed: Outcomes, manifest: Manifest | Denial
) -> Claim:
    """The claim with its statement's numbers, or, unless they can be recomputed, without any."""
    if claim.evidence is None:
        return claim
    own = [bar for bar in bars if bar.evidence == claim.evidence.kind]
    reasons = disagreements(claim.evidence, own, sealed, manifest)
    return claim.denied(*reasons) if reasons else claim.proven()


def fit_together(
    proven: Mapping[str, Claim], submission: Submission, policy: Policy
) -> dict[str, Claim]:
    """The claims, what one kind says against another, and the chain that the core makes."""
    claims = dict(proven)
    training, rules = claims["training"].evidence, policy.model(submission.model)
    if training is None:
        unseen = [Denial("missing", "expected training evidence to tell which columns were seen")]
        blame = {"fairness"}
    else:
        unseen, blame = list(seen(training, rules)), {"training", "fairness"}
    for kind in blame & set(claims):
        claims[kind] = claims[kind].denied(*unseen)
    claims[CHAIN] = _chain(submission, policy, statements(claims))
    return claims


def statements(claims: Mapping[str, Claim]) -> dict[str, Evidence]:
    """Kind -> statement, of those that verified."""
    return {kind: claim.evidence for kind, claim in claims.items() if claim.evidence is not None}


def _chain(submission: Submission, policy: Policy, evidence: Mapping[str, Evidence]) -> Claim:
    """The evidence that the core makes itself."""
    model = submission.model
    made = {"submission.spec": submission.bundle.spec_digest}
    if privacy := evidence.get("privacy"):
        made["submission.privacy"] = digest_json(privacy.config)
    broken = broken_links(evidence, made)
    try:
        spec = spec_of(submission.bundle.spec)
        broken += not_as_declared(spec, model, policy.model(model), evidence)
    except InputError:
        broken += ("a readable declaration",)
    claim = Claim("core", None, {BROKEN_LINKS: Exact(len(broken), submission.bundle_digest)})
    if broken:
        told = f"expected every link of the chain to hold, found broken: {', '.join(broken)}"
        claim = claim.denied(Denial("broken_chain", told))
    if absent := [kind for kind in required_kinds(policy, model) if kind not in evidence]:
        told = f"expected a whole chain, found no {', '.join(absent)} evidence to believe"
        claim = claim.denied(Denial("missing", told))
    return claim
