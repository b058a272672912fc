"""Our own expectations: what each takes for true, and what not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.validation.suite import Declared
from tasks.validation.verdict import failing_rows, judge

ROW_LEVEL = {"one_hot_columns_to_mark_one_level", "column_pair_ratio_to_be_between"}


def declare(kind: str, **kwargs: Any) -> Declared:
    return Declared(f"expect_{kind}", kwargs, kind in ROW_LEVEL)


@pytest.mark.parametrize(
    ("x", "y", "broken"),
    [
        ([1, 0, 0], [0, 1, 1], []),
        ([1, 0, 1], [0, 0, 1], [1, 2]),
        ([2, 0, 1], [-1, 1, 0], [0]),
        ([0.5, 0.0, 1.0], [0.5, 1.0, 0.0], [0]),
        ([1.0, np.nan, 0.0], [0.0, 1.0, 1.0], [1]),
        ([np.nan, 1.0, 0.0], [np.nan, 0.0, 1.0], [0]),
        ([True, False, False], [False, True, True], [0, 1, 2]),
    ],
)
def test_one_hot_marks_exactly_one_level(x: list[Any], y: list[Any], broken: list[int]) -> None:
    frame = pd.DataFrame({"x": x, "y": y})
    kind = declare("one_hot_columns_to_mark_one_level", column_list=["x", "y"])
    (outcome,) = judge(frame, [kind])
    assert (outcome.success, outcome.unexpected_count) == (not broken, len(broken))
    assert failing_rows(frame, [kind]).nonzero()[0].tolist() == broken


@pytest.mark.parametrize(
    ("a", "b", "broken"),
    [
        ([1, 2, 3], [1, 1, 1], []),
        ([1, 2, 4], [1, 1, 1], [2]),
        ([0, 2, 3], [1, 1, 1], [0]),
        ([1, 1, 1], [1, 0, -1], [1, 2]),
        ([1.0, np.nan, 1.0], [1.0, 1.0, np.nan], [1, 2]),
        ([np.nan, 1.0, 1.0], [np.nan, 1.0, 1.0], [0]),
        ([np.inf, 1.0, 1.0], [1.0, 1.0, np.inf], [0, 2]),
    ],
)
def test_a_ratio_needs_both_numbers_and_a_positive_denominator(
    a: list[float], b: list[float], broken: list[int]
) -> None:
    frame = pd.DataFrame({"a": a, "b": b})
    kind = declare(
        "column_pair_ratio_to_be_between", column_A="a", column_B="b", min_value=1, max_value=3
    )
    (outcome,) = judge(frame, [kind])
    assert (outcome.success, outcome.unexpected_count) == (not broken, len(broken))
    assert failing_rows(frame, [kind]).nonzero()[0].tolist() == broken


@pytest.mark.parametrize(
    ("levels", "least", "holds"),
    [([0, 1], 1, True), ([0, 1], 2, False), ([0], 3, True), ([0, 2], 1, False)],
)
def test_every_group_has_rows(levels: list[int], least: int, holds: bool) -> None:
    frame = pd.DataFrame({"g": [0, 0, 0, 1, np.nan]})
    kind = declare("groups_to_have_rows", column="g", levels=levels, min_rows=least)
    assert judge(frame, [kind])[0].success is holds


@pytest.mark.parametrize(
    ("kwargs", "holds"),
    [
        ({"ignore": ["id"], "max_share": 0.5}, True),
        ({"ignore": ["id"], "max_share": 0.2}, False),
        ({"max_share": 0.0}, True),
        ({"ignore": ["none"], "max_share": 0.9}, False),
    ],
)
def test_repeats_are_counted_but_for_what_is_ignored(kwargs: dict[str, Any], holds: bool) -> None:
    frame = pd.DataFrame({"id": [1, 2, 3, 4], "x": [7.0, 7.0, np.nan, 8.0]})
    assert judge(frame, [declare("repeated_rows_to_be_rare", **kwargs)])[0].success is holds


def test_no_rows_repeat_nothing_and_prove_nothing() -> None:
    frame = pd.DataFrame({"x": [1.0]}).iloc[:0]
    assert not judge(frame, [declare("repeated_rows_to_be_rare", max_share=0.5)])[0].success


@pytest.mark.parametrize(
    ("kwargs", "holds"),
    [
        ({"ignore": ["copy"], "max_told": 0.5}, True),
        ({"max_told": 0.9}, False),
        ({"ignore": ["copy", "x"], "max_told": 0.5}, False),
        ({"ignore": ["copy", "none"], "max_told": 0.5}, False),
    ],
)
def test_no_column_tells_the_label(kwargs: dict[str, Any], holds: bool) -> None:
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 400)
    frame = pd.DataFrame({"y": y, "copy": 1 - y, "x": rng.random(400)})
    kind = declare("no_column_to_tell_the_label", label="y", **kwargs)
    assert judge(frame, [kind])[0].success is holds
