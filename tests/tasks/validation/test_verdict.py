"""A verdict counts rows, shows none, and takes nothing but True on something for a success."""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from assay.errors import InputError, Refused, Unavailable
from tasks.validation.suite import Declared, Suite, load_suite
from tasks.validation.verdict import Outcome, failing_rows, judge, sift

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import great_expectations as gx
    from great_expectations.expectations.expectation import BatchExpectation

SECRET = 987_654_321
FRAME = pd.DataFrame(
    {
        "n": [1, 2, 3, SECRET],
        "f": [0.5, np.inf, 1.0, 0.0],
        "nan": [0.5, np.nan, 1.0, 0.0],
        "null": [np.nan] * 4,
        "flag": [True, False, True, False],
        "text": ["a", "b", "maria@example.org", "b"],
        "id": [1, 2, 2, 4],
    }
)


def declare(kind: str, **kwargs: Any) -> Declared:
    """An expectation, unchecked: what a loader might have let through."""
    row_level = kind.startswith(("column_values", "column_pair", "multicolumn", "compound"))
    return Declared(f"expect_{kind}", kwargs, row_level)


def one(frame: pd.DataFrame, kind: str, **kwargs: Any) -> Outcome:
    (outcome,) = judge(frame, [declare(kind, **kwargs)])
    return outcome


@pytest.mark.parametrize(
    ("kind", "kwargs", "counts"),
    [
        ("column_values_to_not_be_null", {"column": "n"}, (4, 0, 0)),
        (
            "column_values_to_be_between",
            {"column": "n", "min_value": 0, "max_value": 1e9},
            (4, 0, 0),
        ),
        (
            "column_values_to_be_between",
            {"column": "nan", "min_value": 0, "max_value": 1},
            (4, 1, 0),
        ),
        ("column_values_to_be_in_type_list", {"column": "n", "type_list": ["int64"]}, (4, 0, 0)),
        ("column_values_to_be_of_type", {"column": "text", "type_": "str"}, (4, 0, 0)),
        ("column_type_to_be", {"column": "n", "type_": "int64"}, (4, 0, 0)),
        ("table_row_count_to_be_between", {"min_value": 1, "max_value": 9}, (4, 0, 0)),
    ],
)
def test_a_true_expectation_succeeds_with_counts(
    kind: str, kwargs: dict[str, Any], counts: tuple[int, int, int]
) -> None:
    found = one(FRAME, kind, **kwargs)
    assert found.success
    assert (found.element_count, found.missing_count, found.unexpected_count) == counts


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        # Nulls only: the library skips nulls, and nothing is left to break a rule.
        ("column_values_to_be_between", {"column": "null", "min_value": 0, "max_value": 1}),
        ("column_values_to_be_in_set", {"column": "null", "value_set": [1]}),
        ("column_values_to_be_unique", {"column": "null"}),
        # No row meets the condition.
        (
            "column_values_to_be_in_set",
            {
                "column": "n",
                "value_set": [77],
                "row_condition": {
                    "type": "comparison",
                    "column": {"name": "n"},
                    "operator": "<",
                    "parameter": 0,
                },
            },
        ),
        # Infinity; a truth value among numbers; a repeated key; an absent column.
        ("column_values_to_be_between", {"column": "f", "min_value": 0, "max_value": 1}),
        ("column_values_to_be_in_type_list", {"column": "flag", "type_list": ["int64"]}),
        ("column_values_to_be_unique", {"column": "id"}),
        ("column_values_to_be_between", {"column": "none", "min_value": 0, "max_value": 1}),
        ("column_mean_to_be_between", {"column": "none", "min_value": 0, "max_value": 1}),
        ("table_columns_to_match_set", {"column_set": ["n"], "exact_match": True}),
        # Crashes inside the library.
        ("column_values_to_be_between", {"column": "text", "min_value": 0, "max_value": 1}),
    ],
)
def test_a_vacuous_broken_or_crashing_expectation_fails(kind: str, kwargs: dict[str, Any]) -> None:
    assert not one(FRAME, kind, **kwargs).success


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("column_values_to_not_be_null", {"column": "n"}),
        ("column_values_to_be_between", {"column": "n", "min_value": 0, "max_value": 1}),
        ("column_values_to_be_in_set", {"column": "n", "value_set": [1]}),
        ("column_values_to_be_unique", {"column": "n"}),
        ("column_values_to_match_regex", {"column": "text", "regex": "a"}),
        ("column_distinct_values_to_be_in_set", {"column": "n", "value_set": [1]}),
        (
            "column_value_z_scores_to_be_less_than",
            {"column": "n", "threshold": 3, "double_sided": True},
        ),
        ("column_pair_values_to_be_equal", {"column_A": "n", "column_B": "id"}),
        ("compound_columns_to_be_unique", {"column_list": ["n", "id"]}),
        ("column_sum_to_be_between", {"column": "n", "min_value": 0, "max_value": 1}),
    ],
)
def test_no_rows_are_no_success(kind: str, kwargs: dict[str, Any]) -> None:
    found = one(FRAME.iloc[:0], kind, **kwargs)
    counted = found.success and found.element_count > 0
    assert not counted


