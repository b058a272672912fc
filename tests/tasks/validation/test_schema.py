"""A table that is not the declared one is refused by the name of the column, never by a cell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.errors import InputError, Refused
from tasks.validation.schema import check_declared, check_table, fold, require_conforming
from tests.tasks.validation.loans import PIPELINE, RULES, changed, lay_out, table

Change = Callable[[pd.DataFrame], pd.DataFrame]


def at(column: str, value: object, rows: slice = slice(0, 1)) -> Change:
    """Some cells of a column replaced."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        cells = frame[column].astype(object)
        cells.iloc[rows] = value
        return frame.assign(**{column: cells.infer_objects()})

    return change


def test_the_declared_table_is_accepted(tmp_path: Path) -> None:
    case = lay_out(tmp_path, table())
    check_declared(case.spec, case.rules)
    check_table(case.spec, table())
    require_conforming(case.spec, fold(case.spec, table()))


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (lambda f: f.drop(columns="income"), "wrong_columns", "missing income"),
        (lambda f: f.drop(columns="race_b"), "wrong_columns", "missing race_b"),
        (lambda f: f.drop(columns="note"), "wrong_columns", "missing note"),
        (lambda f: f.drop(columns="age"), "wrong_columns", "missing age"),
        (lambda f: f.drop(columns="bad"), "wrong_columns", "missing bad"),
        (lambda f: f.assign(extra=1), "wrong_columns", "not declared extra"),
        (lambda f: f.rename(columns={"income": "Income"}), "wrong_columns", "missing income"),
        (at("income", "12,000"), "wrong_dtype", "numbers in income"),
        (lambda f: f.assign(income=f.income > 5), "wrong_dtype", "found bool"),
        (lambda f: f.assign(income=pd.Timestamp(0)), "wrong_dtype", "found datetime64"),
        (lambda f: f.assign(grade=f.grade.astype("str")), "wrong_dtype", "numbers in grade"),
        (lambda f: f.assign(grade=f.grade > 1), "wrong_dtype", "found bool"),
        (lambda f: f.assign(race_a=f.race_a > 0), "wrong_dtype", "race_a"),
        (lambda f: f.assign(city=1), "wrong_dtype", "text in city"),
        (lambda f: f.assign(city=np.nan), "empty_column", "city"),
        (lambda f: f.assign(debt=np.nan), "empty_column", "debt"),
        (lambda f: f.assign(income=np.nan), "empty_column", "income"),
        (lambda f: f.assign(bad=f.bad + 1), "bad_label", "0 or 1 in the label bad"),
        (at("bad", np.nan), "bad_label", "found 1 other rows"),
        (at("bad", 0.5), "bad_label", "found 1 other rows"),
        (lambda f: f.assign(bad=np.where(f.bad, "yes", "no")), "wrong_dtype", "label bad"),
        (lambda f: f.assign(bad=f.bad > 0), "wrong_dtype", "label bad"),
        (lambda f: f.assign(bad=0), "one_class", "both 0 and 1"),
        (lambda f: f.assign(bad=1), "one_class", "both 0 and 1"),
        (at("person", None, slice(0, 3)), "no_unit", "found 3 rows"),
    ],
)
def test_another_table_is_refused_by_column(
    tmp_path: Path, change: Change, code: str, said: str
) -> None:
    case = lay_out(tmp_path, table())
    with pytest.raises(InputError) as caught:
        check_table(case.spec, change(table()))
    assert caught.value.code == code
    assert said in caught.value.message
    assert "P00000" not in caught.value.message


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("label", "default", "policy_differs"),
        ("unit", "row", "policy_differs"),
        ("sensitive", ["age", "race", "religion"], "sensitive_absent"),
    ],
)
def test_the_policy_says_what_label_unit_and_sensitive_columns_are(
    tmp_path: Path, key: str, value: object, code: str
) -> None:
    case = lay_out(tmp_path, table(60), rules=changed(key, value, RULES))
    with pytest.raises(InputError) as caught:
        check_declared(case.spec, case.rules)
    assert caught.value.code == code
    assert "loans" in caught.value.message


def test_a_unit_that_the_pipeline_leaves_out_is_refused(tmp_path: Path) -> None:
    case = lay_out(tmp_path, table(60), pipeline=changed("data.unit", None, PIPELINE))
    with pytest.raises(InputError, match=r"expected unit 'person'.*found 'row'"):
        check_declared(case.spec, case.rules)


def test_folding_follows_the_declaration(tmp_path: Path) -> None:
    frame = table()
    folded = fold(lay_out(tmp_path, frame).spec, frame)
    assert [*folded] == ["income", "debt", "grade", "city", "age", "race"]
    assert set(folded["grade"].unique()) == {1, 2, 3}
    assert ((frame.grade == 9) == (frame.grade != folded.grade)).all()
    assert ((folded.race == "a") == (frame.race_a == 1)).all()
    assert ((folded.race == "b") == (frame.race_b + frame.race_c == 1)).all()
    assert folded.debt.isna().sum() == frame.debt.isna().sum() > 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (at("income", 0.5), "income (1 rows)"),
        (at("income", np.nan), "income (1 rows)"),
        (at("grade", 4), "grade (1 rows)"),
        (at("grade", 1.5), "grade (1 rows)"),
        (at("grade", np.nan, slice(0, 4)), "grade (4 rows)"),
        (at("city", "west"), "city (1 rows)"),
        (at("city", None), "city (1 rows)"),
        (lambda f: f.assign(race_a=1, race_b=1), f"race ({len(table()):,} rows)"),
        (lambda f: f.assign(race_a=0, race_b=0, race_c=0), "race"),
    ],
)
def test_undeclared_values_are_refused_with_a_count(tmp_path: Path, change: Any, said: str) -> None:
    case = lay_out(tmp_path, table())
    with pytest.raises(Refused) as caught:
        require_conforming(case.spec, fold(case.spec, change(table())))
    assert caught.value.code == "data_invalid"
    assert said in caught.value.message
    assert "west" not in caught.value.message
