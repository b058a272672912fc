"""What is told of the rows that a candidate was made from is what the model really does."""

from __future__ import annotations

import numpy as np
import pytest

from assay.models import release_parts
from tasks.evaluation import memory
from tests.tasks.evaluation.conftest import COUNTS, Lender


def test_fit_holds_the_release_by_its_parts(lender: Lender) -> None:
    sitting = lender.sitting()
    frame = sitting.rows(lender.splits.train)
    table = memory.fit(sitting).to_pandas()
    assert table["part"].tolist() == release_parts(lender.spec, len(frame)).tolist()
    assert table["label"].tolist() == frame["default"].tolist()
    assert (table["predicted"].eq(1) == (sitting.model().score(frame) > 0.5)).all()


def test_losses_are_the_cross_entropy_of_the_scores(lender: Lender) -> None:
    sitting = lender.sitting()
    table = memory.membership(sitting).to_pandas()
    train = sitting.rows(lender.splits.train)
    fitted = train[release_parts(lender.spec, len(train)) == "fitted"]
    assert len(fitted) == 0.75 * COUNTS["train"]
    for frame, member in ((fitted, True), (sitting.rows(lender.splits.holdout), False)):
        score, mine = sitting.model().score(frame), table[table["member"] == member]
        likely = np.where(frame["default"] == 1, score, 1 - score)
        assert mine["row"].tolist() == frame["row"].tolist()
        assert mine["loss"].to_numpy() == pytest.approx(-np.log(likely), rel=1e-6, abs=1e-9)


def test_halves_follow_the_keyed_rows_and_members_are_measured(lender: Lender) -> None:
    table = memory.membership(lender.sitting()).to_pandas()
    member = table["member"]
    assert member.sum() == 0.75 * COUNTS["train"]
    assert (table["half"][member] == 1).all()
    bit = table["row"][~member].map(lambda row: int(row, 16) % 2)
    assert (table["half"][~member] == bit).all()
    assert 0.4 < bit.mean() < 0.6
