"""A promotion as the ledger has it: what it rests on, and until when a decision carries it."""

from __future__ import annotations

from assay.errors import Refused, Unavailable
from assay.evidence.decision import GateDecision, Promotion
from assay.evidence.decisions import promotion_of
from assay.evidence.dsse import verify
from assay.evidence.kept import kept_bundle, read_evidence
from assay.evidence.public import public_view
from assay.policy.verify import Submission
from assay.registry.gate import Gate

OPA_DOWN = "opa_unavailable"


class Denied(Refused):
    """A promoted version does not pass a policy.

    Its text is everybody's, so it tells no sealed verdict of a single gate.

    Args:
        decision: By that policy.
    """

    def __init__(self, decision: GateDecision) -> None:
        view = public_view(decision, "")
        faults = [gate.fault for gate in view.gates.values() if gate.fault] + [*view.denials]
        code = faults[0] if faults else "not_allowed"
        what = f"{decision.model} {decision.version}"
        super().__init__(code, f"expected {what} to pass today's policy, found that it does not")
        self.decision = decision


def promoted(gate: Gate, envelope: str) -> Promotion:
    """What a promotion says.

    Raises:
        EvidenceError: Whoever is trusted today did not sign it.
    """
    return promotion_of(verify(envelope.encode("utf-8"), gate.trust().role("promoter")))


def rested_on(gate: Gate, promotion: Promotion) -> tuple[Submission, int]:
    """The evidence that a promotion rests on, and the second as of which it was judged.

    How old evidence may be is asked when a version is promoted, and so it is judged again as of
    the second of that decision.

    Raises:
        Refused: The ledger does not have the decision (`no_decision`), or the evidence is not
            there or not to be read.
    """
    for entry in gate.ledger().entries("decision"):
        if entry.body["decision"] == promotion.decision_digest:
            bundle = entry.body["bundle"]
            evidence = read_evidence(kept_bundle(gate.home, bundle))
            said = promotion
            case = Submission(said.model, said.version, said.subject, evidence, bundle)
            return case, entry.body["at"]
    raise Refused("no_decision", "expected the promotion's decision in the ledger, found none")


def held_until(promotion: Promotion, decision: GateDecision, now: int) -> int:
    """When a promotion ends that a decision, made anew, carries on; Unix seconds.

    How long a promotion holds is asked of today's clock.

    Args:
        promotion: As it was signed.
        decision: On what it rests on, as of then.
        now: Unix seconds.

    Raises:
        Refused: It does not hold: `Denied`, `expired`.
        Unavailable: OPA did not answer, so nothing is known.
    """
    if any(denial.startswith(OPA_DOWN) for denial in decision.denials):
        raise Unavailable(OPA_DOWN, "expected OPA to answer, found that it does not")
    if not decision.allowed:
        raise Denied(decision)
    until = min(promotion.expires_at, decision.expires_at)
    if now >= until:
        raise Refused("expired", "expected a promotion that still holds, found an expired one")
    return until
