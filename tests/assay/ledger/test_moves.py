"""What a model's alias stands on, as the chain tells: promotions, demotions, and what became."""

from __future__ import annotations

import pytest

from assay.evidence.decision import Demotion
from assay.ledger import (
    Entry,
    Ledger,
    close,
    committed_promotions,
    next_sequence,
    record_demotion,
    record_promotion,
    standing,
    unsettled,
)
from tests.assay.evidence.samples import NOW
from tests.assay.ledger.test_answers import promotion


def promote(ledger: Ledger, moved: bool | None = True) -> Entry:
    entry = record_promotion(ledger, promotion(next_sequence(ledger, "credit")), b"{}")
    if moved is not None:
        close(ledger, entry, moved)
    return entry


def demote(ledger: Ledger, moved: bool | None = True, successor: str = "") -> Entry:
    told = Demotion("credit", "7", "champion", "7", successor, 1, "moved", "gate", NOW)
    entry = record_demotion(ledger, told, b"{}")
    if moved is not None:
        close(ledger, entry, moved)
    return entry


def test_nothing_stands_in_an_empty_ledger(ledger: Ledger) -> None:
    assert standing(ledger, "credit") is None
    assert unsettled(ledger, "credit") == committed_promotions(ledger, "credit") == ()


def test_the_last_committed_promotion_stands(ledger: Ledger) -> None:
    promote(ledger)
    second = promote(ledger)
    promote(ledger, moved=False)
    open_one = promote(ledger, moved=None)
    assert standing(ledger, "credit") == second
    assert unsettled(ledger, "credit") == (open_one,)
    assert len(committed_promotions(ledger, "credit")) == 2
    assert standing(ledger, "mortgage") is None


@pytest.mark.parametrize("moved", [True, False, None])
def test_a_committed_demotion_alone_withdraws(ledger: Ledger, moved: bool | None) -> None:
    entry = promote(ledger)
    demote(ledger, moved)
    assert standing(ledger, "credit") == (None if moved else entry)
    assert committed_promotions(ledger, "credit") == (entry,)


def test_what_follows_a_demotion_stands_and_has_a_higher_number(ledger: Ledger) -> None:
    promote(ledger)
    demote(ledger, successor="6")
    after = promote(ledger)
    assert standing(ledger, "credit") == after
    assert after.body["sequence"] == 2


def test_promotions_are_settled_before_the_demotions_that_they_follow(ledger: Ledger) -> None:
    first, second = demote(ledger, moved=None, successor="6"), promote(ledger, moved=None)
    assert unsettled(ledger, "credit") == (second, first)