class ExpectTruthyText(BatchExpectation):
    """Answers with a text, which Python takes for true."""

    answer: Any = "False"
    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.row_count",)
    success_keys: ClassVar[tuple[str, ...]] = ("answer",)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        return {"success": self.answer, "result": {"observed_value": 1}}


@pytest.mark.parametrize("answer", ["False", "true", float("nan"), 1, 2.0, "pass"])
def test_a_truthy_answer_is_no_success(answer: object) -> None:
    assert not one(FRAME, "truthy_text", answer=answer).success


def test_an_expectation_that_is_lost_has_failed() -> None:
    lost = Declared("expect_what_nobody_registered", {"column": "n"}, True)
    first, second = judge(FRAME, [lost, declare("column_values_to_not_be_null", column="n")])
    assert (first.success, first.element_count) == (False, 0)
    assert second.success


def test_equal_expectations_keep_their_own_outcomes() -> None:
    kinds = [declare("column_values_to_not_be_null", column=name) for name in ("n", "null", "n")]
    assert [o.success for o in judge(FRAME, kinds)] == [True, False, True]


@pytest.mark.parametrize(
    ("kind", "kwargs", "rows"),
    [
        ("column_values_to_be_between", {"column": "n", "min_value": 0, "max_value": 9}, [3]),
        ("column_values_to_not_be_null", {"column": "nan"}, [1]),
        ("column_values_to_be_unique", {"column": "id"}, [1, 2]),
        ("column_pair_values_to_be_equal", {"column_A": "n", "column_B": "id"}, [2, 3]),
        ("column_values_to_match_regex", {"column": "text", "regex": "^[ab]$"}, [2]),
        (
            "column_values_to_be_in_set",
            {
                "column": "n",
                "value_set": [2],
                "row_condition": {
                    "type": "comparison",
                    "column": {"name": "n"},
                    "operator": ">",
                    "parameter": 1,
                },
            },
            [2, 3],
        ),
    ],
)
def test_failing_rows_are_found_by_place_whatever_the_index(
    kind: str, kwargs: dict[str, Any], rows: list[int]
) -> None:
    frame = FRAME.set_index(pd.Index([40, 30, 20, 10]))
    assert failing_rows(frame, [declare(kind, **kwargs)]).nonzero()[0].tolist() == rows


def test_rows_that_nobody_can_name_refuse_the_table() -> None:
    with pytest.raises(Refused, match="data_invalid"):
        failing_rows(FRAME, [declare("column_values_to_not_be_null", column="none")])


def suite(*declared: Declared) -> Suite:
    return Suite("s", "sha256:" + "0" * 64, declared)


def test_a_row_within_the_budget_is_set_apart_and_the_rest_is_judged_again() -> None:
    frame = pd.DataFrame({"n": [*range(299), SECRET]})
    between = declare(
        "column_values_to_be_between", column="n", min_value=0, max_value=299, mostly=0.99
    )
    mean = declare("column_mean_to_be_between", column="n", min_value=0, max_value=299)
    kept, outcomes = sift(frame, suite(between, mean))
    assert (~kept).nonzero()[0].tolist() == [299]
    assert [(o.success, o.element_count, o.unexpected_count) for o in outcomes] == [
        (True, 299, 0),
        (True, 299, 0),
    ]


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        # More rows than the budget grants.
        (
            declare("column_values_to_be_between", column="n", min_value=0, max_value=9),
            "of n (1 of 4 rows)",
        ),
        (
            declare("column_values_to_be_between", column="gone", min_value=0, max_value=9),
            "of gone (it looked at nothing; is its column there?)",
        ),
        # Broken as a table.
        (declare("column_mean_to_be_between", column="n", min_value=0, max_value=9), "of n"),
        (declare("table_row_count_to_be_between", min_value=9, max_value=99), "row_count"),
    ],
)
def test_a_broken_table_is_refused_with_counts(declared: Declared, said: str) -> None:
    with pytest.raises(Refused) as caught:
        sift(FRAME, suite(declared))
    assert caught.value.code == "data_invalid"
    assert said in caught.value.message
    assert str(SECRET) not in str(caught.value)


