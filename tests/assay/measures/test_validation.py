"""Counts of the split and the expectations: what is not there is refused, never zero."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from assay.errors import EvidenceError
from assay.evidence.values import Exact
from assay.measures import MEASURES, build_table
from tests.assay.measures.rows import REQUEST, SOURCE, keys

PARTS = ["train"] * 5 + ["development"] * 2 + ["holdout"] * 2 + ["quarantine"]


def split(units: list[str] | None = None, parts: list[str] = PARTS) -> pa.Table:
    n = len(parts)
    columns = {"row": keys(n), "unit": units or keys(n), "part": parts, "label": [0] * n}
    return build_table("split", columns)


def expectations(success: list[bool], element: int = 10, missing: int = 0) -> pa.Table:
    n = len(success)
    return build_table(
        "expectations",
        {
            "index": range(n),
            "type": ["expect_column_to_exist"] * n,
            "success": success,
            "element_count": [element] * n,
            "missing_count": [missing] * n,
            "unexpected_count": [0] * n,
        },
    )


WHOLE = {"split": split(), "expectations": expectations([True, True, True])}


def measure(**tables: pa.Table) -> dict[str, Exact]:
    return MEASURES["validation"]({**WHOLE, **tables}, REQUEST)  # type: ignore[return-value]


def test_counts_and_names_their_source() -> None:
    assert measure() == {
        "failed_expectations": Exact(0, SOURCE),
        "split_overlap": Exact(0, SOURCE),
        "quarantined_share": Exact(0.1, SOURCE),
    }


def test_counts_failures() -> None:
    found = measure(expectations=expectations([True, False, False]))
    assert found["failed_expectations"].value == 2


@pytest.mark.parametrize(("element", "missing", "failed"), [(10, 10, 3), (10, 9, 0), (0, 0, 0)])
def test_an_expectation_that_saw_only_nulls_failed(element: int, missing: int, failed: int) -> None:
    table = expectations([True] * 3, element, missing)
    assert measure(expectations=table)["failed_expectations"].value == failed


def test_counts_units_in_several_parts() -> None:
    units = ["a", "a", "b", "c", "d", "a", "e", "b", "f", "c"]
    assert measure(split=split(units))["split_overlap"].value == 2


@pytest.mark.parametrize("n", [1, 2, 4])
def test_refuses_another_number_of_expectations(n: int) -> None:
    with pytest.raises(EvidenceError) as refused:
        measure(expectations=expectations([True] * n))
    assert refused.value.code == "malformed"


@pytest.mark.parametrize("part", ["train", "development", "holdout"])
def test_refuses_an_empty_part(part: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        measure(split=split(parts=[name for name in PARTS if name != part]))
    assert refused.value.code == "no_rows"


def test_refuses_an_unknown_part() -> None:
    table = split()
    other = table.set_column(2, "part", pa.array(["train"] * 9 + ["test"]))
    with pytest.raises(EvidenceError) as refused:
        measure(split=other)
    assert refused.value.code == "malformed"


@pytest.mark.parametrize("table", ["split", "expectations"])
def test_refuses_a_count_without_a_source(table: str) -> None:
    sources = {name: SOURCE for name in WHOLE if name != table}
    with pytest.raises(EvidenceError) as refused:
        MEASURES["validation"](WHOLE, replace(REQUEST, sources=sources))
    assert refused.value.code == "missing"


@pytest.mark.parametrize("declared", [None, True, "3", 3.0])
def test_refuses_an_unclear_number_of_expectations(declared: Any) -> None:
    with pytest.raises(EvidenceError) as refused:
        MEASURES["validation"](WHOLE, replace(REQUEST, config={"expectations": declared}))
    assert refused.value.code == "malformed"
