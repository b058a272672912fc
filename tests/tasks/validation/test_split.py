"""What belongs together stays together, by a key that nobody outside of the home has."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.spec import Shares
from tasks.validation.split import PARTS, name_units, place_units, row_ids, unit_ids

KEY, OTHER = b"k" * 32, b"o" * 32
SHARES = Shares(train=0.5, development=0.1, holdout=0.4)
TABLES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.integers(0, 2)), min_size=1)


def frame(x: list[int], y: list[float] | None = None) -> pd.DataFrame:
    return pd.DataFrame({"x": x, "y": y if y is not None else [0.0] * len(x)})


@pytest.mark.parametrize(
    ("persons", "x", "groups"),
    [
        # Each for himself; equal rows; one person twice; a chain of both.
        ([1, 2, 3], [1, 2, 3], [{0}, {1}, {2}]),
        ([1, 2, 3], [1, 1, 3], [{0, 1}, {2}]),
        ([1, 1, 3], [1, 2, 3], [{0, 1}, {2}]),
        ([1, 1, 2, 2, 5], [1, 2, 2, 3, 5], [{0, 1, 2, 3}, {4}]),
        (None, [1, 1, 3], [{0, 1}, {2}]),
    ],
)
def test_units_join_persons_and_equal_rows(
    persons: list[int] | None, x: list[int], groups: list[set[int]]
) -> None:
    names = name_units(frame(x), None if persons is None else pd.Series(persons))
    found = [set(rows.index) for _, rows in names.groupby(names, sort=False)]
    assert found == groups


def test_nulls_are_equal_to_nulls_only() -> None:
    rows = frame([1, 1, 1], [np.nan, np.nan, 0.0])
    assert name_units(rows, None).nunique() == 2


def test_one_and_the_text_one_are_two_persons() -> None:
    names = name_units(frame([1, 2, 3]), pd.Series([1, "1", '"1"'], dtype=object))
    assert names.nunique() == 3


@given(TABLES)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_unit_and_no_equal_rows_are_ever_in_two_parts(table: list[tuple[int, ...]]) -> None:
    rows = pd.DataFrame(table, columns=["person", "x", "y"])
    units = unit_ids(name_units(rows[["x", "y"]], rows["person"]), KEY)
    parts = place_units(units, KEY, SHARES)
    assert parts.groupby(rows["person"]).nunique().max() == 1
    assert parts.groupby([rows["x"], rows["y"]]).nunique().max() == 1
    assert row_ids(units, KEY).is_unique


@given(TABLES, st.randoms())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_order_of_a_file_moves_nobody(table: list[tuple[int, ...]], shuffle: object) -> None:
    rows = pd.DataFrame(table, columns=["person", "x", "y"])
    order = list(range(len(rows)))
    shuffle.shuffle(order)  # type: ignore[attr-defined]
    told = {}
    for turned in (rows, rows.iloc[order].reset_index(drop=True)):
        units = unit_ids(name_units(turned[["x", "y"]], turned["person"]), KEY)
        parts = place_units(units, KEY, SHARES)
        told[len(told)] = sorted(zip(turned["person"], units, parts, strict=True))
    assert told[0] == told[1]


def test_a_further_person_moves_nobody() -> None:
    rows = frame(list(range(500)))
    persons = pd.Series(range(500))
    before = place_units(unit_ids(name_units(rows, persons), KEY), KEY, SHARES)
    rows = frame(list(range(501)))
    after = place_units(unit_ids(name_units(rows, pd.Series(range(501))), KEY), KEY, SHARES)
    assert (before == after[:500]).all()


def test_shares_are_met_and_the_key_decides() -> None:
    units = unit_ids(name_units(frame(list(range(20_000))), None), KEY)
    parts = place_units(units, KEY, SHARES)
    shares = parts.value_counts(normalize=True)
    assert [round(shares[part], 2) for part in PARTS] == [0.5, 0.1, 0.4]
    assert (place_units(units, OTHER, SHARES) != parts).mean() > 0.5


def test_ids_are_keyed_and_tell_nothing() -> None:
    names = name_units(frame([1, 2]), pd.Series(["maria", "jan"]))
    one, other = unit_ids(names, KEY), unit_ids(names, OTHER)
    assert not set(one) & set(other)
    rows = row_ids(one, KEY)
    assert not set(one) & set(rows)
    for ids in (one, rows):
        assert all(len(text) == 32 and set(text) <= set("0123456789abcdef") for text in ids)


@pytest.mark.parametrize("cell", [2**60, float("inf"), pd.Timestamp("2020-01-01"), b"x", True])
def test_any_cell_of_the_source_names_a_row(cell: object) -> None:
    rows = frame([1, 1])
    source = rows.assign(other=pd.Series([cell, None], dtype=object))
    names = name_units(rows, None, source)
    assert names.nunique() == 1  # equal as declared: one unit still
    apart = name_units(frame([1, 2]), None, source.assign(x=[1, 1]))
    assert apart.nunique() == 2
