"""Statements to sign, break and read: one of each kind, with every sort of value."""

from __future__ import annotations

from assay.evidence.decision import BarResult, GateDecision, GateResult, Promotion, Verdict
from assay.evidence.digest import digest_bytes
from assay.evidence.statement import ROLE_OF, Evidence, Subject
from assay.evidence.values import Bound, Exact, Measurement

NOW = 1_800_000_000


def digest(name: str) -> str:
    """A digest that belongs to a name."""
    return digest_bytes(name.encode())


def bound(point: float = 0.7) -> Bound:
    """A bound around a point."""
    return Bound(point, point - 0.01, point + 0.01, 0.0025, 12_000, "clopper-pearson")


def evidence(kind: str = "utility", subject: str = "payload") -> Evidence:
    """Evidence of one kind."""
    return Evidence(
        kind=kind,
        subject=Subject("credit", digest(subject)),
        measurements={"auc": bound(), "epsilon": Exact(3.0, digest("declaration"))},
        development={"auc": bound(0.72)},
        config={"groups": ["SEX"], "costs": [0.05, 0.1], "fpr": 0.01, "note": "ä", "off": None},
        materials={"holdout": digest("holdout")},
        started_at=NOW - 60,
        finished_at=NOW,
    )


def bar(
    name: str = "auc",
    value: Measurement | None = None,
    verdict: Verdict = Verdict.PASS,
    code: str = "ok",
) -> BarResult:
    """A bar whose development rows always say the same."""
    return BarResult(
        measurement=name,
        value=value,
        development=bound(0.72),
        direction="at_least",
        bar=0.68,
        verdict=verdict,
        development_verdict=Verdict.PASS,
        distance=0.01 if value else None,
        development_distance=0.03,
        n_needed=4000 if verdict is Verdict.INSUFFICIENT else None,
        code=code,
    )


def gate(name: str = "utility", *bars: BarResult) -> GateResult:
    """A gate that passes."""
    return GateResult(
        name, Verdict.PASS, "ok", "1 of 1 bars pass", "", bars or (bar("auc", bound()),)
    )


def mechanism() -> BarResult:
    """A bar of words, without rows."""
    text = Exact("synthetic", digest("declaration"))
    return BarResult(
        "mechanism",
        text,
        text,
        "one_of",
        ("synthetic", "dp_sgd"),
        Verdict.PASS,
        Verdict.PASS,
        None,
        None,
        None,
        "ok",
    )


def decision(*gates: GateResult, denials: tuple[str, ...] = ()) -> GateDecision:
    """A decision on version 7 of credit."""
    found = gates or (gate(), gate("privacy", mechanism()))
    return GateDecision(
        model="credit",
        version="7",
        subject=Subject("credit", digest("payload")),
        policy_digest=digest("policy"),
        trust_digest=digest("trust"),
        bundle_digest=digest("bundle"),
        attestations={kind: digest(kind) for kind in ROLE_OF},
        gates={result.gate: result for result in found},
        denials=denials,
        decided_at=NOW,
        expires_at=NOW + 2_592_000,
    )


def promotion(sequence: int = 1) -> Promotion:
    """A promotion of version 7 of credit."""
    return Promotion(
        model="credit",
        version="7",
        alias="champion",
        approver="approver",
        previous="",
        sequence=sequence,
        decision_digest=digest("decision"),
        subject=Subject("credit", digest("payload")),
        promoted_at=NOW,
        expires_at=NOW + 2_592_000,
    )
