"""Utility: how well the candidate ranks and decides unseen rows."""

from __future__ import annotations

from assay.evidence.values import Measurement
from assay.measures.auc import area_under_curve
from assay.measures.bounds import balanced_accuracy
from assay.measures.mcc import matthews
from assay.measures.predictions import correct_by_label, read_predictions
from assay.measures.request import Request, Tables


def measure(tables: Tables, request: Request) -> dict[str, Measurement]:
    """AUC, balanced accuracy, and MCC (reported, no bar speaks of it), from `predictions`."""
    columns = read_predictions(tables)
    label, alpha = columns["label"], request.alpha
    positive, negative = correct_by_label(label, columns["predicted"])
    return {
        "auc": area_under_curve(columns["score"], label, alpha),
        "balanced_accuracy": balanced_accuracy(positive, negative, alpha),
        "mcc": matthews(positive, negative, alpha),
    }
