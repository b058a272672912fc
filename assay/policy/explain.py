"""What would change each verdict, as plain data for the command and for pages.

A sealed decision is explained with its sealed bounds; a public one with what the development rows
say, since `PublicDecision` holds nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from assay.evidence.decision import BarResult, GateDecision, GateResult, Verdict
from assay.evidence.public import PublicBar, PublicDecision, PublicGate
from assay.evidence.values import Bound, Exact, Measurement
from assay.measures.sizes import is_against

# Codes that the bars beneath explain in full.
MEASURED = {"insufficient", "too_few_rows", "below_bar", "above_bar", "not_allowed_value"}
NO_REMEDY = "no gate of today's policy"
SIGN = {"at_least": ">=", "at_most": "<=", "one_of": "one of"}


@dataclass(frozen=True, slots=True)
class Change:
    """What one bar that does not pass would have to show.

    Attributes:
        measurement: Such as `approval_ratio:SEX`.
        wanted: The bar, such as `>= 0.8`.
        found: What was measured, such as `0.76 [0.741, 0.779]`, or `nothing`.
        distance: How far the deciding end is beyond the bar: below 0 short of it, else clear of it
            on too few rows; None where there is none.
        n: Rows behind the number; None for an exact value or none.
        n_needed: Rows that would decide at this point; None in public, or when no number would.
        advice: A sentence.
    """

    measurement: str
    verdict: Verdict
    wanted: str
    found: str
    distance: float | None
    n: int | None
    n_needed: int | None
    advice: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """One gate that does not pass.

    Attributes:
        code: The denial's word; in public only when it tells nothing of the sealed rows.
        reason: What was expected and found, where the bars do not say it; in public nothing.
        remedy: What a person can do.
    """

    gate: str
    verdict: Verdict
    code: str
    reason: str
    remedy: str
    changes: tuple[Change, ...]


def explain(
    decision: GateDecision | PublicDecision, remedies: Mapping[str, str]
) -> tuple[Explanation, ...]:
    """Each gate that does not pass, and what would change that; nothing of an allowed version.

    Args:
        decision: The sealed decision, or its public view.
        remedies: Gate -> what a person can do, from the policy.
    """
    return () if decision.allowed else tuple(_explained(decision, remedies))


def _explained(
    decision: GateDecision | PublicDecision, remedies: Mapping[str, str]
) -> Iterator[Explanation]:
    for name, gate in decision.gates.items():
        code = gate.fault if isinstance(gate, PublicGate) else gate.code
        if gate.verdict is not Verdict.PASS or code not in ("", "ok"):
            changes = tuple(_change(bar) for bar in gate.bars if bar.verdict is not Verdict.PASS)
            reason = gate.reason if isinstance(gate, GateResult) and code not in MEASURED else ""
            remedy = remedies.get(name, NO_REMEDY)
            yield Explanation(name, gate.verdict, code, reason, remedy, changes)


def _change(bar: BarResult | PublicBar) -> Change:
    needed = bar.n_needed if isinstance(bar, BarResult) else None
    return Change(
        measurement=bar.measurement,
        verdict=bar.verdict,
        wanted=wanted(bar),
        found=show(bar.value),
        distance=bar.distance,
        n=bar.value.n if isinstance(bar.value, Bound) else None,
        n_needed=needed,
        advice=_advice(bar, needed),
    )


def wanted(bar: BarResult | PublicBar) -> str:
    """A bar in a few characters, such as `>= 0.8`."""
    words = ", ".join(bar.bar) if isinstance(bar.bar, tuple) else f"{bar.bar:g}"
    return f"{SIGN[bar.direction]} {words}"


def show(value: Measurement | None) -> str:
    """A measurement in a few characters."""
    match value:
        case Bound():
            return f"{value.point:.3f} [{value.lower:.3f}, {value.upper:.3f}]"
        case Exact(value=str(word)):
            return word
        case Exact(value=number):
            return f"{number:.6g}"
    return "nothing"


def _advice(bar: BarResult | PublicBar, needed: int | None) -> str:
    end = {"at_least": "lower end", "at_most": "upper end"}.get(bar.direction, "value")
    if bar.value is None or bar.verdict is Verdict.NOT_RUN:
        return "measure it, and hand in evidence that verifies"
    if bar.verdict is Verdict.INSUFFICIENT and bar.distance is not None and bar.distance >= 0:
        rows = "more rows" if needed is None else f"at least {needed:,} rows"
        return f"the {end} clears the bar, on too few rows to be read: bring {rows}"
    if needed is not None and _is_against(bar):
        return f"{needed:,} rows like these would settle it against the model: change the model"
    if needed is not None:
        return f"bring {needed:,} rows like these: then the {end} clears the bar at this point"
    if bar.verdict is Verdict.INSUFFICIENT:
        return f"these rows cannot tell: bring more, or a model whose {end} clears the bar"
    if isinstance(bar.value, Exact):
        return "declare or produce another value; more rows change nothing"
    return "more rows of the same change nothing: change the model or the data"


def _is_against(bar: BarResult | PublicBar) -> bool:
    match bar.value, bar.bar, bar.direction:
        case Bound() as bound, float() as limit, ("at_least" | "at_most") as direction:
            return is_against(bound, limit, direction)
    return False
