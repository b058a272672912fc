"""Nobody moves from one part to another, and no other declaration makes new people of old ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from assay.errors import Refused
from assay.evidence.artifacts import Splits
from assay.ledger import Ledger, looks_spent, record_look
from assay.measures import read_outcomes
from tests.assay.evidence.samples import digest
from tests.tasks.validation.loans import (
    NOW,
    PIPELINE,
    RULES,
    SUITE,
    Case,
    changed,
    lay_out,
    table,
)


def look(case: Case, splits: Splits, allowed: int = 20) -> int:
    ledger = Ledger.of(case.home)
    return record_look(ledger, splits.holdout.digest, digest("ask"), digest("it"), NOW, allowed)


def again(folder: Path, key: str, value: Any, rows: pd.DataFrame | None = None) -> Case:
    pipeline = changed(key, value, PIPELINE)
    return lay_out(folder, table() if rows is None else rows, pipeline=pipeline)


@pytest.mark.parametrize(
    "shares",
    [
        {"train": 0.5, "development": 0.45, "holdout": 0.05},
        {"train": 0.4, "development": 0.2, "holdout": 0.4},
        {"train": 0.5, "development": 0.1, "holdout": 0.4},
    ],
)
def test_refuses_shares_that_would_show_sealed_rows(
    tmp_path: Path, shares: dict[str, float]
) -> None:
    lay_out(tmp_path, table()).run()
    case = again(tmp_path, "data.shares", shares)
    before = sorted(case.home.root.rglob("*"))
    with pytest.raises(Refused) as refused:
        case.run()
    assert refused.value.code == "split_changed"
    assert sorted(case.home.root.rglob("*")) == before


def test_the_same_file_by_another_name_is_the_same_source(tmp_path: Path) -> None:
    lay_out(tmp_path, table()).run()
    (tmp_path / "copy.csv").write_bytes((tmp_path / "loans.csv").read_bytes())
    shares = {"train": 0.5, "development": 0.45, "holdout": 0.05}
    pipeline = changed("data.source", "copy.csv", changed("data.shares", shares, PIPELINE))
    with pytest.raises(Refused, match="units in another"):
        lay_out(tmp_path, table(), pipeline=pipeline).run()


def columns(*left_out: str, turned: bool = False) -> dict[str, Any]:
    declared = PIPELINE["data"]["columns"]
    names = [name for name in declared if name not in left_out]
    return {name: declared[name] for name in (reversed(names) if turned else names)}


def test_columns_in_another_order_reset_no_look(tmp_path: Path) -> None:
    case = lay_out(tmp_path, table())
    first, _ = case.run()
    assert look(case, first) == 1
    case = again(tmp_path, "data.columns", columns(turned=True))
    second, _ = case.run()
    assert second.holdout.digest != first.holdout.digest
    ledger = Ledger.of(case.home)
    assert looks_spent(ledger, second.holdout.digest) == 1
    assert look(case, second) == 2
    assert looks_spent(ledger, first.holdout.digest) == 2
    with pytest.raises(Refused, match="new rows"):
        look(case, first, allowed=2)


def test_an_added_row_resets_no_look(tmp_path: Path) -> None:
    case = lay_out(tmp_path, table())
    look(case, case.run()[0])
    more = table().iloc[[0]].assign(person="P99999")
    case = lay_out(tmp_path, pd.concat([table(), more], ignore_index=True))
    assert look(case, case.run()[0]) == 2


def test_new_people_have_looks_of_their_own(tmp_path: Path) -> None:
    case = lay_out(tmp_path, table())
    look(case, case.run()[0])
    strangers = table(seed=6).assign(person=lambda rows: "Q" + rows["person"])
    case = lay_out(tmp_path, strangers)
    assert look(case, case.run()[0]) == 1


def test_the_same_split_is_noted_once(tmp_path: Path) -> None:
    case = lay_out(tmp_path, table())
    for _ in range(3):
        case.run()
    assert len(Ledger.of(case.home).entries("split")) == 1


@pytest.mark.parametrize("left_out", [(), ("city",)])
def test_another_declaration_of_rows_without_persons_makes_no_new_people(
    tmp_path: Path, left_out: tuple[str, ...]
) -> None:
    """Else they would be split anew, and released again at no cost."""
    pipeline = changed("data.unit", None, PIPELINE)
    pipeline = changed("data.drop", ["note", "person"], pipeline)
    rules = {**RULES, "unit": "row"}
    units = []
    for declared, dropped in ((columns(), ()), (columns(*left_out, turned=True), left_out)):
        told = changed("data.columns", declared, pipeline)
        told = changed("data.drop", ["note", "person", *dropped], told)
        case = lay_out(tmp_path, table(), pipeline=told, rules=rules, suite=SUITE)
        evidence = case.run()[1]
        split = read_outcomes(case.home.sealed_outcomes, evidence.materials["outcomes:split"])
        units.append(set(zip(*(split[name].to_pylist() for name in ("unit", "part")), strict=True)))
    assert units[0] == units[1]
