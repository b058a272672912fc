"""A decision becomes a ruling: signed, kept sealed, noted in the ledger, told in public."""

from __future__ import annotations

from dataclasses import dataclass

from assay.evidence.access import ANCHOR, head
from assay.evidence.decision import GateDecision
from assay.evidence.decisions import sign_decision, sign_public
from assay.evidence.digest import digest_bytes
from assay.evidence.kept import keep_decision
from assay.evidence.keys import load_key
from assay.evidence.public import PublicBar, PublicDecision, public_view
from assay.evidence.values import Bound, Measurement
from assay.evidence.waivers import read_waivers
from assay.ledger import record_decision
from assay.registry.gate import Gate
from assay.registry.names import ALLOWED, DECISION, WAIVED


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision that stands.

    Attributes:
        sealed_digest: `sha256:` of the sealed envelope.
        tags: What the version's tags say of it, to everybody; None removes one.
    """

    decision: GateDecision
    sealed_digest: str
    tags: dict[str, str | None]


def rule(gate: Gate, decision: GateDecision, *, answers: bool = True) -> Ruling:
    """Sign a decision with the gate's key, keep its sealed form and append it to the ledger.

    Args:
        gate: The gate.
        decision: What was decided.
        answers: Whether whoever asks the same question again is shown this decision.
    """
    key = load_key(gate.home, "gate")
    sealed = sign_decision(decision, key)
    digest = digest_bytes(sealed)
    keep_decision(gate.home, decision.bundle_digest, sealed)
    view = public_view(decision, digest)
    _note(gate, decision, view)
    if answers:
        _answer(gate, decision, view)
    public = sign_public(decision, sealed, key).decode("utf-8")
    return Ruling(decision, digest, {DECISION: public, **lines(view)})


def _note(gate: Gate, decision: GateDecision, view: PublicDecision) -> None:
    """The ledger learns what was decided."""
    body = {
        "model": decision.model,
        "version": decision.version,
        "subject": decision.subject.digest,
        "bundle": decision.bundle_digest,
        "policy": decision.policy_digest,
        "decision": view.sealed_digest,
        "allowed": decision.allowed,
        "reasons": list(reasons(decision)),
        "at": decision.decided_at,
        ANCHOR: head(gate.home),
    }
    gate.ledger().append("decision", body)


def _answer(gate: Gate, decision: GateDecision, view: PublicDecision) -> None:
    """The ledger learns which look this answers."""
    ledger = gate.ledger()
    looks = [e for e in ledger.entries("look") if e.body["subject"] == decision.subject.digest]
    if looks:
        record_decision(ledger, looks[-1].body["request"], view)


def reasons(decision: GateDecision) -> tuple[str, ...]:
    """`gate code` for each gate that denies, then what belongs to no gate."""
    gates = (f"{result.gate} {result.code}" for result in decision.denying())
    return (*gates, *map(_code, decision.denials))


def first_code(decision: GateDecision) -> str:
    """The word that a denied decision is told by: the first gate's, else the first denial's."""
    codes = [result.code for result in decision.denying()]
    return [*codes, *map(_code, decision.denials), "not_allowed"][0]


def explain(decision: GateDecision) -> str:
    """Each reason of a denied decision, with its sealed numbers: for approvers and auditors."""
    told = [f"{r.gate} {r.verdict} ({r.code}): {r.reason}; {r.remedy}" for r in decision.denying()]
    return " | ".join([*told, *decision.denials])


def _code(denial: str) -> str:
    return denial.partition(":")[0]


def lines(view: PublicDecision) -> dict[str, str | None]:
    """A tag for the verdict and one for each gate, from the development rows; and each waiver."""
    told: dict[str, str | None] = {ALLOWED: "true" if view.allowed else "false"}
    waivers = read_waivers(view.waivers)
    for name, gate in view.gates.items():
        told[f"{WAIVED}{name}"] = str(waivers[name]) if name in waivers else None
        fault = f" {gate.fault}" if gate.fault else ""
        bars = "; ".join(map(_bar_line, gate.bars))
        told[f"gate.{name}"] = f"{gate.verdict}{fault} on development rows: {bars}"
    return told


def _bar_line(bar: PublicBar) -> str:
    sign = {"at_least": ">=", "at_most": "<=", "one_of": "one of"}[bar.direction]
    wanted = ", ".join(bar.bar) if isinstance(bar.bar, tuple) else f"{bar.bar:g}"
    return f"{bar.measurement} {_shown(bar.value)}, bar {sign} {wanted}: {bar.fault or bar.verdict}"


def _shown(value: Measurement | None) -> str:
    if value is None:
        return "not shown"
    if isinstance(value, Bound):
        return f"{value.point:.3f} [{value.lower:.3f}, {value.upper:.3f}]"
    return value.value if isinstance(value.value, str) else f"{value.value:g}"
