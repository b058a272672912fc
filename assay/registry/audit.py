"""The audit: what `champion` leads to is verified anew, and what does not hold loses the alias.

The server decides here too. Whoever asks, asks for one model, and is told what was found.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assay.errors import AssayError, EvidenceError, Refused, Unavailable
from assay.evidence.decision import Demotion, Promotion
from assay.evidence.standing import Standing, verify_standing
from assay.ledger import Entry, committed_promotions, next_sequence, standing
from assay.registry.anchor import deciding
from assay.registry.docket import find_docket
from assay.registry.finding import Finding, Outcome
from assay.registry.gate import Gate
from assay.registry.moves import seat, settle, vacate, withdraw
from assay.registry.names import (
    ALLOWED,
    CHAMPION,
    DECISION,
    DEMOTED,
    PREVIOUS,
    PROMOTION,
)
from assay.registry.promoted import Denied
from assay.registry.reviews import rejecting
from assay.registry.ruling import rule
from assay.registry.upheld import Upheld, uphold
from assay.registry.users import GATE


@dataclass(frozen=True, slots=True)
class Case:
    """One model before the audit.

    Attributes:
        held: Which of the gate's aliases it holds: alias -> version.
        stands: The promotion that the ledger committed last, unless it was withdrawn.
        now: Unix seconds.
    """

    gate: Gate
    store: Any
    model: str
    held: Mapping[str, str]
    stands: Entry | None
    now: int

    @classmethod
    def open(cls, gate: Gate, store: Any, model: str) -> Case:
        """What registry and ledger say now."""
        held = store.protected_aliases(model)
        return cls(gate, store, model, held, standing(gate.ledger(), model), int(time.time()))

    @property
    def champion(self) -> str:
        """The version that `champion` leads to, or ""."""
        return self.held.get(CHAMPION, "")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a champion may not stay as it is.

    Attributes:
        why: Code and sentence.
        upheld: The ledger's own version, where that still holds.
    """

    why: Refused
    upheld: Upheld | None = None


def audit(store: Any, name: str, user: str) -> Finding:
    """Verify a model's champion; put back, roll back or remove what does not verify.

    Args:
        store: The gated store.
        name: Registered model.
        user: Who is signed in; only the gate's own user may ask.

    Raises:
        Refused: Somebody else asks.
        Unavailable: A part that an audit takes is not there or does not answer. Nothing moved.
        MlflowException: There is no such model.
    """
    if user != GATE:
        raise Refused("not_gate", f"expected {GATE} to ask for an audit, found {user}")
    gate = Gate.here()
    _require_whole(gate)
    with deciding(gate, store):
        settle(gate, store, name)
        case = Case.open(gate, store, name)
        fault = _fault(case)
        return _revert(case, fault) if fault else _well(case)


def _require_whole(gate: Gate) -> None:
    """A gate that lacks something can tell of no model that it fails."""
    try:
        gate.check()
        gate.reach_opa()
    except AssayError as error:
        raise Unavailable(error.code, error.message) from error


def _well(case: Case) -> Finding:
    at = case.champion
    outcome = Outcome.WELL if case.stands else Outcome.VACANT
    told = f"champion {at} verifies" if case.stands else "no champion, as the ledger says"
    return Finding(case.model, outcome, at, at, "ok", told, 0)


def _fault(case: Case) -> Fault | None:
    """What is wrong with a model's champion; None when nothing is."""
    if case.stands is None:
        return Fault(_moved(case, "", "")) if {CHAMPION, PREVIOUS} & case.held.keys() else None
    # 1. What the ledger committed still holds: signature, payload, evidence, policy, expiry.
    try:
        upheld = uphold(case.gate, case.store, case.stands, case.now)
    except Refused as why:
        return Fault(why)
    # 2. The aliases are where it put them.
    said = upheld.promotion
    if (case.champion, case.held.get(PREVIOUS, "")) != (said.version, said.previous):
        return Fault(_moved(case, said.version, said.previous), upheld)
    # 3. A consumer who verifies finds just that.
    try:
        verify_standing(_found(upheld), case.gate.trust(), case.now, floor=said.sequence)
    except EvidenceError as why:
        if why.code == "future":
            raise Unavailable("clock", "expected a clock that goes on, found one set back") from why
        return Fault(why, upheld)
    return None