def test_a_table_that_breaks_once_its_broken_rows_are_gone_is_refused() -> None:
    frame = pd.DataFrame({"n": [*range(199), SECRET]})
    between = declare(
        "column_values_to_be_between", column="n", min_value=0, max_value=299, mostly=0.99
    )
    count = declare("table_row_count_to_be_between", min_value=200, max_value=999)
    with pytest.raises(Refused, match="row_count"):
        sift(frame, suite(between, count))


def test_many_failures_make_a_short_message() -> None:
    failing = [
        declare("column_values_to_be_in_set", column="n", value_set=[n]) for n in range(10, 30)
    ]
    with pytest.raises(Refused, match=r"found 20 that do not.*; and 15 more$"):
        sift(FRAME, suite(*failing))


def test_neither_values_nor_noise_leave(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    broken = [
        declare("column_values_to_be_between", column="n", min_value=0, max_value=9),
        declare("column_values_to_match_regex", column="text", regex="^[ab]$"),
        declare("column_max_to_be_between", column="n", min_value=0, max_value=9),
        declare("column_values_to_be_between", column="text", min_value=0, max_value=9),
        Declared("expect_what_nobody_registered", {}, True),
    ]
    with caplog.at_level(logging.DEBUG):
        outcomes = judge(FRAME, broken)
        failing_rows(FRAME, broken[:2])
    told = capfd.readouterr()
    for text in (told.out, told.err, caplog.text, repr(outcomes), "".join(map(str, outcomes))):
        assert str(SECRET) not in text
        assert "maria" not in text
    assert (told.out, told.err) == ("", "")


def test_the_library_alone_would_have_passed_all_of_it(tmp_path: Path) -> None:
    """What the strict loader and the strict verdict are for: each of these is a success to it."""
    fooled = [
        {"type": "expect_column_values_to_be_betwen", "kwargs": {"column": "n"}},
        {
            "type": "expect_column_values_to_be_in_set",
            "kwargs": {"column": "n", "value_set": [77], "mostly": 0},
        },
        {
            "type": "expect_column_values_to_be_in_set",
            "kwargs": {"column": "null", "value_set": [7]},
        },
        {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "n"}},
        {
            "type": "expect_column_distinct_values_to_contain_set",
            "kwargs": {"column": "n", "value_set": []},
        },
        {
            "type": "expect_table_columns_to_match_set",
            "kwargs": {"column_set": ["n"], "exact_match": False},
        },
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "f", "min_value": 0}},
        {"type": "expect_truthy_text", "kwargs": {"answer": "False"}},
    ]
    for entry in fooled:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            context = gx.get_context(mode="ephemeral")
            asset = context.data_sources.add_pandas("rows").add_dataframe_asset("rows")
            batch = asset.add_batch_definition_whole_dataframe("all").get_batch(
                {"dataframe": FRAME}
            )
            passed = batch.validate(gx.ExpectationSuite(name="s", expectations=[entry])).success
        assert passed, entry
        file = tmp_path / "suite.json"
        file.write_text(json.dumps({"name": "s", "expectations": [entry]}))
        with pytest.raises((InputError, Refused)):
            sift(FRAME, load_suite(file))


class _Unhashable:
    """A cell that no engine can count."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise ValueError("maria")


def test_an_engine_that_breaks_is_unavailable_or_a_failure_and_quotes_nothing() -> None:
    frame = pd.DataFrame({"x": [_Unhashable(), _Unhashable()]})
    try:
        passed = one(frame, "column_values_to_be_in_set", column="x", value_set=[1]).success
    except Unavailable as error:
        assert error.code == "engine_failed"
        assert "maria" not in str(error)
        passed = False
    assert not passed


def test_a_quantile_is_judged_too() -> None:
    frame = pd.DataFrame({"n": [float(k) for k in range(50)]})
    for highest, holds in ((50, True), (1, False)):
        ranges = {"quantiles": [0.5], "value_ranges": [[0, highest]]}
        found = one(
            frame, "column_quantile_values_to_be_between", column="n", quantile_ranges=ranges
        )
        assert found.success is holds
