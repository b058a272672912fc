"""Rows go to declared bins and back into the same bins, and nothing is learnt on the way."""

import numpy as np
import pandas as pd
import pytest

from assay.errors import InputError
from assay.spec import Column
from tasks.anonymization.domain import LABEL, Domain

COLUMNS = {
    "paid": Column(kind="number", edges=(0, 1, 500, 1000), integer=True),
    "rate": Column(kind="number", edges=(0.5, 1.5, 20), nulls=True),
    "late": Column(kind="ordinal", values=(-1, 0, 2)),
    "rank": Column(kind="ordinal", values=(1, 2), nulls=True),
    "color": Column(kind="category", values=("red", "green"), nulls=True),
    "whole": Column(kind="number", edges=(0, 10, 20), integer=True, nulls=True),
    "bad": LABEL,
}
DOMAIN = Domain(COLUMNS)
ROWS = pd.DataFrame(
    {
        "paid": [0, 1, 499, 500, 1000, -5, 5000],
        "rate": [0.5, 1.5, 20.0, None, 1.0, 0.0, 99.0],
        "late": [-1, 0, 2, -1, 0, 2, 0],
        "rank": [1, 2, None, 1, 2, 1, None],
        "color": ["red", "green", None, "red", "red", "green", None],
        "whole": [0, 9, 10, 20, None, None, 3],
        "bad": [0, 1, 0, 1, 0, 1, 0],
    }
)
BINS = {
    "paid": [0, 1, 1, 2, 2, 0, 2],
    "rate": [0, 1, 1, 2, 0, 0, 1],
    "late": [0, 1, 2, 0, 1, 2, 1],
    "rank": [0, 1, 2, 0, 1, 0, 2],
    "color": [0, 1, 2, 0, 0, 1, 2],
    "whole": [0, 0, 1, 1, 2, 2, 0],
    "bad": [0, 1, 0, 1, 0, 1, 0],
}


def test_sizes_count_bins_levels_and_the_null_level() -> None:
    assert DOMAIN.sizes == (3, 3, 3, 3, 3, 3, 2)


@pytest.mark.parametrize("name", BINS)
def test_each_cell_has_its_bin(name: str) -> None:
    found = DOMAIN.bins(ROWS)[:, list(BINS).index(name)]
    assert found.tolist() == BINS[name]


def test_rows_of_bins_fall_into_the_same_bins() -> None:
    choices = np.random.default_rng(0)
    bins = np.column_stack([choices.integers(0, size, 2000) for size in DOMAIN.sizes])
    assert (DOMAIN.bins(DOMAIN.rows(bins)) == bins).all()


def test_numbers_are_drawn_all_over_their_bin() -> None:
    bins = np.ones((5000, len(COLUMNS)), dtype=np.int64)
    rows = DOMAIN.rows(bins)
    assert rows["paid"].min() == 1
    assert rows["paid"].max() == 499
    assert abs(rows["paid"].mean() - 250) < 15
    assert abs(rows["rate"].mean() - 10.75) < 0.5
    assert rows["whole"].max() == 20


def test_a_whole_number_stays_whole_and_a_null_is_null() -> None:
    bins = np.zeros((10, len(COLUMNS)), dtype=np.int64)
    bins[::2, list(COLUMNS).index("whole")] = 2
    rows = DOMAIN.rows(bins)
    assert rows["paid"].dtype == np.int64
    assert rows["whole"].isna().tolist() == [True, False] * 5
    assert str(rows["whole"].dtype) == "Int64"


def test_two_runs_draw_different_values() -> None:
    bins = np.ones((50, len(COLUMNS)), dtype=np.int64)
    assert (DOMAIN.rows(bins)["paid"] != DOMAIN.rows(bins)["paid"]).any()


@pytest.mark.parametrize(
    ("name", "cell"), [("paid", None), ("late", 77), ("late", None), ("color", "blue"), ("bad", 99)]
)
def test_refuses_a_cell_without_a_declared_level_and_never_repeats_it(
    name: str, cell: object
) -> None:
    rows = ROWS.astype({name: object})
    rows.loc[0, name] = cell
    if name == "paid":
        rows[name] = rows[name].astype(float)
    with pytest.raises(InputError, match=f"undeclared_value.*{name}, found 1 cells") as error:
        DOMAIN.bins(rows)
    assert str(cell) not in str(error.value)
