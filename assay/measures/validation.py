"""Validation: what the expectations and the split left behind, counted and not estimated."""

from __future__ import annotations

import numpy as np

from assay.errors import EvidenceError
from assay.evidence.values import Exact, Measurement
from assay.measures.request import Request, Tables
from assay.measures.tables import read_table


def measure(tables: Tables, request: Request) -> dict[str, Measurement]:
    """Failed expectations, units in more than one part, and the share of rows set aside.

    From `expectations` and `split`.
    """
    return {
        "failed_expectations": Exact(_failed(tables, request), request.source("expectations")),
        "split_overlap": Exact(_overlap(tables), request.source("split")),
        "quarantined_share": Exact(_quarantined(tables), request.source("split")),
    }


def _failed(tables: Tables, request: Request) -> int:
    """Expectations without success; one that saw nothing but nulls counts as failed."""
    columns = read_table("expectations", tables)
    lines = len(columns["index"])
    # The declared count is a stranger's number: it is compared, and nothing is built of it.
    if lines != request.asked("expectations", int) or {*columns["index"]} != {*range(lines)}:
        raise EvidenceError("malformed", "expected one line for each declared expectation")
    elements, missing = columns["element_count"], columns["missing_count"]
    vacuous = (elements > 0) & (missing >= elements)
    return int((~columns["success"] | vacuous).sum())


def _overlap(tables: Tables) -> int:
    """Units with rows in more than one of train, development and holdout."""
    columns = read_table("split", tables)
    kept = columns["part"] != "quarantine"
    if len(np.unique(columns["part"][kept])) != 3:
        raise EvidenceError("no_rows", "expected rows in train, development and holdout")
    pairs = {*zip(columns["unit"][kept], columns["part"][kept], strict=True)}
    return len(pairs) - len({unit for unit, _ in pairs})


def _quarantined(tables: Tables) -> float:
    part = read_table("split", tables)["part"]
    return float((part == "quarantine").mean())
