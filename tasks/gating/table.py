"""A public decision as lines of text and as rows; every number is from the development rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from assay.evidence.decision import Verdict
from assay.evidence.public import PublicBar, PublicDecision, PublicGate
from assay.evidence.values import Bound, Measurement

SIGN = {"at_least": "≥", "at_most": "≤", "one_of": "one of"}
COLUMNS = ("gate", "measurement", "on development rows", "n", "bar", "distance", "verdict there")


def rows(decision: PublicDecision) -> Iterator[dict[str, str]]:
    """A row for each bar of each gate, column -> text."""
    for gate in decision.gates.values():
        for bar in gate.bars:
            cells = (gate.gate, bar.measurement, *_shown(bar.value), _asked(bar), _distance(bar))
            yield dict(zip(COLUMNS, (*cells, bar.fault or bar.verdict.value), strict=True))


def markdown(lines: Iterator[Mapping[str, str]]) -> Iterator[str]:
    """The rows as a markdown table."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{'---|' * len(COLUMNS)}"
    for line in lines:
        yield f"| {' | '.join(line[column].replace('|', '/') for column in COLUMNS)} |"


def shortfalls(gate: PublicGate) -> str:
    """What the development rows do not show of a gate, as one line."""
    missing = [
        f"{bar.measurement} {_shown(bar.value)[0]}, bar {_asked(bar)}: {bar.fault or bar.verdict}"
        for bar in gate.bars
        if bar.verdict is not Verdict.PASS
    ]
    return "; ".join(missing) or gate.fault or "every bar passes"


def _asked(bar: PublicBar) -> str:
    wanted = ", ".join(bar.bar) if isinstance(bar.bar, tuple) else f"{bar.bar:g}"
    return f"{SIGN[bar.direction]} {wanted}"


def _distance(bar: PublicBar) -> str:
    return "" if bar.distance is None else f"{bar.distance:+.3g}"


def _shown(value: Measurement | None) -> tuple[str, str]:
    """A measurement with its bounds, and how many rows it rests on."""
    match value:
        case None:
            return "not measured there", ""
        case Bound():
            return f"{value.point:.3f} [{value.lower:.3f}, {value.upper:.3f}]", f"{value.n:,}"
        case _:
            return value.value if isinstance(value.value, str) else f"{value.value:g}", "exact"
