"""A suite is loaded whole or not at all: nothing in it is dropped, empty, or true of any table."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from assay.errors import InputError
from assay.home import REPOSITORY
from assay.spec import load_spec
from tasks.validation.cover import require_cover
from tasks.validation.suite import OURS, load_suite
from tests.tasks.validation.loans import SUITE, expectation, lay_out, table

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from great_expectations.core import ExpectationSuite
    from great_expectations.expectations.registry import get_expectation_impl

OLD = {"type": "comparison", "column": {"name": "age"}, "operator": ">", "parameter": 99}


def load(folder: Path, *entries: object) -> Any:
    file = folder / "suite.json"
    file.write_text(json.dumps({"name": "s", "expectations": entries}))
    return load_suite(file)


def refusal(folder: Path, *entries: object) -> str:
    with pytest.raises(InputError) as caught:
        load(folder, *entries)
    assert str(folder / "suite.json") in caught.value.message
    return str(caught.value)


def test_a_good_suite_keeps_every_expectation(tmp_path: Path) -> None:
    suite = load(tmp_path, *SUITE)
    assert [d.type for d in suite.declared] == [entry["type"] for entry in SUITE]
    assert suite.mostly_floor == 0.99


@pytest.mark.parametrize("name", ["credit", "credit-careless", "mortgage"])
def test_shipped_suites_load_and_cover_their_pipelines(name: str) -> None:
    spec = load_spec(REPOSITORY / "pipelines" / f"{name}.yaml")
    file = spec.resolve(spec.data.suite)
    suite = load_suite(file)
    require_cover(suite, spec, file)
    assert len(suite.declared) == len(json.loads(file.read_text())["expectations"])


def test_our_own_expectations_are_registered() -> None:
    for ours in OURS:
        assert get_expectation_impl(ours.expectation_type) is ours


@pytest.mark.parametrize(
    "kind",
    [
        "expect_column_values_to_be_betwen",
        "ExpectColumnValuesToBeBetween",
        "expect_something_of_a_plugin_that_nobody_imported",
    ],
)
def test_an_unknown_type_is_refused_where_the_library_drops_it(tmp_path: Path, kind: str) -> None:
    entry = {"type": kind, "kwargs": {"column": "a", "min_value": 0, "max_value": 1}}
    assert len(ExpectationSuite(name="s", expectations=[entry]).expectations) == 0
    assert f"expectation 1 ({kind}): expected a registered" in refusal(tmp_path, entry)


def test_an_unknown_type_gets_a_hint(tmp_path: Path) -> None:
    said = refusal(tmp_path, expectation("column_values_to_be_betwen", column="a"))
    assert "did you mean 'expect_column_values_to_be_between'?" in said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '{"name": "s"}',
        '{"name": "s", "expectations": []}',
        '{"name": "s", "expectations": null}',
        '{"name": "s", "expectations": {}}',
        '{"name": "s", "expectations": [{}], "suite_parameters": {"x": 1}}',
        '{"name": "s", "name": "t", "expectations": [{}]}',
        '{"name": "s", "expectations": [NaN]}',
        '{"expectations": [{}]}',
        "[" * 100_000,
    ],
)
def test_an_empty_or_malformed_suite_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "suite.json").write_text(text)
    with pytest.raises(InputError, match="bad_suite"):
        load_suite(tmp_path / "suite.json")


def test_an_absent_suite_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no_suite"):
        load_suite(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("kind", "kwargs", "said"),
    [
        # Settings that would make results quote cells, or errors pass.
        ("column_values_to_not_be_null", {"column": "a", "result_format": "COMPLETE"}, "setting"),
        ("column_values_to_not_be_null", {"column": "a", "catch_exceptions": False}, "setting"),
        ("column_values_to_not_be_null", {"column": "a", "batch_id": "x"}, "setting"),
        # mostly: 0 is true of any table.
        ("column_values_to_not_be_null", {"column": "a", "mostly": 0}, "between 0.99 and 1"),
        ("column_values_to_not_be_null", {"column": "a", "mostly": 0.98}, "between 0.99 and 1"),
        ("column_values_to_not_be_null", {"column": "a", "mostly": 1.5}, "between 0.99 and 1"),
        ("column_values_to_not_be_null", {"column": "a", "mostly": "1"}, "a number"),
        ("column_values_to_not_be_null", {"column": "a", "mostly": True}, "a number"),
        # No bound, or one only: infinity is above every lower bound.
        ("column_values_to_be_between", {"column": "a"}, "max_value, min_value"),
        ("column_values_to_be_between", {"column": "a", "min_value": 0}, "expected max_value"),
        ("column_values_to_be_between", {"column": "a", "max_value": 0}, "expected min_value"),
        ("column_mean_to_be_between", {"column": "a"}, "max_value, min_value"),
        ("column_max_to_be_between", {"column": "a", "min_value": 0}, "expected max_value"),
        ("table_row_count_to_be_between", {"min_value": 1}, "expected max_value"),
        (
            "column_values_to_be_between",
            {"column": "a", "min_value": 0, "max_value": None},
            "no null",
        ),
        (
            "column_values_to_be_between",
            {"column": "a", "min_value": 2, "max_value": 1},
            "min_value <= max_value",
        ),
        (
            "column_values_to_be_between",
            {"column": "a", "min_value": "0", "max_value": "1"},
            "to be numbers",
        ),
        (
            "column_kl_divergence_to_be_less_than",
            {"column": "a", "partition_object": {"values": [1], "weights": [1]}},
            "threshold",
        ),
        (
            "column_quantile_values_to_be_between",
            {"column": "a", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[None, 9]]}},
            "no null",
        ),
        # Nothing asked of anything.
        ("column_distinct_values_to_contain_set", {"column": "a", "value_set": []}, "empty"),
        ("column_values_to_be_in_set", {"column": "a", "value_set": []}, "empty"),
        ("column_values_to_be_in_set", {"column": "a", "value_set": None}, "no null"),
        ("column_values_to_be_in_set", {"column": "a"}, "value_set: field required"),
        ("column_values_to_be_in_set", {"column": "", "value_set": [1]}, "empty"),
        ("table_columns_to_match_set", {}, "empty"),
        ("table_columns_to_match_set", {"column_set": ["a"], "exact_match": False}, "exact_match"),
        ("table_columns_to_match_ordered_list", {"column_list": None}, "no null"),
        # A value that somebody else fills in, or another table.
        (
            "column_values_to_be_in_set",
            {"column": "a", "value_set": {"$PARAMETER": "levels"}},
            "no null, and nothing empty",
        ),
        ("table_row_count_to_equal_other_table", {"other_table_name": "t"}, "another table"),
        (
            "query_results_to_match_comparison",
            {"base_query": "select 1", "comparison_query": "select 1"},
            "another table",
        ),
        (
            "column_values_to_not_be_null",
            {"column": "a", "row_condition": "@pd.io", "condition_parser": "pandas"},
            "run as code",
        ),
        ("column_values_to_not_be_null", {"column": "a", "row_condition": {"x": 1}}, "condition"),
        # Misspelt, missing or senseless arguments.
        (
            "column_values_to_be_between",
            {"column": "a", "min_value": 0, "max_value": 1, "mosty": 1},
            "mosty",
        ),
        ("column_values_to_not_be_null", {"colum": "a"}, "column: field required"),
        ("groups_to_have_rows", {"column": "a", "levels": [1], "min_rows": 0}, "min_rows"),
        ("groups_to_have_rows", {"column": "a", "levels": [], "min_rows": 9}, "empty"),
        ("repeated_rows_to_be_rare", {"max_share": 1}, "max_share"),
        ("column_pair_ratio_to_be_between", {"column_A": "a", "column_B": "b"}, "max_value"),
    ],
)
def test_an_expectation_that_any_table_would_meet_is_refused(
    tmp_path: Path, kind: str, kwargs: dict[str, Any], said: str
) -> None:
    message = refusal(tmp_path, expectation(kind, **kwargs))
    assert message.startswith("[bad_expectation]")
    assert said in message


def test_a_query_that_names_no_batch_is_refused(tmp_path: Path) -> None:
    entry = {
        "type": "unexpected_rows_expectation",
        "kwargs": {"unexpected_rows_query": "select * from other"},
    }
    assert "another table" in refusal(tmp_path, entry)


@pytest.mark.parametrize(
    "entry",
    [
        "expect_column_to_exist",
        {"type": "expect_column_to_exist"},
        {"expectation_type": "expect_column_to_exist", "kwargs": {"column": "a"}},
        {"type": "expect_column_to_exist", "kwargs": []},
        {"type": "expect_column_to_exist", "kwargs": {"column": "a"}, "severity": "info"},
        {"type": None, "kwargs": {"column": "a"}},
    ],
)
def test_an_entry_is_a_type_and_kwargs(tmp_path: Path, entry: object) -> None:
    assert "expected a type and kwargs" in refusal(tmp_path, entry)


def test_an_expectation_twice_is_refused(tmp_path: Path) -> None:
    assert "found one twice" in refusal(tmp_path, SUITE[3], SUITE[3])


@pytest.mark.parametrize("place", range(len(SUITE)))
def test_a_suite_without_a_needed_expectation_is_refused(tmp_path: Path, place: int) -> None:
    left = [entry for i, entry in enumerate(SUITE) if i != place]
    case = lay_out(tmp_path, table(60), suite=left)
    file = case.spec.resolve("loans.json")
    if SUITE[place]["type"] == "expect_column_mean_to_be_between":
        require_cover(load_suite(file), case.spec, file)  # wise, and not needed
        return
    with pytest.raises(InputError) as caught:
        require_cover(load_suite(file), case.spec, file)
    assert caught.value.code == "bad_suite"
    about = SUITE[place]["kwargs"].get("column", "")
    assert about in caught.value.message


@pytest.mark.parametrize(
    ("place", "entry"),
    [
        # Zero rows would do.
        (0, expectation("table_row_count_to_be_between", min_value=0, max_value=9)),
        # Only some rows are looked at.
        (
            9,
            expectation(
                "column_values_to_be_between",
                column="income",
                min_value=0,
                max_value=9,
                row_condition=OLD,
            ),
        ),
        # A level that the pipeline does not declare.
        (19, expectation("column_values_to_be_in_set", column="city", value_set=["north", "west"])),
        # Nothing but nulls would do.
        (
            12,
            expectation(
                "column_proportion_of_non_null_values_to_be_between",
                column="debt",
                min_value=0,
                max_value=1,
            ),
        ),
        # A null budget where the pipeline declares no nulls.
        (
            8,
            expectation(
                "column_proportion_of_non_null_values_to_be_between",
                column="income",
                min_value=0.9,
                max_value=1,
            ),
        ),
        # Another block.
        (23, expectation("one_hot_columns_to_mark_one_level", column_list=["race_a", "race_b"])),
    ],
)
def test_a_weaker_expectation_does_not_cover(
    tmp_path: Path, place: int, entry: dict[str, Any]
) -> None:
    weak = [*SUITE[:place], entry, *SUITE[place + 1 :]]
    case = lay_out(tmp_path, table(60), suite=weak)
    file = case.spec.resolve("loans.json")
    with pytest.raises(InputError, match="bad_suite"):
        require_cover(load_suite(file), case.spec, file)
