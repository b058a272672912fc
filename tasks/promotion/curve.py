"""The training curve as a picture."""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

COLOURS = {"fitted": "#1f4e79", "selection": "#c55a11"}


def draw_curve(fitted: Sequence[float], selection: Sequence[float], best: int) -> bytes:
    """Loss by epoch on fitted and selection rows of the release, and the epoch that was kept.

    The same numbers give the same bytes.

    Args:
        fitted: One loss an epoch.
        selection: As many.
        best: Index of the epoch whose weights were kept.

    Returns:
        A PNG.
    """
    figure = Figure(figsize=(6, 3.2), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    epochs = range(1, len(fitted) + 1)
    for name, losses in (("fitted", fitted), ("selection", selection)):
        axes.plot(epochs, losses, color=COLOURS[name], label=name, marker=".")
    axes.axvline(best + 1, color="0.6", linestyle=":", label="kept")
    axes.set(xlabel="epoch", ylabel="weighted cross-entropy")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    picture = io.BytesIO()
    FigureCanvasAgg(figure).print_png(picture, metadata={"Software": None})
    return picture.getvalue()
