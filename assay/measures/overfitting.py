"""Overfitting: what the candidate knows of the rows it was fitted on beyond their like."""

from __future__ import annotations

from assay.evidence.values import Bound, Measurement
from assay.measures.bounds import balanced_accuracy
from assay.measures.predictions import correct_by_label, require_both_labels
from assay.measures.request import Request, Tables
from assay.measures.tables import read_table


def measure(tables: Tables, request: Request) -> dict[str, Measurement]:
    """Balanced accuracy on the fitted rows, a plain fact, minus the bound on those held out.

    Both are rows of the same release, so the step from synthetic to real rows is not in it. Rows
    that chose the epoch or the cut-off are in neither. From `fit`; n is the number held out.
    """
    columns = read_table("fit", tables)
    part, label, predicted = columns["part"], columns["label"], columns["predicted"]
    for name in ("fitted", "held_out"):
        require_both_labels(label[part == name])
    fitted, held_out = (
        balanced_accuracy(
            *correct_by_label(label[part == name], predicted[part == name]), request.alpha
        )
        for name in ("fitted", "held_out")
    )
    gap = Bound(
        point=fitted.point - held_out.point,
        lower=fitted.point - held_out.upper,
        upper=fitted.point - held_out.lower,
        alpha=request.alpha,
        n=held_out.n,
        method=f"exact minus {held_out.method}",
    )
    return {"balanced_accuracy_gap": gap}
