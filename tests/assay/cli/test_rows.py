"""Rows are foretold from the table alone, and no split exceeds what is said to be the most."""

from __future__ import annotations

import pandas as pd
import pytest

from assay.cli.rows import Count, count_rows
from assay.home import REPOSITORY
from assay.policy.columns import Group
from assay.policy.rules import ModelRules, parse_rules
from assay.sources import locate
from assay.spec import PipelineSpec, load_spec
from assay.tables import read_table


def shipped(name: str) -> tuple[PipelineSpec, ModelRules]:
    rules = parse_rules((REPOSITORY / "policies" / "data.json").read_bytes())
    return load_spec(REPOSITORY / "pipelines" / f"{name}.yaml"), rules.models[name]


def test_mortgage_is_counted_as_its_measures_count_it() -> None:
    spec, rules = shipped("mortgage")
    frame, rows = read_table(locate(spec)), count_rows(spec, rules)
    bad = int((frame["approve"] == 0).sum())
    assert rows.holdout.about == int(0.4 * len(frame))
    assert rows.unfavourable.about == int(0.4 * bad)
    smallest = min(int(frame[race].sum()) for race in ("white", "black", "hispan"))
    assert rows.members.about == int(0.5 * 0.9 * smallest)  # those that were fitted
    assert rows.groups["race"].about == int(0.4 * smallest)
    assert rows.held_out.about == 50  # of 994 rows a tenth is not fitted, half of which chooses
    assert rows.rate == pytest.approx(1 - bad / len(frame))


def test_a_level_that_nobody_has_leaves_no_row() -> None:
    spec, rules = shipped("mortgage")
    group = Group(values=("white", "black", "hispanic", "asian"))
    rows = count_rows(spec, rules.model_copy(update={"groups": {"race": group}}))
    assert rows.groups["race"] == rows.members == Count(0, 0)


def test_people_of_many_rows_make_a_split_less_sure() -> None:
    single = pd.Series(range(2000))
    people = single // 20
    assert Count.of(people, 0.5).about == Count.of(single, 0.5).about == 1000
    assert 2000 > Count.of(people, 0.5).most > Count.of(single, 0.5).most > 1000
    assert Count.of(single[:0], 0.5) == Count(0, 0)


def test_the_smallest_of_groups_is_not_that_of_one() -> None:
    assert Count.smallest([Count(5, 20), Count(7, 9)]) == Count(5, 9)