def _moved(case: Case, champion: str, previous: str) -> Refused:
    found = f"{case.champion or 'none'} and {case.held.get(PREVIOUS, 'none')}"
    expected = f"{champion or 'none'} and {previous or 'none'}"
    told = f"expected champion and previous at {expected}, as the ledger has them, found {found}"
    return Refused("moved", told)


def _found(upheld: Upheld) -> Standing:
    tags = upheld.docket.tags
    return Standing(
        name=upheld.docket.model,
        version=upheld.docket.version,
        alias=CHAMPION,
        promotion=tags[PROMOTION].encode() if PROMOTION in tags else None,
        decision=tags[DECISION].encode() if DECISION in tags else None,
        payload=upheld.decision.subject.digest,
    )


def _revert(case: Case, fault: Fault) -> Finding:
    """Withdraw what does not hold, and put what does in its place."""
    gate, store, stands, why = case.gate, case.store, case.stands, fault.why
    successor = fault.upheld or _earlier(case)
    demotion = Demotion(
        model=case.model,
        version=stands.body["version"] if stands else case.champion or case.held[PREVIOUS],
        alias=CHAMPION,
        found=case.champion,
        successor=successor.docket.version if successor else "",
        sequence=stands.body["sequence"] if stands else 0,
        code=why.code,
        by=GATE,
        demoted_at=case.now,
    )
    entry = withdraw(gate, demotion)
    tags: dict[str, Mapping[str, str | None]] = {}
    failed = stands is not None and fault.upheld is None
    if failed and find_docket(store, case.model, demotion.version):
        tags[demotion.version] = _withdrawn(gate, why)
    if successor:
        ruling = rule(gate, successor.decision)
        promotion = _again(case, successor, ruling.sealed_digest, restored=not failed)
        seat(gate, store, promotion, {**tags, promotion.version: ruling.tags})
        outcome = Outcome.ROLLED_BACK if failed else Outcome.RESTORED
    else:
        vacate(gate, store, case.model, tags)
        outcome = Outcome.REMOVED
    at = demotion.successor
    return Finding(case.model, outcome, case.champion, at, why.code, why.message, entry.seq)


def _earlier(case: Case) -> Upheld | None:
    """The newest other version that was promoted before, still holds, and that nobody rejects."""
    for entry in _one_each(case):
        try:
            upheld = uphold(case.gate, case.store, entry, case.now)
        except Refused:
            continue
        if not rejecting(case.gate, upheld.decision):
            return upheld
    return None


def _one_each(case: Case) -> Iterator[Entry]:
    """The last promotion of each version but the one that failed, newest first.

    Where nothing stood there is nothing to go back to.
    """
    if case.stands is None:
        return
    seen = {case.stands.body["version"]}
    for entry in reversed(committed_promotions(case.gate.ledger(), case.model)):
        if entry.body["version"] not in seen:
            seen.add(entry.body["version"])
            yield entry


def _withdrawn(gate: Gate, why: Refused) -> dict[str, str | None]:
    """What the tags of a demoted version say: no promotion, no allowance, and the reason."""
    denied = rule(gate, why.decision, answers=False).tags if isinstance(why, Denied) else {}
    told = f"{why.code}: {why.message}"
    return {DECISION: None, ALLOWED: "false", PROMOTION: None, DEMOTED: told, **denied}


def _again(case: Case, upheld: Upheld, decision: str, *, restored: bool) -> Promotion:
    """A promotion with a number of its own, for no longer than the approver's one."""
    said = upheld.promotion
    return Promotion(
        model=said.model,
        version=said.version,
        alias=CHAMPION,
        approver=GATE,
        previous=said.previous if restored else "",
        sequence=next_sequence(case.gate.ledger(), said.model),
        decision_digest=decision,
        subject=said.subject,
        promoted_at=case.now,
        expires_at=upheld.until,
    )
