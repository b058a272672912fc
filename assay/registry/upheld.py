"""Whether a promotion of the ledger still holds: today's policy, keys, bytes and clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay.errors import Refused, Unavailable
from assay.evidence.decision import GateDecision, Promotion
from assay.evidence.kept import kept_bundle, read_evidence
from assay.evidence.public import public_view
from assay.ledger import Entry
from assay.policy.verify import Submission
from assay.registry.docket import Docket, find_docket
from assay.registry.gate import Gate
from assay.registry.grounds import promoted, rested_on

OPA_DOWN = "opa_unavailable"


class Denied(Refused):
    """A promoted version does not pass today's policy.

    Its text is everybody's, so it tells no sealed verdict of a single gate.

    Args:
        decision: Today's.
    """

    def __init__(self, decision: GateDecision) -> None:
        view = public_view(decision, "")
        faults = [gate.fault for gate in view.gates.values() if gate.fault] + [*view.denials]
        code = faults[0] if faults else "not_allowed"
        what = f"{decision.model} {decision.version}"
        super().__init__(code, f"expected {what} to pass today's policy, found that it does not")
        self.decision = decision


@dataclass(frozen=True, slots=True)
class Upheld:
    """A promotion that holds.

    Attributes:
        promotion: As it was signed.
        docket: Its version.
        decision: Today's, which allows.
        until: Unix seconds; when the promotion ends, or the decision, whichever is sooner.
    """

    promotion: Promotion
    docket: Docket
    decision: GateDecision
    until: int


def uphold(gate: Gate, store: Any, entry: Entry, now: int) -> Upheld:
    """Judge a promoted version anew; its tags count for nothing.

    How old evidence may be is asked when a version is promoted, and so it is judged as of the
    second of the decision that the promotion rests on. How long a promotion holds is asked of
    today's clock.

    Args:
        gate: The gate, alone.
        store: The gated store.
        entry: The promotion in the ledger.
        now: Unix seconds.

    Raises:
        Refused: It does not hold: `Denied`, `expired`, `no_version`, `swapped`, or the word of
            what cannot be read.
        Unavailable: Something that a decision takes does not answer, so nothing is known.
    """
    promotion = promoted(gate, entry.body["envelope"])
    docket = find_docket(store, promotion.model, promotion.version)
    if docket is None:
        raise Refused("no_version", "expected the promoted version in the registry, found none")
    subject = docket.subject()
    if subject != promotion.subject:
        raise Refused("swapped", "expected the payload that was promoted, found another")
    bundle, as_of = rested_on(gate, promotion)
    evidence = read_evidence(kept_bundle(gate.home, bundle))
    case = Submission(docket.model, docket.version, subject, evidence, bundle)
    decision = gate.judge(case, as_of)
    if any(denial.startswith(OPA_DOWN) for denial in decision.denials):
        raise Unavailable(OPA_DOWN, "expected OPA to answer, found that it does not")
    if not decision.allowed:
        raise Denied(decision)
    until = min(promotion.expires_at, decision.expires_at)
    if now >= until:
        raise Refused("expired", "expected a promotion that still holds, found an expired one")
    return Upheld(promotion, docket, decision, until)
