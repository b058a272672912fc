"""What everyone may read of a decision.

A sealed holdout answers one bit per look: promotable or not. All else that is public comes from
the development rows, or is a fault that anyone could see without the sealed ones.
Dwork et al. 2015, Science 349(6248); Blum and Hardt 2015, arXiv:1502.04585.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from assay.evidence.decision import BarResult, GateDecision, GateResult, Verdict
from assay.evidence.statement import Subject
from assay.evidence.values import Measurement

WORST = (Verdict.FAIL, Verdict.NOT_RUN, Verdict.INSUFFICIENT, Verdict.PASS)
# Evidence that is not there: such a word hides whether a bar would have failed.
ABSENT = frozenset({"missing", "stale", "outcomes_missing", "look_missing"})
# Reasons that anyone could see without the sealed rows; every other word stays sealed.
FAULTS = ABSENT | {
    "bad_signature",
    "broken_chain",
    "duplicate",
    "floor_undercut",
    "future",
    "looks_spent",
    "malformed",
    "opa_unavailable",
    "sensitive_feature",
    "unknown_evidence",
    "unknown_model",
    "wrong_role",
    "wrong_subject",
}


@dataclass(frozen=True, slots=True)
class PublicBar:
    """What the development rows say of one bar.

    Attributes:
        value: Measured on the development rows; None when there are none.
        verdict: Of `value`; the sealed verdict may differ.
        distance: Gap between the deciding end of `value` and the bar, >= 0 when it passes.
        fault: Denial's word when the evidence itself is at fault, else "".
    """

    measurement: str
    value: Measurement | None
    direction: str
    bar: float | tuple[str, ...]
    verdict: Verdict
    distance: float | None
    fault: str


@dataclass(frozen=True, slots=True)
class PublicGate:
    """What the development rows say of one gate; the worst of its bars is its verdict."""

    gate: str
    verdict: Verdict
    fault: str
    bars: tuple[PublicBar, ...]


@dataclass(frozen=True, slots=True)
class PublicDecision:
    """A decision as everyone may read it.

    Attributes:
        allowed: The one bit that comes from the sealed rows.
        sealed_digest: `sha256:` of the sealed decision's envelope.
        waivers: Gate -> envelope of the waiver that stands for it, whether it is needed or not.
    """

    model: str
    version: str
    subject: Subject
    allowed: bool
    policy_digest: str
    trust_digest: str
    bundle_digest: str
    sealed_digest: str
    gates: Mapping[str, PublicGate]
    denials: tuple[str, ...]
    decided_at: int
    expires_at: int
    waivers: Mapping[str, str] = field(default_factory=dict)


def public_view(decision: GateDecision, sealed_digest: str) -> PublicDecision:
    """What may be shown of a decision: equal for any two that differ in sealed numbers only.

    Args:
        decision: The whole decision.
        sealed_digest: Digest of its envelope; the signature inside keeps it from being guessed.
    """
    return PublicDecision(
        model=decision.model,
        version=decision.version,
        subject=decision.subject,
        allowed=decision.allowed,
        policy_digest=decision.policy_digest,
        trust_digest=decision.trust_digest,
        bundle_digest=decision.bundle_digest,
        sealed_digest=sealed_digest,
        gates={name: _public_gate(gate) for name, gate in decision.gates.items()},
        denials=tuple(code for code in map(_code, decision.denials) if code in FAULTS),
        decided_at=decision.decided_at,
        expires_at=decision.expires_at,
        waivers=decision.waivers,
    )


def _code(denial: str) -> str:
    return denial.partition(":")[0]


def _public_gate(gate: GateResult) -> PublicGate:
    bars = tuple(map(_public_bar, gate.bars))
    verdicts = {bar.verdict for bar in bars} or {Verdict.NOT_RUN}
    unmeasured = all(bar.value is None for bar in gate.bars)
    # Beside measured bars only a fault may be told that outweighs whatever these bars say.
    shown = gate.code in FAULTS and (unmeasured or gate.code not in ABSENT | {"malformed"})
    return PublicGate(
        gate=gate.gate,
        verdict=next(verdict for verdict in WORST if verdict in verdicts),
        fault=gate.code if shown else "",
        bars=bars,
    )


def _public_bar(bar: BarResult) -> PublicBar:
    return PublicBar(
        measurement=bar.measurement,
        value=bar.development,
        direction=bar.direction,
        bar=bar.bar,
        verdict=bar.development_verdict,
        distance=bar.development_distance,
        fault=bar.code if bar.value is None and bar.code in FAULTS else "",
    )
