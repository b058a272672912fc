"""Every gated number as a pure function of an outcome file.

`MEASURES[kind](tables, request)` is called by the evaluator that reports a number, by the gate
that recomputes it, and by an auditor; numpy, scipy and pyarrow are all that it needs.
"""

from collections.abc import Mapping

from assay.measures import (
    fairness,
    membership,
    overfitting,
    privacy,
    robustness,
    stress,
    utility,
    validation,
)
from assay.measures.bounds import clopper_pearson
from assay.measures.outcomes import read_outcomes, read_rows, write_outcomes
from assay.measures.request import Measure, Request, Tables
from assay.measures.sizes import least_n, n_for_power, n_for_ratio, n_for_sum, n_needed
from assay.measures.tables import build_table, read_table
from assay.measures.zcdp import epsilon_of_rho, rho_of_epsilon

# Kind of evidence -> its measure. Training is absent: it states what it did and measures nothing.
MEASURES: Mapping[str, Measure] = {
    "validation": validation.measure,
    "privacy": privacy.measure,
    "utility": utility.measure,
    "overfitting": overfitting.measure,
    "robustness": robustness.measure,
    "stress": stress.measure,
    "fairness": fairness.measure,
    "membership": membership.measure,
}

__all__ = [
    "MEASURES",
    "Measure",
    "Request",
    "Tables",
    "build_table",
    "clopper_pearson",
    "epsilon_of_rho",
    "least_n",
    "n_for_power",
    "n_for_ratio",
    "n_for_sum",
    "n_needed",
    "read_outcomes",
    "read_rows",
    "read_table",
    "rho_of_epsilon",
    "write_outcomes",
]
