"""What a suite has to say about a declared table before it may vouch for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assay.errors import InputError
from assay.spec import Column, PipelineSpec
from tasks.validation.suite import Declared, Suite

ROWS = "expect_table_row_count_to_be_between"
COLUMNS = "expect_table_columns_to_match_set"
BLOCK = "expect_one_hot_columns_to_mark_one_level"
BETWEEN = "expect_column_values_to_be_between"
IN_SET = "expect_column_values_to_be_in_set"
NOT_NULL = "expect_column_values_to_not_be_null"
NULL_BUDGET = "expect_column_proportion_of_non_null_values_to_be_between"
TYPES = (
    "expect_column_values_to_be_of_type",
    "expect_column_values_to_be_in_type_list",
    "expect_column_type_to_be",
)


def require_cover(suite: Suite, spec: PipelineSpec, file: Path) -> None:
    """Rows, columns, and of each used column its type, its nulls and its range or levels.

    Without a type, True is the number 1. Without a rule on nulls, a column of nothing but nulls
    is within any range. With one bound only, infinity is within it.

    Raises:
        InputError: `bad_suite`, with what is missing.
    """
    missing = [*_table(suite), *_columns(suite, spec)]
    if missing:
        more = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
        raise InputError("bad_suite", f"{file}: expected {'; '.join(missing[:10])}{more}")


def _table(suite: Suite) -> Iterator[str]:
    floors = [d.kwargs["min_value"] for d in suite.declared if d.type == ROWS and d.everywhere]
    if not any(floor >= 1 for floor in floors):
        yield f"{ROWS} with a min_value of at least 1"
    if not any(d.type == COLUMNS for d in suite.declared):
        yield COLUMNS


def _columns(suite: Suite, spec: PipelineSpec) -> Iterator[str]:
    data = spec.data
    for name, column in data.columns.items():
        if column.one_hot:
            yield from _block(suite, name, column)
            continue
        yield from _basics(suite, name, nulls=column.nulls)
        if column.kind == "number":
            if not _said(suite, name, BETWEEN):
                yield f"{BETWEEN} of {name}"
        else:
            yield from _levels(suite, name, {*column.values, *column.merge})
    yield from _basics(suite, data.label, nulls=False)
    yield from _levels(suite, data.label, {0, 1})
    if data.unit is not None:
        yield from _basics(suite, data.unit, nulls=False)


def _basics(suite: Suite, name: str, *, nulls: bool) -> Iterator[str]:
    if not any(_said(suite, name, kind) for kind in TYPES):
        yield f"a type of {name} ({TYPES[1]})"
    allowed = (NOT_NULL, NULL_BUDGET) if nulls else (NOT_NULL,)
    if not any(_said(suite, name, kind) for kind in allowed):
        yield f"{' or '.join(allowed)} of {name}"
    if any(said.kwargs["min_value"] <= 0 for said in _said(suite, name, NULL_BUDGET)):
        yield f"{NULL_BUDGET} of {name} with a min_value above 0"


def _levels(suite: Suite, name: str, known: set[Any]) -> Iterator[str]:
    said = _said(suite, name, IN_SET)
    if not any(set(one.kwargs["value_set"]) <= known for one in said):
        yield f"{IN_SET} of {name} among the levels that the pipeline declares"


def _block(suite: Suite, name: str, column: Column) -> Iterator[str]:
    blocks = [set(d.about) for d in suite.declared if d.type == BLOCK and d.everywhere]
    if set(column.one_hot) not in blocks:
        yield f"{BLOCK} of the columns that make {name}"


def _said(suite: Suite, name: str, kind: str) -> list[Declared]:
    return [d for d in suite.declared if d.type == kind and d.about == (name,) and d.everywhere]
