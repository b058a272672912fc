"""Looks and releases are spent before anything is seen, and never given back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from assay.errors import AssayError
from assay.ledger import (
    Ledger,
    look_recorded,
    looks_spent,
    record_look,
    reserve_release,
    store_release,
)
from tests.assay.evidence.samples import NOW, digest

HOLDOUT, REQUEST, PAYLOAD = digest("holdout"), digest("request"), digest("payload")
UNITS, DECLARATION, RELEASE = digest("units"), digest("declaration"), digest("release")


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(AssayError) as refused:
        act()
    return refused.value.code


def look(ledger: Ledger, holdout: str = HOLDOUT, subject: str = PAYLOAD, allowed: int = 3) -> int:
    return record_look(ledger, holdout, REQUEST, subject, NOW, allowed)


def test_each_look_counts_also_the_same_one_again(ledger: Ledger) -> None:
    assert [look(ledger) for _ in range(3)] == [1, 2, 3]
    assert looks_spent(ledger, HOLDOUT) == 3


def test_the_look_after_the_last_is_refused_and_not_counted(ledger: Ledger) -> None:
    for _ in range(3):
        look(ledger)
    with pytest.raises(AssayError, match="new rows") as refused:
        look(ledger)
    assert refused.value.code == "looks_spent"
    assert looks_spent(ledger, HOLDOUT) == 3


def test_another_candidate_or_request_resets_nothing(ledger: Ledger) -> None:
    for name in ("one", "two", "three"):
        record_look(ledger, HOLDOUT, digest("request " + name), digest(name), NOW, 3)
    assert refusal(lambda: look(ledger, subject=digest("four"))) == "looks_spent"


def test_a_stricter_number_of_looks_holds_at_once(ledger: Ledger) -> None:
    look(ledger, allowed=20)
    assert refusal(lambda: look(ledger, allowed=1)) == "looks_spent"
    assert refusal(lambda: look(ledger, digest("other"), allowed=0)) == "looks_spent"


def test_another_holdout_has_its_own_looks(ledger: Ledger) -> None:
    look(ledger)
    assert look(ledger, digest("other")) == 1
    assert looks_spent(ledger, digest("never opened")) == 0


def test_a_look_is_recorded_for_its_candidate_alone(ledger: Ledger) -> None:
    look(ledger)
    assert look_recorded(ledger, HOLDOUT, PAYLOAD)
    assert not look_recorded(ledger, HOLDOUT, digest("other"))
    assert not look_recorded(ledger, digest("other"), PAYLOAD)


BAD_DIGESTS: list[Any] = ["", "x", None, "sha256:" + "A" * 64, 3]
BAD_TIMES: list[Any] = [None, -1, True, 1.5, "now"]


@pytest.mark.parametrize("found", BAD_DIGESTS, ids=repr)
def test_a_malformed_digest_is_not_recorded(ledger: Ledger, found: Any) -> None:
    for at in range(3):
        digests = [HOLDOUT, REQUEST, PAYLOAD]
        digests[at] = found
        assert refusal(lambda d=digests: record_look(ledger, *d, NOW, 3)) == "malformed"
    assert refusal(lambda: reserve_release(ledger, found, DECLARATION, NOW)) == "malformed"
    assert refusal(lambda: reserve_release(ledger, UNITS, found, NOW)) == "malformed"
    reserve_release(ledger, UNITS, DECLARATION, NOW)
    assert refusal(lambda: store_release(ledger, UNITS, found, NOW)) == "malformed"
    assert len(ledger.entries()) == 1


@pytest.mark.parametrize("found", BAD_TIMES, ids=repr)
def test_a_malformed_time_is_not_recorded(ledger: Ledger, found: Any) -> None:
    assert refusal(lambda: record_look(ledger, HOLDOUT, REQUEST, PAYLOAD, found, 3)) == "malformed"
    assert refusal(lambda: reserve_release(ledger, UNITS, DECLARATION, found)) == "malformed"
    assert ledger.entries() == ()


def test_a_stored_release_is_given_again_for_the_same_declaration(ledger: Ledger) -> None:
    assert reserve_release(ledger, UNITS, DECLARATION, NOW) is None
    store_release(ledger, UNITS, RELEASE, NOW)
    for _ in range(3):
        assert reserve_release(ledger, UNITS, DECLARATION, NOW) == RELEASE
    assert len(ledger.entries()) == 2


@pytest.mark.parametrize("stored", [False, True])
def test_another_declaration_for_the_same_units_is_refused(ledger: Ledger, stored: bool) -> None:
    reserve_release(ledger, UNITS, DECLARATION, NOW)
    if stored:
        store_release(ledger, UNITS, RELEASE, NOW)
    before = ledger.head()
    assert refusal(lambda: reserve_release(ledger, UNITS, digest("x"), NOW)) == "epsilon_spent"
    assert ledger.head() == before


def test_an_interrupted_release_stays_spent(ledger: Ledger) -> None:
    """Nobody knows what the lost release showed, so a retry would be a second charge."""
    reserve_release(ledger, UNITS, DECLARATION, NOW)
    assert refusal(lambda: reserve_release(ledger, UNITS, DECLARATION, NOW)) == "epsilon_spent"
    store_release(ledger, UNITS, RELEASE, NOW)
    assert reserve_release(ledger, UNITS, DECLARATION, NOW) == RELEASE


def test_other_units_are_charged_on_their_own(ledger: Ledger) -> None:
    reserve_release(ledger, UNITS, DECLARATION, NOW)
    assert reserve_release(ledger, digest("other units"), digest("x"), NOW) is None


def test_only_what_was_reserved_is_stored_and_only_once(ledger: Ledger) -> None:
    assert refusal(lambda: store_release(ledger, UNITS, RELEASE, NOW)) == "not_reserved"
    reserve_release(ledger, UNITS, DECLARATION, NOW)
    store_release(ledger, UNITS, RELEASE, NOW)
    store_release(ledger, UNITS, RELEASE, NOW)
    assert refusal(lambda: store_release(ledger, UNITS, digest("x"), NOW)) == "epsilon_spent"
    assert len(ledger.entries()) == 2


def test_bodies_hold_digests_and_times_alone(ledger: Ledger) -> None:
    look(ledger)
    reserve_release(ledger, UNITS, DECLARATION, NOW)
    store_release(ledger, UNITS, RELEASE, NOW)
    values = [value for entry in ledger.entries() for value in entry.body.values()]
    known = {HOLDOUT, REQUEST, PAYLOAD, UNITS, DECLARATION, RELEASE, NOW}
    assert set(values) == known
    assert json.dumps(values)
