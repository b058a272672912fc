"""The alias click: an approver points `champion` at a version, and everything is verified anew."""

from __future__ import annotations

import time
from typing import Any

from assay.errors import AssayError, Refused
from assay.evidence.decision import GateDecision, Promotion
from assay.evidence.kept import kept_bundle, read_evidence
from assay.ledger import next_sequence, standing
from assay.policy.verify import Submission
from assay.registry.anchor import deciding
from assay.registry.docket import Docket
from assay.registry.gate import Gate
from assay.registry.identity import require_one_of
from assay.registry.moves import seat, settle
from assay.registry.names import APPROVED_BY, CHAMPION, PREVIOUS
from assay.registry.reviews import drawn, require_agreement, require_another
from assay.registry.ruling import Ruling, explain, first_code, rule


def promote(store: Any, name: str, version: str) -> None:
    """Point `champion` at a version, if an approver asks and today's policy allows it.

    intent -> payload and evidence hashed and judged anew -> promotion signed -> ledger -> aliases
    and tags in one transaction -> read back -> committed. A refusal moves nothing.

    Args:
        store: The gated store.
        name: Registered model.
        version: Its number.

    Raises:
        Refused: Not an approver, their own version, never submitted, not allowed, or not agreed on.
        AssayError: Something that a decision takes is not there.
    """
    gate = Gate.here()
    rules = gate.policy().model(name)
    approver = require_one_of(rules.approvers, "not_approver", f"promote {name}")
    with deciding(gate, store):
        docket = Docket.open(store, name, version)
        require_another(approver, docket, rules)
        settle(gate, store, name)
        ledger = gate.ledger()
        told = {"model": name, "version": version, "by": approver, "at": int(time.time())}
        intent = ledger.append("intent", told)
        try:
            decision = _judge_anew(gate, docket)
            require_agreement(gate, decision, approver)
        except AssayError as error:
            ledger.append("refused", {**told, "intent": intent.seq, "code": error.code})
            raise
        _commit(gate, store, docket, rule(gate, decision), approver)


def _judge_anew(gate: Gate, docket: Docket) -> GateDecision:
    """Today's decision, from bytes that are hashed now; no stored verdict counts."""
    decided = docket.last_decision(gate)
    bundle = read_evidence(kept_bundle(gate.home, decided.bundle_digest))
    case = Submission(docket.model, docket.version, docket.subject(), bundle, decided.bundle_digest)
    decision = gate.judge(case, int(time.time()))
    if not decision.allowed:
        told = f"{docket.model} {docket.version} does not pass today's policy: {explain(decision)}"
        raise Refused(first_code(decision), told)
    return decision


def _commit(gate: Gate, store: Any, docket: Docket, ruling: Ruling, approver: str) -> None:
    """The version is champion, and the one before it `previous`."""
    decision = ruling.decision
    held, stands = store.protected_aliases(decision.model), standing(gate.ledger(), decision.model)
    before = stands.body["version"] if stands else ""  # the alias may have been moved by hand
    promotion = Promotion(
        model=decision.model,
        version=decision.version,
        alias=CHAMPION,
        approver=approver,
        previous=held.get(PREVIOUS, "") if before == decision.version else before,
        sequence=next_sequence(gate.ledger(), decision.model),
        decision_digest=ruling.sealed_digest,
        subject=decision.subject,
        promoted_at=decision.decided_at,
        expires_at=decision.expires_at,
    )
    reviews = drawn(gate, decision, docket.tags)
    tags = {**ruling.tags, **reviews, APPROVED_BY: approver}
    seat(gate, store, promotion, {decision.version: tags})
