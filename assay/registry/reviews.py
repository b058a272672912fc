"""The tag `approval`: an approver says yes or no to a version's evidence, and everybody sees why.

The ledger holds every word, the tags `gate.review.USER` show those that stand. They are drawn from
the ledger as a whole each time, so that an interruption between the two is made good by the next.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from assay.errors import Refused
from assay.evidence.decision import GateDecision
from assay.evidence.public import PublicDecision
from assay.ledger import Review, record_review, standing_reviews
from assay.policy.rules import ModelRules
from assay.policy.table import canonical
from assay.registry.anchor import deciding, write_anchored
from assay.registry.docket import Docket
from assay.registry.gate import Gate
from assay.registry.identity import require_one_of
from assay.registry.names import REVIEWED, reviewed_by


def review(store: Any, name: str, version: str, said: str) -> None:
    """Note an approver's word on the evidence that stands; it replaces their earlier one.

    Args:
        store: The gated store.
        name: Registered model.
        version: Its number.
        said: `approve: comment` or `reject: comment`.

    Raises:
        Refused: Not an approver, their own version, never submitted, or a yes to what the gate
            denies.
        InputError: Another form.
        AssayError: The ledger cannot be written, and nothing was said.
    """
    gate = Gate.here()
    rules = gate.policy().model(name)
    approver = require_one_of(rules.approvers, "not_approver", f"review {name}")
    word = Review.parse(said)
    with deciding(gate, store):
        docket = Docket.open(store, name, version)
        require_another(approver, docket, rules)
        decision = docket.last_decision(gate)
        _require_allowed(word, decision)
        ledger = gate.ledger()
        if standing_reviews(ledger, decision).get(approver) != word:  # said twice is said once
            record_review(ledger, decision, approver, word, int(time.time()))
        write_anchored(gate, store, name, {version: drawn(gate, decision, docket.tags)}, {})


def require_another(approver: str, docket: Docket, rules: ModelRules) -> None:
    """Four eyes: whoever registered or owns a version does not review it.

    Raises:
        Refused: They did, or nobody knows who did.
    """
    if canonical(approver) in {canonical(docket.registrant()), canonical(rules.owner)}:
        raise Refused(
            "own_version",
            f"expected another than {approver}, who registered or owns this version, to approve it",
        )


def _require_allowed(word: Review, decision: PublicDecision) -> None:
    """A yes to evidence that is denied would count as soon as the policy is another."""
    if word.approves and not decision.allowed:
        raise Refused(
            "not_allowed",
            f"expected a version that the gate allows, found {decision.model} {decision.version}, "
            "which it denies; approve it once it is promotable",
        )


def rejecting(gate: Gate, decision: GateDecision) -> tuple[str, ...]:
    """The approvers of today whose last word on this evidence is no."""
    said = standing_reviews(gate.ledger(), decision)
    approvers = gate.policy().model(decision.model).approvers
    return tuple(who for who in approvers if who in said and not said[who].approves)


def require_agreement(gate: Gate, decision: GateDecision, approver: str) -> None:
    """Whether this click is the last approval that the tier asks for.

    A click is an approval of this one promotion and is no review: it leaves none behind, and takes
    no rejection back, the clicker's own included. What gave a reason is answered with a reason.

    Raises:
        Refused: Somebody rejects this evidence, or too few approve it.
    """
    if against := rejecting(gate, decision):
        raise Refused(
            "rejected",
            f"expected no rejection that stands, found one by {', '.join(against)}; who rejected "
            "takes it back by setting the tag approval to 'approve: why'",
        )
    policy, said = gate.policy(), standing_reviews(gate.ledger(), decision)
    approving = {who for who, word in said.items() if word.approves} | {approver}
    counted = approving & set(policy.model(decision.model).approvers)
    needed = policy.tier(decision.model).approvals
    if len(counted) < needed:
        raise Refused(
            "more_approvals",
            f"expected {needed} approvals, found {len(counted)} with this click, which leaves none "
            "behind; one that stands is said by the tag approval: 'approve: why'",
        )


def drawn(
    gate: Gate, decision: GateDecision | PublicDecision, tags: Mapping[str, str]
) -> dict[str, str | None]:
    """What a version's tags say of its reviews from now on.

    Args:
        gate: The gate.
        decision: The one that stands; reviews of other evidence are shown no more.
        tags: What they say now.
    """
    gone = dict.fromkeys(key for key in tags if key.startswith(REVIEWED))
    said = standing_reviews(gate.ledger(), decision)
    return {**gone, **{reviewed_by(who): str(word) for who, word in said.items()}}
