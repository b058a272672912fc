"""Stress: what edge cases and broken inputs do to the candidate's decisions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.errors import EvidenceError
from assay.evidence.values import Bound, Measurement
from assay.measures.bounds import Proportion, balanced_accuracy, highest, lowest, weighted_sum
from assay.measures.predictions import correct_by_label, read_predictions
from assay.measures.request import Request, Tables
from assay.measures.tables import locate, read_table

GATED_SEVERITY = 3  # harder ones are run and shown when they are asked, and gate nothing


class _Case(NamedTuple):
    """One corruption at one severity against the same rows clean, (n,) each."""

    label: NDArray[Any]
    clean: NDArray[Any]
    stressed: NDArray[Any]


def measure(tables: Tables, request: Request) -> dict[str, Measurement]:
    """The worst balanced accuracy, and the worst drop of it, over all corruptions up to severity 3.

    From `predictions` and `stress`. A drop is paired: rows that turn wrong minus rows that turn
    right, within each label.
    """
    cases = _read_cases(tables, request)
    return {
        "worst_balanced_accuracy": lowest(
            lambda alpha: [_accuracy(case, alpha) for case in cases], request.alpha
        ),
        "worst_drop": highest(lambda alpha: [_drop(case, alpha) for case in cases], request.alpha),
    }


def _accuracy(case: _Case, alpha: float) -> Bound:
    return balanced_accuracy(*correct_by_label(case.label, case.stressed), alpha)


def _drop(case: _Case, alpha: float) -> Bound:
    terms = []
    for of in (1, 0):
        mine = case.label == of
        was, now = case.clean[mine] == of, case.stressed[mine] == of
        terms += [
            Proportion(int((was & ~now).sum()), len(was), 0.5),
            Proportion(int((now & ~was).sum()), len(was), -0.5),
        ]
    return weighted_sum(terms, alpha, len(case.label), "paired balanced clopper-pearson")


def _read_cases(tables: Tables, request: Request) -> list[_Case]:
    """Every corruption that was asked at every severity that was asked and gates.

    Raises:
        EvidenceError: `malformed` unless the lines are exactly every predicted row at every
            corruption and severity that was asked, with the same label.
    """
    predictions, lines = read_predictions(tables), read_table("stress", tables)
    label, clean = predictions["label"], predictions["predicted"]
    row = locate("stress", lines["row"], predictions["row"])
    corruptions, severities = request.listed("corruptions", str), request.listed("severities", int)
    asked = [(name, severity) for name in corruptions for severity in severities]
    if len(row) != len(asked) * len(label) or not np.array_equal(lines["label"], label[row]):
        raise _malformed()
    cases = []
    for name, severity in asked:
        mine = (lines["corruption"] == name) & (lines["severity"] == severity)
        if mine.sum() != len(label):
            raise _malformed()
        stressed = np.empty_like(clean)
        stressed[row[mine]] = lines["predicted"][mine]
        if severity <= GATED_SEVERITY:
            cases.append(_Case(label, clean, stressed))
    if not cases:
        raise EvidenceError("malformed", f"expected severities of at most {GATED_SEVERITY}")
    return cases


def _malformed() -> EvidenceError:
    return EvidenceError(
        "malformed", "expected every predicted row at every corruption and severity, as asked"
    )
