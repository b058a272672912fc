"""Rows are foretold from the table alone, and no split exceeds what is said to be the most."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from assay.cli.rows import LUCK, Count, count_rows
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
    assert rows.members.about == int(0.5 * smallest)
    assert rows.groups["race"].about == int(0.4 * smallest)
    assert rows.held_out.about == 50  # of 994 rows a tenth is not fitted, half of which chooses
    assert rows.rate == pytest.approx(1 - bad / len(frame))


def test_a_level_that_nobody_has_leaves_no_row() -> None:
    spec, rules = shipped("mortgage")
    group = Group(values=("white", "black", "hispanic", "asian"))
    rows = count_rows(spec, rules.model_copy(update={"groups": {"race": group}}))
    assert rows.groups["race"] == rows.members == Count(0, 0)


@pytest.mark.parametrize("each", [1, 20])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_no_split_exceeds_the_most(each: int, share: float) -> None:
    """Whether a unit is one row or twenty."""
    units = np.repeat(np.arange(2000 // each), each)
    count, rng = Count.of(units, share), np.random.default_rng(3)
    drawn = each * rng.binomial(2000 // each, share, size=20_000)
    assert count.about == int(2000 * share) < count.most <= 2000
    assert (drawn > count.most).mean() <= LUCK
    assert count.most < 2000


def test_the_most_of_single_rows_is_near_to_the_binomial_tail() -> None:
    count = Count.of(np.arange(2000), 0.4)
    exact = binom.isf(LUCK, 2000, 0.4)
    assert exact <= count.most < 1.02 * exact


def test_units_of_many_rows_make_a_split_less_sure() -> None:
    rows = np.arange(2000)
    assert Count.of(rows // 20, 0.5).most > Count.of(rows, 0.5).most
