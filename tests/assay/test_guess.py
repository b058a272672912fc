"""A column's draft: round, ascending, containing what it was drafted from; or a reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from assay.guess import guess, is_identifier, round_edges, told_share
from assay.spec import Column

FINITE = st.floats(-1e12, 1e12, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-6)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FINITE, FINITE, FINITE)
def test_edges_are_round_ascend_and_contain_the_range(a: float, b: float, typical: float) -> None:
    lowest, highest = min(a, b), max(a, b)
    assume(highest - lowest > 1e-9 * max(abs(a), abs(b)))
    edges = round_edges(lowest, highest, abs(typical))
    assert list(edges) == sorted(set(edges))
    assert edges[0] <= lowest
    assert edges[-1] >= highest
    assert 2 <= len(edges) <= 40


@pytest.mark.parametrize(
    ("lowest", "highest", "typical", "edges"),
    [
        (0, 1, 0.5, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]),
        (21, 79, 34, [20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80]),
        (10_000, 990_000, 140_000, [10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000]),
        (0, 90_000, 210, [0, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 100_000]),
        (
            -3,
            900,
            2,
            [-5, -2, -1, -0.5, -0.2, -0.1, 0, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000],
        ),
    ],
)
def test_edges_are_those_that_a_person_would_write(
    lowest: float, highest: float, typical: float, edges: list[float]
) -> None:
    assert list(round_edges(lowest, highest, typical)) == edges


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        ([0, 1] * 50, "category", (0, 1)),
        ([0.0, 1.0] * 50, "category", (0, 1)),
        ([-2, -1, 0, 3] * 50, "ordinal", (-2, -1, 0, 1, 2, 3)),
        (["b", "a"] * 50, "category", ("a", "b")),
        (["NO", "SE"] * 50, "category", ("NO", "SE")),
        (["a", "b"] * 1500 + ["c", "d"], "category", ("a", "b", "other")),
        (["a", "b"] * 1500 + ["c", "other"], "category", ("a", "b", "other")),
        (["a"] * 1500 + ["other"], "category", ("a", "other")),
    ],
)
def test_levels_are_all_levels(cells: list[Any], kind: str, values: tuple[Any, ...]) -> None:
    found = guess(pd.Series(cells), audit=False)
    assert isinstance(found, Column)
    assert (found.kind, found.values, found.nulls, found.use) == (kind, values, False, "feature")
    assert set(pd.unique(pd.Series(cells))) <= {*found.values, *found.merge}


def test_whole_numbers_have_whole_edges() -> None:
    found = guess(pd.Series([0, 1, 1, 1, 666] * 20), audit=False)
    assert isinstance(found, Column)
    assert found.edges == (0, 1, 2, 5, 10, 20, 50, 100, 1000)


RNG = np.random.default_rng(8)
LABEL = pd.Series([0] * 800 + [1] * 200)


@pytest.mark.parametrize(
    ("cells", "lowest", "highest"),
    [
        ([0] * 800 + [1] * 200, 1, 1),
        ([0.0] * 800 + [*(30 + RNG.random(200))], 0.95, 1),
        ([None] * 800 + [7.0] * 200, 1, 1),
        ([*range(1000)], 0.9, 1),
        (["n"] * 800 + ["y"] * 180 + ["n"] * 20, 0.89, 0.91),
        ([*RNG.random(1000)], 0, 0.1),
        ([*RNG.integers(0, 5, 1000)], 0, 0),
        ([f"person {k}" for k in range(1000)], 0, 0),
        ([7] * 1000, 0, 0),
    ],
)
def test_a_column_tells_what_its_values_guess_right(
    cells: list[Any], lowest: float, highest: float
) -> None:
    assert lowest <= told_share(pd.Series(cells), LABEL) <= highest
    assert lowest <= told_share(pd.Series(cells), 1 - LABEL) <= highest


def test_one_label_only_tells_nothing() -> None:
    assert told_share(pd.Series([0, 1] * 50), pd.Series([1] * 100)) == 0


def test_a_number_is_whole_or_not_and_nulls_are_declared() -> None:
    rng = np.random.default_rng(0)
    whole = guess(pd.Series(rng.integers(0, 5000, 500)), audit=True)
    part = guess(pd.Series([*rng.random(500), None]), audit=False)
    assert isinstance(whole, Column)
    assert isinstance(part, Column)
    assert (whole.kind, whole.integer, whole.nulls, whole.use) == ("number", True, False, "audit")
    assert (part.kind, part.integer, part.nulls, part.use) == ("number", False, True, "feature")


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (pd.Series([None, None], dtype=float), "holds nothing"),
        (pd.Series([7] * 50), "one value only"),
        (pd.Series([7.0, None] * 50), "one value only"),
        (pd.Series([True, False] * 50), "truth values"),
        (pd.Series([0.5, np.inf, 1.0]), "infinity"),
        (pd.Series(pd.date_range("2020-01-01", periods=50)), "neither number nor text"),
        (pd.Series([b"x", b"y"]), "neither number nor text"),
        (pd.Series([f"word {k % 40}" for k in range(200)]), "40 different texts"),
        (pd.Series(["x" * 200, "y"] * 50), "long"),
        (pd.Series(["a\nb", "y"] * 50), "no plain text"),
        (pd.Series([1e15 + k for k in range(0, 60, 2)]), "last digits"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_declared_has_a_reason(cells: pd.Series, reason: str) -> None:
    found = guess(cells, audit=False)
    assert isinstance(found, str)
    assert reason in found


@pytest.mark.parametrize(
    ("name", "cells", "is_id"),
    [
        ("ID", [3, 1, 2], True),
        ("customer_id", [3, 1, 2], True),
        ("customer_id", [3, 1, 1], False),
        ("customer_id", [3.0, 1.0, None], False),
        ("income", [3, 1, 2], False),
        ("paid", [3, 1, 2], False),
        ("income_id", [3.5, 1.5, 2.5], False),
        ("name", ["x", "y", "z"], True),
    ],
)
def test_an_identifier_is_unique_and_called_or_written_like_one(
    name: str, cells: list[Any], is_id: bool
) -> None:
    assert is_identifier(name, pd.Series(cells)) is is_id
