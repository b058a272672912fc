"""How far each bar is from what the development rows show, as one picture."""

from __future__ import annotations

import io

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from assay.evidence.decision import Verdict
from assay.evidence.public import PublicBar, PublicDecision
from assay.evidence.values import Bound

COLOURS = {
    Verdict.PASS: "#2e7d32",
    Verdict.INSUFFICIENT: "#b58900",
    Verdict.FAIL: "#b71c1c",
    Verdict.NOT_RUN: "#777777",
}


def draw_gates(decision: PublicDecision) -> bytes | None:
    """Each bound as a line around its bar; right of zero is the side that passes.

    The same decision gives the same bytes.

    Returns:
        A PNG; None when there is no bound to draw.
    """
    bars = [(g.gate, b, b.value) for g in decision.gates.values() for b in g.bars]
    drawn = [(gate, b, value) for gate, b, value in bars if isinstance(value, Bound)]
    if not drawn:
        return None
    figure = Figure(figsize=(7.5, 0.6 + 0.24 * len(drawn)), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    for place, (_, bar, value) in enumerate(drawn):
        ends = [_beyond(bar, end) for end in (value.lower, value.point, value.upper)]
        colour = COLOURS[bar.verdict]
        axes.plot([ends[0], ends[2]], [place, place], color=colour, linewidth=2)
        axes.plot(ends[1], place, color=colour, marker="o", markersize=4)
    axes.axvline(0, color="0.3", linewidth=1)
    names = [f"{gate}: {bar.measurement}" for gate, bar, _ in drawn]
    axes.set_yticks(range(len(drawn)), names, fontsize=8)
    axes.set_xlabel("distance from the bar on the development rows; right of the line passes")
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    picture = io.BytesIO()
    FigureCanvasAgg(figure).print_png(picture, metadata={"Software": None})
    return picture.getvalue()


def _beyond(bar: PublicBar, end: float) -> float:
    """How far a number is on the side that passes."""
    assert isinstance(bar.bar, float)
    return end - bar.bar if bar.direction == "at_least" else bar.bar - end
