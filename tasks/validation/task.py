"""The door of data validation."""

from __future__ import annotations

import time

from assay.evidence.artifacts import Splits
from assay.evidence.statement import Evidence
from assay.home import find_home
from assay.measures import read_outcomes
from assay.policy.rules import load_policy
from assay.spec import PipelineSpec
from tasks.door import door, report
from tasks.validation.report import write_report
from tasks.validation.suite import load_suite
from tasks.validation.validate import validate


@door("validate data")
def validate_data(spec: PipelineSpec) -> tuple[Splits, Evidence]:
    """Three sealed data sets, and evidence of their quality."""
    home = find_home()
    rules = load_policy(home.policy).model(spec.model)
    return validate(spec, rules, home, int(time.time()), report)


@door("report validation")
def report_quality(spec: PipelineSpec, quality: Evidence) -> str:
    """Every expectation with its counts, as markdown without a value."""
    digest = quality.materials["outcomes:expectations"]
    expectations = read_outcomes(find_home().sealed_outcomes, digest)
    return write_report(load_suite(spec.resolve(spec.data.suite)), expectations)
