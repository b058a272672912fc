"""A review has one form, and each person's last word on one body of evidence stands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assay.errors import EvidenceError, InputError
from assay.evidence.public import PublicDecision
from assay.ledger import Ledger, Review, record_review, standing_reviews
from assay.ledger.reviews import LONGEST
from tests.assay.evidence.samples import NOW, digest
from tests.assay.ledger.test_answers import VIEW

YES, NO = Review(approves=True, comment="fine"), Review(approves=False, comment="a feed is missing")


@pytest.mark.parametrize(
    ("said", "review"),
    [
        ("approve: fine", YES),
        ("reject: a feed is missing", NO),
        ("approve: x", Review(approves=True, comment="x")),
        ("reject: geprüft: nein", Review(approves=False, comment="geprüft: nein")),
        ("reject: " + "x" * LONGEST, Review(approves=False, comment="x" * LONGEST)),
    ],
)
def test_what_is_said_is_read_and_written_alike(said: str, review: Review) -> None:
    assert Review.parse(said) == review
    assert str(review) == said


@pytest.mark.parametrize(
    "said",
    [
        *("", "yes", "true", "approve", "approve:", "approve: ", "reject", "approve:fine"),
        *("approve:  fine", "approve: fine ", "Approve: fine", " approve: fine", "approved: fine"),
        *("approve: a\nreject: b", "approve: fine\n", "approve: a\tb", "approve: \x1b[31mred"),
        *("approve: \u202eenif", "approve: a\u200bb", "approve: \u00a0x", "approve: \ud800"),
        *("ａpprove: fine", "approve\uff1a fine", "approve: " + "x" * (LONGEST + 1), None, 1, b"x"),
    ],
    ids=ascii,
)
def test_another_form_is_refused_with_the_expected_one(said: object) -> None:
    with pytest.raises(InputError, match=r"expected 'approve: comment' or 'reject: comment'"):
        Review.parse(said)


def test_nobody_has_reviewed_what_nobody_reviewed(ledger: Ledger) -> None:
    assert standing_reviews(ledger, VIEW) == {}


def test_the_last_word_of_each_stands_and_all_are_kept(ledger: Ledger) -> None:
    for by, review in (("a", YES), ("b", YES), ("a", NO)):
        record_review(ledger, VIEW, by, review, NOW)
    assert standing_reviews(ledger, VIEW) == {"a": NO, "b": YES}
    assert len(ledger.entries("review")) == 3


@pytest.mark.parametrize(
    "other",
    [
        replace(VIEW, bundle_digest=digest("other")),
        replace(VIEW, version="8"),
        replace(VIEW, model="mortgage"),
    ],
    ids=["evidence", "version", "model"],
)
def test_a_review_speaks_of_nothing_else(ledger: Ledger, other: PublicDecision) -> None:
    record_review(ledger, VIEW, "a", NO, NOW)
    assert standing_reviews(ledger, other) == {}


def test_another_decision_on_the_same_evidence_keeps_its_reviews(ledger: Ledger) -> None:
    record_review(ledger, VIEW, "a", YES, NOW)
    again = replace(VIEW, sealed_digest=digest("later"), decided_at=NOW + 9)
    assert standing_reviews(ledger, again) == {"a": YES}


def test_a_review_of_no_evidence_is_not_written(ledger: Ledger) -> None:
    with pytest.raises(EvidenceError, match="malformed"):
        record_review(ledger, replace(VIEW, bundle_digest="none"), "a", YES, NOW)
    assert not ledger.entries()
