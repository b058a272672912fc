"""Claims against bars: pure, and the only place where a number becomes a verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from assay.evidence.decision import BarResult, GateResult, Verdict
from assay.evidence.public import WORST
from assay.evidence.values import Bound, Exact, Measurement
from assay.measures import n_needed
from assay.policy.claims import Claim
from assay.policy.rules import CHAIN, Bar

Judged: TypeAlias = tuple[Verdict, str, float | None]  # verdict, code, distance
Reason: TypeAlias = tuple[Verdict, str, str]  # verdict, code, sentence

# Evidence that asks the sealed holdout; all other evidence may be shown to everyone.
SEALED = frozenset({"utility", "robustness", "stress", "fairness", "membership"})

# A number that was measured and is believed, and that does not clear its bar: all that a waiver
# may excuse. Evidence that is not there, not whole or asked too little is never excused.
EXCUSABLE = frozenset({"below_bar", "above_bar", "insufficient", "too_few_rows"})

# What is said of a sealed number in its place; codes of `compare` for a bound or an exact value.
FOUND = {
    "below_bar": "it below",
    "above_bar": "it above",
    "insufficient": "too few rows to tell",
    "too_few_rows": "fewer rows than the bar asks for",
    "weak_alpha": "a bound at a weaker alpha",
    "out_of_range": "a value that cannot be true",
    "malformed": "another kind of value",
    "not_a_number": "no number",
    "not_allowed_value": "another word",
}


def judge(
    bars: Sequence[Bar], claims: Mapping[str, Claim], alpha: float, remedies: Mapping[str, str]
) -> dict[str, GateResult]:
    """Every gate that the bars name, with its verdict.

    Args:
        bars: All bars of one model, expanded.
        claims: Kind of evidence -> what it proves.
        alpha: Largest error probability of each end of a bound, for one look.
        remedies: Gate -> what a person can do.
    """
    spoken = {bar.evidence for bar in bars}
    results = {}
    for gate in dict.fromkeys(bar.gate for bar in bars):
        own = [bar for bar in bars if bar.gate == gate]
        kinds = dict.fromkeys(bar.evidence for bar in own)
        if CHAIN in kinds:  # evidence that measures nothing still has to fit the chain
            kinds = dict.fromkeys(kind for kind in claims if kind not in spoken) | kinds
        about = {kind: claims[kind] for kind in kinds if kind in claims}
        results[gate] = _judge_gate(gate, own, about, alpha, remedies[gate])
    return results


def judge_bar(bar: Bar, claim: Claim | None, alpha: float) -> BarResult:
    """One bar against one claim; a measurement that is not there is NOT_RUN."""
    value = claim.measured.get(bar.measurement) if claim else None
    shown = claim.development.get(bar.measurement) if claim else None
    if bar.evidence not in SEALED:
        shown = value
    verdict, code, distance = compare(bar, value, alpha)
    public, _, public_distance = compare(bar, shown, alpha)
    if value is None and claim is not None and claim.denials:
        code = claim.denials[0].code
    return BarResult(
        measurement=bar.measurement,
        value=value,
        development=shown,
        direction=bar.direction,
        bar=bar.bar,
        verdict=verdict,
        development_verdict=public,
        distance=distance,
        development_distance=public_distance,
        n_needed=_n_needed(bar, value) if verdict is Verdict.INSUFFICIENT else None,
        code=code,
    )


def compare(bar: Bar, value: Measurement | None, alpha: float) -> Judged:
    """Verdict, code, and the distance of the deciding end from the bar (>= 0 when it passes)."""
    match value:
        case None:
            return Verdict.NOT_RUN, "missing", None
        case Exact() if bar.kind == "exact":
            return _compare_exact(bar, value)
        case Bound() if bar.kind == "bound" and not isinstance(bar.bar, tuple):
            return _compare_bound(bar, bar.bar, value, alpha)
    return Verdict.FAIL, "malformed", None


def _compare_exact(bar: Bar, exact: Exact) -> Judged:
    value = exact.value
    if isinstance(bar.bar, tuple):
        allowed = isinstance(value, str) and value in bar.bar
        return (Verdict.PASS, "ok", None) if allowed else (Verdict.FAIL, "not_allowed_value", None)
    if isinstance(value, str | bool) or not math.isfinite(value):
        return Verdict.FAIL, "not_a_number", None
    if not bar.range[0] <= value <= bar.range[1]:
        return Verdict.FAIL, "out_of_range", None
    return _decide(bar, bar.bar, value, value)


def _compare_bound(bar: Bar, limit: float, bound: Bound, alpha: float) -> Judged:
    if not all(bar.range[0] <= end <= bar.range[1] for end in (bound.lower, bound.upper)):
        return Verdict.FAIL, "out_of_range", None
    if bound.alpha > alpha * (1 + 1e-9):
        return Verdict.FAIL, "weak_alpha", None
    verdict, code, distance = _decide(bar, limit, bound.lower, bound.upper)
    if verdict is Verdict.PASS and bound.n < bar.min_n:
        return Verdict.INSUFFICIENT, "too_few_rows", distance
    return verdict, code, distance


def _decide(bar: Bar, limit: float, lower: float, upper: float) -> Judged:
    """PASS by the end that is hardest to pass with, FAIL by the other one."""
    if bar.direction == "at_least":
        passes, fails, distance, code = lower >= limit, upper < limit, lower - limit, "below_bar"
    else:
        passes, fails, distance, code = upper <= limit, lower > limit, limit - upper, "above_bar"
    if passes:
        return Verdict.PASS, "ok", distance
    verdict = Verdict.FAIL if fails else Verdict.INSUFFICIENT
    return verdict, code if fails else "insufficient", distance


def _judge_gate(
    gate: str, bars: Sequence[Bar], claims: Mapping[str, Claim], alpha: float, remedy: str
) -> GateResult:
    results = tuple(judge_bar(bar, claims.get(bar.evidence), alpha) for bar in bars)
    reasons = [*_from_evidence(claims), *_from_bars(bars, results)]
    excusable = bool(reasons) and all(code in EXCUSABLE for _, code, _ in reasons)
    reasons.sort(key=lambda reason: WORST.index(reason[0]))
    verdict, code, _ = reasons[0] if reasons else (Verdict.PASS, "ok", "")
    told = dict.fromkeys(text for _, _, text in reasons)
    return GateResult(
        gate=gate,
        verdict=verdict,
        code=code,
        reason="; ".join(told) or f"{len(results)} of {len(results)} bars pass",
        remedy=" ".join((remedy, *_rows_to_bring(results))) if reasons else "",
        bars=results,
        excusable=excusable,
    )


def _rows_to_bring(results: Sequence[BarResult]) -> Iterator[str]:
    """For each bar that more rows would decide, how many: a sealed number, like the remedy."""
    for result in results:
        if result.n_needed is not None and isinstance(result.value, Bound):
            yield f"{result.measurement} needs n = {result.n_needed:,}, has {result.value.n:,}."


def _n_needed(bar: Bar, value: Measurement | None) -> int | None:
    if not isinstance(value, Bound) or isinstance(bar.bar, tuple) or bar.direction == "one_of":
        return None
    return n_needed(value, bar.bar, bar.direction, bar.min_n)


def _from_evidence(claims: Mapping[str, Claim]) -> list[Reason]:
    """What is wrong with the evidence itself, whatever it measured."""
    return [
        (Verdict.NOT_RUN if denial.is_absence else Verdict.FAIL, denial.code, denial.reason)
        for claim in claims.values()
        for denial in claim.denials
    ]


def _from_bars(bars: Sequence[Bar], results: Sequence[BarResult]) -> list[Reason]:
    return [
        (result.verdict, result.code, sentence(bar, result))
        for bar, result in zip(bars, results, strict=True)
        if result.verdict is not Verdict.PASS
    ]


def sentence(bar: Bar, result: BarResult) -> str:
    """What the bar expected and what was found; never a number from the sealed holdout."""
    words = ", ".join(bar.bar) if isinstance(bar.bar, tuple) else f"{bar.bar:g}"
    expected = f"expected {bar.measurement} {bar.direction.replace('_', ' ')} {words}"
    if result.value is None:
        return f"{expected}, found nothing{' to believe' if result.code != 'missing' else ''}"
    if bar.evidence in SEALED:
        return f"{expected}, found {FOUND[result.code]}"
    if isinstance(result.value, Exact):
        return f"{expected}, found {result.value.value}"
    return f"{expected}, found {result.value.lower:.4g} to {result.value.upper:.4g}"
