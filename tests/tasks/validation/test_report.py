"""The report tells every expectation and no value of a row."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import EvidenceError
from assay.measures import read_outcomes
from tasks.validation.report import write_report
from tasks.validation.suite import load_suite
from tests.tasks.validation.loans import ROWS, SUITE, lay_out, table


def test_each_expectation_is_a_line_with_its_counts(tmp_path: Path) -> None:
    case = lay_out(tmp_path, table())
    _, evidence = case.run()
    outcomes = read_outcomes(case.home.sealed_outcomes, evidence.materials["outcomes:expectations"])
    suite = load_suite(case.spec.resolve("loans.json"))
    report = write_report(suite, outcomes)
    assert len(report.splitlines()) == len(SUITE) + 2
    line = next(line for line in report.splitlines() if "min_value 0, max_value 90000" in line)
    assert line == (
        "| column_values_to_be_between | income | min_value 0, max_value 90000, mostly 0.99 "
        f"| {ROWS} | 0 | 0 | yes |"
    )
    assert "column_set 11 of them" in report
    assert "P0" not in report


def test_a_table_of_another_suite_is_refused(tmp_path: Path) -> None:
    case = lay_out(tmp_path, table())
    _, evidence = case.run()
    outcomes = read_outcomes(case.home.sealed_outcomes, evidence.materials["outcomes:expectations"])
    lay_out(tmp_path, table(), suite=SUITE[:-1])
    with pytest.raises(EvidenceError, match="malformed"):
        write_report(load_suite(tmp_path / "loans.json"), outcomes)
