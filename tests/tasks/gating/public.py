"""Public decisions to show."""

from __future__ import annotations

from assay.evidence.decision import Verdict
from assay.evidence.public import PublicBar, PublicDecision, PublicGate
from assay.evidence.statement import Subject
from assay.evidence.values import Bound, Exact, Measurement
from tests.assay.evidence.samples import NOW, digest

REMEDIES = {"utility": "Bring more rows.", "privacy": "Spend less.", "membership": "Regularise."}


def public_bar(
    name: str = "auc",
    value: Measurement | None = None,
    verdict: Verdict = Verdict.PASS,
    fault: str = "",
) -> PublicBar:
    """A bar at .68."""
    return PublicBar(name, value, "at_least", 0.68, verdict, 0.03 if value else None, fault)


def measured(point: float = 0.72) -> Bound:
    """A development number."""
    return Bound(point, point - 0.02, point + 0.02, 0.0025, 2963, "delong")


def mechanism() -> PublicBar:
    """A bar of words."""
    word = Exact("none", digest("declaration"))
    words = ("synthetic", "dp_sgd")
    return PublicBar("mechanism", word, "one_of", words, Verdict.FAIL, None, "")


def gates(allowed: bool) -> dict[str, PublicGate]:
    """One that passes, one that fails where the version is denied, one that cannot be seen."""
    worse = Verdict.PASS if allowed else Verdict.FAIL
    return {
        "utility": PublicGate("utility", Verdict.PASS, "", (public_bar(value=measured()),)),
        "privacy": PublicGate("privacy", worse, "", () if allowed else (mechanism(),)),
        "membership": PublicGate(
            "membership",
            Verdict.NOT_RUN,
            "",
            (public_bar("tpr_at_fpr", verdict=Verdict.NOT_RUN),),
        ),
    }


def public_decision(allowed: bool = False, denials: tuple[str, ...] = ()) -> PublicDecision:
    """A decision on credit/7."""
    return PublicDecision(
        model="credit",
        version="7",
        subject=Subject("credit", digest("payload")),
        allowed=allowed,
        policy_digest=digest("policy"),
        trust_digest=digest("trust"),
        bundle_digest=digest("bundle"),
        sealed_digest=digest("sealed"),
        gates=gates(allowed),
        denials=denials,
        decided_at=NOW,
        expires_at=NOW + 2_592_000,
    )
