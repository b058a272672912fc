"""The development report is Fairlearn's, with bounds, and tells of groups and never of rows."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate

from assay.errors import EvidenceError
from assay.measures import clopper_pearson, read_outcomes
from tasks.evaluation import evaluate_fairness
from tasks.evaluation.report import GroupRow, development_report
from tests.tasks.evaluation.conftest import COUNTS, Lender


def report(lender: Lender) -> tuple[GroupRow, ...]:
    evidence = lender.evaluate(evaluate_fairness)
    return development_report(evidence, lender.rules, lender.home, lender.alpha)


def test_the_rates_are_fairlearns(lender: Lender) -> None:
    digest = lender.evaluate(evaluate_fairness).materials["development:predictions"]
    table = read_outcomes(lender.home.sealed_outcomes, digest).to_pandas()
    metrics = {
        "approved": selection_rate,
        "granted": true_positive_rate,
        "excused": false_positive_rate,
    }
    both = table["group:SEX"] + "*" + table["group:AGE"]
    frame = MetricFrame(
        metrics=metrics,
        y_true=table["label"] == 0,
        y_pred=table["predicted"] == 0,
        sensitive_features=both,
    )
    rows = [row for row in report(lender) if row.comparison == "SEX*AGE"]
    assert {row.group for row in rows} == set(np.unique(both))
    for row in rows:
        for name in metrics:
            bound = getattr(row, name)
            assert bound.point == pytest.approx(frame.by_group.loc[row.group, name], abs=1e-12)
            assert bound.lower <= bound.point <= bound.upper


def test_every_comparison_counts_every_development_row(lender: Lender) -> None:
    rows = report(lender)
    for comparison in ("SEX", "AGE", "SEX*AGE"):
        assert sum(row.n for row in rows if row.comparison == comparison) == COUNTS["development"]
    assert all(row.approved.n == row.n for row in rows)
    assert all(
        row.approved == clopper_pearson(round(row.approved.point * row.n), row.n, 0.01)
        for row in rows
    )


def test_no_row_is_told(lender: Lender) -> None:
    keys = set(lender.sitting().rows(lender.splits.development)["row"])
    told = str([asdict(row) for row in report(lender)])
    assert not any(key in told for key in keys)


def test_refuses_evidence_that_names_no_predictions(lender: Lender) -> None:
    evidence = lender.evaluate(evaluate_fairness)
    for materials, code in (
        ({}, "missing"),
        ({"development:predictions": "sha256:" + "0" * 64}, "outcomes_missing"),
    ):
        with pytest.raises(EvidenceError) as refused:
            bare = replace(evidence, materials=materials)
            development_report(bare, lender.rules, lender.home, lender.alpha)
        assert refused.value.code == code
