"""Coordinates follow the declaration, and every cell that it does not foresee has a known place."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import InputError
from assay.models import Encoder
from assay.spec import Column

NUMBER = Column(kind="number", edges=(0, 10, 100))
RANK = Column(kind="ordinal", values=(-1, 0, 1, 2, 3))
COLOR = Column(kind="category", values=("red", "green"))
CODE = Column(kind="category", values=(0, 1, 6))


def encode(column: Column, cells: object) -> list[list[float]]:
    return Encoder({"x": column}).encode(pd.DataFrame({"x": cells})).tolist()


def with_nulls(column: Column) -> Column:
    return column.model_copy(update={"nulls": True})


@pytest.mark.parametrize(
    ("column", "cells", "expected"),
    [
        (NUMBER, [0, 5, 10, 55, 100], [[0.0], [0.25], [0.5], [0.75], [1.0]]),
        (NUMBER, [-1.0, -np.inf, 101.0, np.inf], [[0.0], [0.0], [1.0], [1.0]]),
        (RANK, [-1, 0, 1, 2, 3], [[0.0], [0.25], [0.5], [0.75], [1.0]]),
        (RANK, [-2, 99], [[0.5], [0.5]]),
        (RANK, [-1.0, np.nan, 3.0], [[0.0], [0.5], [1.0]]),
        (COLOR, ["red", "green", "blue", None], [[1, 0], [0, 1], [0, 0], [0, 0]]),
        (CODE, [0, 1, 6, 5], [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]),
        (CODE, [0.0, np.nan], [[1, 0, 0], [0, 0, 0]]),
        (NUMBER, [np.nan, 10.0], [[0.5], [0.5]]),
        (with_nulls(NUMBER), [np.nan, 10.0], [[0.5, 1.0], [0.5, 0.0]]),
        (with_nulls(RANK), [None, 3], [[0.5, 1.0], [1.0, 0.0]]),
        (with_nulls(RANK), [99, 3], [[0.5, 0.0], [1.0, 0.0]]),
        (with_nulls(COLOR), ["red", None, "blue"], [[1, 0, 0], [0, 0, 1], [0, 0, 0]]),
    ],
)
def test_every_cell_has_its_declared_coordinates(
    column: Column, cells: object, expected: list[list[float]]
) -> None:
    assert encode(column, cells) == expected


@pytest.mark.parametrize("column", [NUMBER, RANK, COLOR, CODE])
@pytest.mark.parametrize("cells", [[None, None], [np.nan, np.nan], [pd.NA, pd.NA]])
def test_an_all_null_column_of_any_type_is_encoded(column: Column, cells: object) -> None:
    unknown = {"category": [0.0] * len(column.values)}
    assert encode(column, cells) == [unknown.get(column.kind, [0.5])] * 2


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        (NUMBER, ["1", "2"]),
        (NUMBER, [True, False]),
        (NUMBER, [1, "two"]),
        (RANK, ["0", "1"]),
        (RANK, [True, False]),
        (CODE, ["0", "1"]),
        (CODE, [True, False]),
        (COLOR, [0, 1]),
        (COLOR, [0.0, np.nan]),
    ],
)
def test_refuses_a_type_that_the_declaration_cannot_be_read_from(
    column: Column, cells: object
) -> None:
    with pytest.raises(InputError, match="wrong_dtype"):
        encode(column, cells)


def test_refuses_an_absent_feature() -> None:
    with pytest.raises(InputError, match="missing_column"):
        Encoder({"x": NUMBER}).encode(pd.DataFrame({"y": [1.0]}))


def test_refuses_a_declaration_without_features() -> None:
    with pytest.raises(InputError, match="no_feature"):
        Encoder({"x": NUMBER.model_copy(update={"use": "audit"})})


def test_never_looks_at_an_audited_column() -> None:
    audited = COLOR.model_copy(update={"use": "audit"})
    encoder = Encoder({"a": NUMBER, "sex": audited, "b": with_nulls(CODE)})
    assert encoder.names == ("a", "b=0", "b=1", "b=6", "b=null")
    assert encoder.blocks == {"a": slice(0, 1), "b": slice(1, 5)}
    plain = encoder.encode(pd.DataFrame({"a": [1.0], "b": [6]}))
    beside = encoder.encode(pd.DataFrame({"b": [6], "sex": ["x"], "a": [1.0], "more": [0]}))
    assert (plain == beside).all()


def test_an_empty_frame_keeps_its_width() -> None:
    encoder = Encoder({"a": NUMBER, "b": COLOR})
    empty = pd.DataFrame({"a": pd.Series(dtype=float), "b": pd.Series(dtype=str)})
    assert encoder.encode(empty).shape == (0, 3)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=2, max_size=30))
def test_a_number_is_finite_in_the_unit_interval_and_keeps_its_order(cells: list[float]) -> None:
    coordinates = np.array(encode(NUMBER, np.array(cells)))[:, 0]
    assert np.isfinite(coordinates).all()
    assert (coordinates >= 0).all()
    assert (coordinates <= 1).all()
    known = ~np.isnan(cells)
    order = np.argsort(np.array(cells)[known], kind="stable")
    assert (np.diff(coordinates[known][order]) >= 0).all()
