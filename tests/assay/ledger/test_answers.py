"""The same question is shown its answer; promotions have no gap and no twin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from assay.errors import AssayError
from assay.evidence.public import public_view
from assay.evidence.values import is_digest
from assay.ledger import (
    Ledger,
    find_decision,
    next_sequence,
    record_decision,
    record_promotion,
    request_digest,
)
from tests.assay.evidence.samples import NOW, decision, digest, promotion

ASKED = {"spec": digest("spec"), "code": "abc", "data": digest("data"), "policy": digest("policy")}
REQUEST = request_digest(**ASKED)
VIEW = public_view(decision(), digest("sealed"))


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(AssayError) as refused:
        act()
    return refused.value.code


@pytest.mark.parametrize("key", ASKED)
def test_a_request_is_its_spec_code_data_and_policy(key: str) -> None:
    assert is_digest(REQUEST)
    assert request_digest(**ASKED) == REQUEST
    assert request_digest(**{**ASKED, key: digest("other")}) != REQUEST
    assert refusal(lambda: request_digest(**{**ASKED, key: ""})) == "malformed"


def test_the_same_request_finds_its_last_decision(ledger: Ledger) -> None:
    assert find_decision(ledger, REQUEST, NOW) is None
    record_decision(ledger, REQUEST, VIEW)
    record_decision(ledger, REQUEST, replace(VIEW, version="8", sealed_digest=digest("later")))
    found = find_decision(ledger, REQUEST, NOW)
    assert found is not None
    assert (found.body["version"], found.body["decision"]) == ("8", digest("later"))
    assert (found.body["model"], found.body["bundle"]) == ("credit", VIEW.bundle_digest)
    assert found.body["allowed"] is VIEW.allowed


def test_another_request_finds_nothing(ledger: Ledger) -> None:
    record_decision(ledger, REQUEST, VIEW)
    assert find_decision(ledger, request_digest(**{**ASKED, "code": "abd"}), NOW) is None


@pytest.mark.parametrize("now", [NOW - 1, VIEW.expires_at, VIEW.expires_at + 1])
def test_a_decision_of_another_time_is_asked_again(ledger: Ledger, now: int) -> None:
    record_decision(ledger, REQUEST, VIEW)
    assert find_decision(ledger, REQUEST, now) is None


def test_promotions_of_a_model_are_numbered_without_gap(ledger: Ledger) -> None:
    for sequence in (1, 2, 3):
        assert next_sequence(ledger, "credit") == sequence
        entry = record_promotion(ledger, promotion(sequence), b"{}")
        assert (entry.body["sequence"], entry.body["envelope"]) == (sequence, "{}")
    assert next_sequence(ledger, "mortgage") == 1


@pytest.mark.parametrize("sequence", [0, 1, 3, 99])
def test_a_number_that_is_taken_or_not_due_is_refused(ledger: Ledger, sequence: int) -> None:
    record_promotion(ledger, promotion(1), b"{}")
    before = ledger.head()
    taken = promotion(sequence)
    assert refusal(lambda: record_promotion(ledger, taken, b"{}")) == "conflict"
    assert ledger.head() == before
