"""A number may be right about the wrong rows; the signed manifest says which rows there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from assay.errors import EvidenceError
from assay.home import REPOSITORY
from assay.policy.rows import Manifest, different_rows, read_manifest
from assay.policy.rules import parse_rules
from tests.assay.policy import population

RULES = parse_rules((REPOSITORY / "policies" / "data.json").read_bytes()).models["credit"]
TABLES = population.tables()
CONFIG = {
    "costs": list(population.COSTS),
    "attacks": list(population.ATTACKS),
    "corruptions": list(population.CORRUPTIONS),
    "severities": list(population.SEVERITIES),
}
CHECKED = [
    (material, "holdout" if material.startswith("outcomes:") else "development")
    for material in TABLES
    if material.partition(":")[2] in ("predictions", "fit", "robustness", "stress", "membership")
]


def manifest() -> Manifest:
    return read_manifest(TABLES["outcomes:split"], RULES, TABLES["outcomes:release"])


def codes(material: str, part: str, table: pa.Table) -> list[str]:
    name = material.partition(":")[2]
    return [d.code for d in different_rows(name, part, table, manifest(), CONFIG)]


def with_column(table: pa.Table, name: str, change: Callable[[list[Any]], object]) -> pa.Table:
    values = table[name].to_pylist()
    change(values)
    index = table.column_names.index(name)
    return table.set_column(index, name, pa.array(values, type=table[name].type))


def at(index: int, value: Any) -> Callable[[list[Any]], object]:
    return lambda values: values.__setitem__(index, value)


@pytest.mark.parametrize(("material", "part"), CHECKED)
def test_accepts_exactly_the_manifests_rows_in_any_order(material: str, part: str) -> None:
    table = TABLES[material]
    assert codes(material, part, table) == []
    shuffled = np.random.default_rng(0).permutation(table.num_rows)
    assert codes(material, part, table.take(pa.array(shuffled))) == []


@pytest.mark.parametrize(("material", "part"), CHECKED)
def test_denies_a_row_that_was_dropped_doubled_or_swapped(material: str, part: str) -> None:
    table = TABLES[material]
    assert codes(material, part, table.slice(1)) == ["rows_missing"]
    assert codes(material, part, pa.concat_tables([table, table.slice(0, 1)])) == ["rows_missing"]
    assert codes(material, part, pa.concat_tables([table.slice(1), table.slice(1, 1)])) == [
        "rows_missing"
    ]
    stranger = with_column(table, "row", at(3, "f" * 32))
    assert codes(material, part, stranger) == ["rows_missing"]
    assert codes(material, part, table.slice(0, 0))[0] == "rows_missing"


@pytest.mark.parametrize(("material", "part"), CHECKED)
def test_denies_a_label_that_was_flipped(material: str, part: str) -> None:
    table = TABLES[material]
    flipped = with_column(table, "label", at(5, 1 - table["label"][5].as_py()))
    assert codes(material, part, flipped) == ["labels_differ"]


@pytest.mark.parametrize("column", ["group:SEX", "group:AGE"])
@pytest.mark.parametrize("material", ["outcomes:predictions", "outcomes:membership"])
def test_denies_a_group_that_was_coded_anew(material: str, column: str) -> None:
    other = {"0": "1", "1": "0", "<35": ">=35", ">=35": "<35"}
    table = TABLES[material]
    recoded = with_column(table, column, at(9, other[table[column][9].as_py()]))
    assert codes(material, "holdout", recoded) == ["labels_differ"]


def test_denies_a_row_that_was_fitted_and_is_said_to_be_held_out() -> None:
    table = TABLES["outcomes:fit"]
    other = {"fitted": "held_out", "held_out": "fitted"}[table["part"][7].as_py()]
    assert codes("outcomes:fit", "holdout", with_column(table, "part", at(7, other))) == [
        "labels_differ"
    ]


@pytest.mark.parametrize("name", ["fit", "membership"])
def test_denies_fitted_rows_of_a_release_that_nobody_told_of(name: str) -> None:
    untold = read_manifest(TABLES["outcomes:split"], RULES)
    [denial] = different_rows(name, "holdout", TABLES[f"outcomes:{name}"], untold, CONFIG)
    assert denial.code == "missing"


def raw_release() -> pa.Table:
    """The train rows themselves; every fifth one is held out."""
    train = TABLES["outcomes:split"].filter(pc.equal(TABLES["outcomes:split"]["part"], "train"))
    parts = ["held_out" if index % 5 == 0 else "fitted" for index in range(train.num_rows)]
    return train.select(["row", "label"]).append_column("part", pa.array(parts))


def members_of(table: pa.Table, release: pa.Table) -> list[str]:
    """Codes of the denials of a membership table, where the train rows are the release."""
    told = read_manifest(TABLES["outcomes:split"], RULES, release)
    return [d.code for d in different_rows("membership", "holdout", table, told, CONFIG)]


def test_members_of_raw_rows_are_those_that_were_fitted() -> None:
    release, table = raw_release(), TABLES["outcomes:membership"]
    fitted = release.filter(pc.equal(release["part"], "fitted"))["row"].combine_chunks()
    mine = pc.or_(pc.is_in(table["row"], value_set=fitted), pc.invert(table["member"]))
    assert members_of(table.filter(mine), release) == []
    assert members_of(table, release) == ["rows_missing"]  # held-out rows would dilute it


def test_denies_raw_rows_under_names_that_tell_nothing() -> None:
    """Named by their places, all train rows would count as members, and dilute the fitted ones."""
    split, drawn = TABLES["outcomes:split"], TABLES["outcomes:release"]
    told = read_manifest(split, RULES, drawn, raw=True)
    [denial] = different_rows("membership", "holdout", TABLES["outcomes:membership"], told, CONFIG)
    assert denial.code == "rows_missing"


def test_denies_a_release_of_some_train_rows() -> None:
    release, drawn = raw_release(), TABLES["outcomes:release"]
    assert members_of(TABLES["outcomes:membership"], release.slice(1)) == ["rows_missing"]
    mixed = pa.concat_tables(
        [release, drawn.select(release.column_names)], promote_options="permissive"
    )
    assert members_of(TABLES["outcomes:membership"], mixed) == ["rows_missing"]


def test_denies_the_rows_of_another_part() -> None:
    assert codes("outcomes:predictions", "holdout", TABLES["development:predictions"]) == [
        "rows_missing"
    ]


def test_denies_a_member_that_validation_held_out() -> None:
    table = TABLES["outcomes:membership"]
    moved = with_column(table, "member", at(0, False))
    assert codes("outcomes:membership", "holdout", moved)[:2] == ["rows_missing", "rows_missing"]


def test_denies_halves_that_somebody_chose() -> None:
    table = TABLES["outcomes:membership"]
    last = table.num_rows - 1
    chosen = with_column(table, "half", at(last, 1 - table["half"][last].as_py()))
    assert codes("outcomes:membership", "holdout", chosen) == ["labels_differ"]


@pytest.mark.parametrize(
    ("material", "column", "value"),
    [
        ("outcomes:robustness", "budget", 0.01),
        ("outcomes:robustness", "attack", "random"),
        ("outcomes:stress", "corruption", "none"),
        ("outcomes:stress", "severity", 5),
    ],
)
def test_denies_a_case_that_was_not_asked(material: str, column: str, value: Any) -> None:
    table = with_column(TABLES[material], column, at(0, value))
    assert codes(material, "holdout", table) == ["rows_missing"]


def test_denies_a_budget_that_was_left_out() -> None:
    table = TABLES["outcomes:robustness"]
    kept = table.filter(pc.less(table["budget"], 0.2))
    assert codes("outcomes:robustness", "holdout", kept) == ["rows_missing"]


def test_counts_but_never_names_a_row() -> None:
    table = with_column(TABLES["outcomes:predictions"], "row", at(3, "SECRET"))
    [denial] = different_rows("predictions", "holdout", table, manifest(), CONFIG)
    assert denial.reason == (
        "expected the predictions table of the holdout rows to hold 1,600 lines, one for each row "
        "and case, found 1 of them missing or doubled"
    )


def test_makes_nothing_of_the_size_that_evidence_asks_for() -> None:
    many = [float(cost) for cost in range(100_000)]
    config = {"costs": many, "attacks": [str(cost) for cost in many]}
    table = TABLES["outcomes:robustness"]
    [denial] = different_rows("robustness", "holdout", table, manifest(), config)
    assert "4,800,000,000,000 lines" in denial.reason


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("part", "spare", "labels_differ"),
        ("label", 2, "labels_differ"),
        ("group:SEX", "male", "labels_differ"),
        ("group:AGE", "35", "labels_differ"),
        ("group:AGE", None, "labels_differ"),
        ("row", population.keyed("row 1"), "malformed"),
    ],
)
def test_refuses_a_manifest_with_a_stranger(column: str, value: Any, code: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        read_manifest(with_column(TABLES["outcomes:split"], column, at(0, value)), RULES)
    assert refused.value.code == code


def test_a_row_that_is_set_apart_may_have_no_group() -> None:
    apart = with_column(TABLES["outcomes:split"], "part", at(0, "quarantine"))
    read_manifest(with_column(apart, "group:AGE", at(0, "unknown")), RULES)


@pytest.mark.parametrize("column", ["row", "unit", "part", "label", "group:SEX", "group:AGE"])
def test_refuses_a_manifest_without(column: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        read_manifest(TABLES["outcomes:split"].drop_columns([column]), RULES)
    assert refused.value.code == "malformed"
