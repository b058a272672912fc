"""The alias click: an approver points `champion` at a version, and everything is verified anew."""

from __future__ import annotations

import time
from typing import Any

from assay.errors import AssayError, Refused
from assay.evidence.decision import GateDecision, Promotion
from assay.evidence.decisions import sign_promotion
from assay.evidence.kept import kept_bundle, read_evidence
from assay.evidence.keys import load_key
from assay.ledger import next_sequence, record_promotion
from assay.policy.rules import ModelRules
from assay.policy.table import canonical
from assay.policy.verify import Submission
from assay.registry.docket import Docket
from assay.registry.gate import Gate
from assay.registry.identity import require_one_of
from assay.registry.names import APPROVED_BY, CHAMPION, PREVIOUS, PROMOTION
from assay.registry.rows import write_rows
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
        Refused: Not an approver, their own version, never submitted, or not allowed.
        AssayError: Something that a decision takes is not there.
    """
    gate = Gate.here()
    rules = gate.policy().model(name)
    approver = require_one_of(rules.approvers, "not_approver", f"promote {name}")
    with gate.alone():
        docket = Docket.open(store, name, version)
        _require_another(approver, docket, rules)
        settle(gate, store, name)
        ledger = gate.ledger()
        told = {"model": name, "version": version, "by": approver, "at": int(time.time())}
        intent = ledger.append("intent", told)
        try:
            decision = _judge_anew(gate, docket)
            _count_approvals(gate, decision, approver)
        except AssayError as error:
            ledger.append("refused", {**told, "intent": intent.seq, "code": error.code})
            raise
        _commit(gate, store, rule(gate, decision), approver)


def _require_another(approver: str, docket: Docket, rules: ModelRules) -> None:
    """Four eyes: whoever registered or owns a version does not approve it."""
    if canonical(approver) in {canonical(docket.registrant()), canonical(rules.owner)}:
        raise Refused(
            "own_version",
            f"expected another than {approver}, who registered or owns this version, to approve it",
        )


def _judge_anew(gate: Gate, docket: Docket) -> GateDecision:
    """Today's decision, from bytes that are hashed now; no stored verdict counts."""
    decided = docket.decided(gate)
    if decided is None:
        raise Refused(
            "not_submitted",
            f"expected evidence for {docket.model} {docket.version}, found none; "
            "its owner submits it first",
        )
    bundle = read_evidence(kept_bundle(gate.home, decided.bundle_digest))
    case = Submission(docket.model, docket.version, docket.subject(), bundle, decided.bundle_digest)
    decision = gate.judge(case, int(time.time()))
    if not decision.allowed:
        told = f"{docket.model} {docket.version} does not pass today's policy: {explain(decision)}"
        raise Refused(first_code(decision), told)
    return decision


def _count_approvals(gate: Gate, decision: GateDecision, approver: str) -> None:
    """Each approver's click counts once for this evidence; enough of them promote."""
    policy, ledger = gate.policy(), gate.ledger()
    what = {
        "model": decision.model,
        "version": decision.version,
        "bundle": decision.bundle_digest,
    }
    ledger.append("approval", {**what, "by": approver, "at": decision.decided_at})
    approved = {e.body["by"] for e in ledger.entries("approval") if e.body.items() >= what.items()}
    counted = approved & set(policy.model(decision.model).approvers)
    needed = policy.tier(decision.model).approvals
    if len(counted) < needed:
        raise Refused(
            "more_approvals",
            f"expected {needed} approvals, found {len(counted)}; another approver sets the alias",
        )


def _commit(gate: Gate, store: Any, ruling: Ruling, approver: str) -> None:
    """Sign, append, move the aliases, read them back, and say so."""
    decision, ledger = ruling.decision, gate.ledger()
    held = store.protected_aliases(decision.model)
    before = held.get(CHAMPION, "")
    previous = held.get(PREVIOUS, "") if before == decision.version else before
    promotion = Promotion(
        model=decision.model,
        version=decision.version,
        alias=CHAMPION,
        approver=approver,
        previous=previous,
        sequence=next_sequence(ledger, decision.model),
        decision_digest=ruling.sealed_digest,
        subject=decision.subject,
        promoted_at=decision.decided_at,
        expires_at=decision.expires_at,
    )
    envelope = sign_promotion(promotion, load_key(gate.home, "promoter"))
    record_promotion(ledger, promotion, envelope)
    tags = {**ruling.tags, PROMOTION: envelope.decode("ascii"), APPROVED_BY: approver}
    moved = {CHAMPION: decision.version, **({PREVIOUS: previous} if previous else {})}
    write_rows(store, decision.model, decision.version, tags, moved)
    settle(gate, store, decision.model)
    if store.protected_aliases(decision.model).get(CHAMPION) != decision.version:
        raise Refused("not_moved", "expected the alias to have moved, found it elsewhere")


def settle(gate: Gate, store: Any, name: str) -> None:
    """Close every promotion in the ledger that an interruption left open; twice equals once.

    Aliases and tags move in one transaction. So either the alias points where the promotion says
    and the version carries that very envelope, and it is committed; or nothing moved: it is void.
    """
    ledger = gate.ledger()
    closed = {e.body["promotion"] for k in ("committed", "void") for e in ledger.entries(k)}
    for entry in ledger.entries("promotion"):
        if entry.body["model"] != name or entry.seq in closed:
            continue
        version = store.protected_aliases(name).get(CHAMPION)
        tags = store.get_model_version(name, version).tags if version else {}
        moved = tags.get(PROMOTION) == entry.body["envelope"]
        ledger.append("committed" if moved else "void", {"promotion": entry.seq})
