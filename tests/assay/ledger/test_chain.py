"""The chain only grows, and nothing in it can be changed, cut or forgotten unnoticed."""

from __future__ import annotations

import hashlib
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import AssayError, Refused
from assay.home import Home
from assay.ledger import START, Ledger
from assay.ledger.chain import MAX_BODY, NOTHING
from tests.assay.ledger.places import Place, SqlitePlace


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(AssayError) as refused:
        act()
    return refused.value.code


def filled(ledger: Ledger, count: int = 5) -> Ledger:
    for n in range(count):
        ledger.append("note" if n % 2 else "other_note", {"n": n})
    return ledger


@pytest.fixture
def ledger(place: Place) -> Ledger:
    """Each law holds wherever the ledger is."""
    return Ledger.of(place.home)


def test_entries_are_numbered_and_read_back_in_order(ledger: Ledger) -> None:
    appended = [ledger.append("note", {"n": n, "ä": [None, 0.5]}) for n in range(3)]
    assert ledger.entries() == tuple(appended)
    assert [entry.seq for entry in appended] == [1, 2, 3]
    assert ledger.head() == ledger.verify() == f"3:{appended[-1].hash}"


def test_kinds_are_told_apart(ledger: Ledger) -> None:
    filled(ledger)
    assert [entry.body["n"] for entry in ledger.entries("note")] == [1, 3]
    assert ledger.entries("absent") == ()


def test_each_hash_is_sha256_of_the_canonical_entry_and_the_hash_before(ledger: Ledger) -> None:
    last = NOTHING
    for entry in filled(ledger).entries():
        linked = rfc8785.dumps([last, entry.seq, entry.kind, dict(entry.body)])
        last = f"sha256:{hashlib.sha256(linked).hexdigest()}"
        assert entry.hash == last


bodies = st.dictionaries(
    st.text(max_size=4), st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=4)
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies)
def test_any_plain_body_is_read_back(ledger: Ledger, body: dict[str, Any]) -> None:
    assert dict(ledger.append("note", body).body) == body == dict(ledger.entries()[-1].body)


def test_an_empty_ledger_is_whole(ledger: Ledger) -> None:
    assert ledger.exists()
    assert ledger.entries() == ()
    assert ledger.head() == START


def test_a_file_is_private_and_alone(tmp_path: Path) -> None:
    home = Home(tmp_path)
    Ledger.create(home).append("note", {})
    assert home.ledger.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.db"]


def test_a_ledger_that_is_not_there_is_not_an_empty_one(place: Place, ledger: Ledger) -> None:
    if isinstance(place, SqlitePlace):
        place.home.ledger.unlink()
    else:
        place.tamper("DROP TABLE chain")
    for act in (ledger.verify, ledger.entries, lambda: ledger.append("note", {})):
        assert refusal(act) == "no_ledger"
    assert not ledger.exists()


def test_a_ledger_is_made_once(place: Place, ledger: Ledger) -> None:
    filled(ledger)
    assert refusal(lambda: Ledger.create(place.home)) == "ledger_exists"
    assert len(ledger.entries()) == 5


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("", {}),
        ("Note", {}),
        ('a"b', {}),
        ("a\n", {}),
        ("note", {"n": float("nan")}),
        ("note", {"n": 2**60}),
        ("note", {"n": object()}),
        ("note", {1: 2}),
        ("note", {"n": "x" * MAX_BODY}),
        ("note", {"n": "ä" * (MAX_BODY // 2)}),
    ],
)
def test_what_has_no_one_form_is_not_appended(ledger: Ledger, kind: str, body: Any) -> None:
    assert refusal(lambda: ledger.append(kind, body)) == "malformed"
    assert ledger.entries() == ()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE chain SET body = '{}'",
        "DELETE FROM chain",
        "INSERT INTO chain VALUES (1, 'note', '{}', '') "
        "ON CONFLICT (seq) DO UPDATE SET body = excluded.body",
        "INSERT INTO chain VALUES (7, 'note', '{}', '')",
        "INSERT INTO chain VALUES (NULL, 'note', '{}', '')",
    ],
)
def test_a_plain_connection_cannot_rewrite_it(place: Place, ledger: Ledger, statement: str) -> None:
    filled(ledger)
    with pytest.raises((sqlite3.IntegrityError, psycopg2.Error)):
        place.plain(statement)
    assert len(ledger.entries()) == 5


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE chain SET body = '{\"n\":9}' WHERE seq = 3",
        "UPDATE chain SET body = '{\"n\": 2}' WHERE seq = 3",
        "UPDATE chain SET kind = 'look' WHERE seq = 3",
        "UPDATE chain SET hash = 'sha256:' || substr(hash, 9) || 'f' WHERE seq = 5",
        "UPDATE chain SET seq = 6 WHERE seq = 5",
        "UPDATE chain SET seq = 0 WHERE seq = 1",
        "DELETE FROM chain WHERE seq = 1",
        "DELETE FROM chain WHERE seq = 3",
        "INSERT INTO chain SELECT 6, kind, body, hash FROM chain WHERE seq = 5",
        "INSERT INTO chain VALUES (6, 'note', '{}', '')",
        "ALTER TABLE chain RENAME COLUMN body TO text",
    ],
)
def test_a_broken_chain_is_neither_read_nor_appended_to(
    place: Place, ledger: Ledger, statement: str
) -> None:
    filled(ledger)
    place.tamper(statement)
    refuse_all(place, ledger)


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE chain",
        "UPDATE chain SET body = CAST(x'ff' AS TEXT) WHERE seq = 3",
    ],
)
def test_nor_is_a_file_that_is_no_ledger_any_more(tmp_path: Path, statement: str) -> None:
    place = SqlitePlace.make(tmp_path)
    ledger = filled(Ledger.of(place.home))
    place.tamper(statement)
    refuse_all(place, ledger)


def refuse_all(place: Place, ledger: Ledger) -> None:
    before = place.rows()
    for act in (ledger.verify, ledger.head, ledger.entries, lambda: ledger.append("note", {})):
        assert refusal(act) == "broken_chain"
    assert place.rows() == before


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(4080)])
def test_another_file_is_no_ledger(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ledger.db").write_bytes(content)
    assert refusal(Ledger.of(Home(tmp_path)).verify) == "broken_chain"


def test_no_flipped_bit_changes_what_is_read(tmp_path: Path) -> None:
    """Where a bit is of no consequence, such as in free pages, the chain reads as before."""
    file = Home(tmp_path).ledger
    ledger = filled(Ledger.create(Home(tmp_path)))
    said = ledger.entries()
    raw, chance = file.read_bytes(), random.Random(5)
    for _ in range(300):
        changed = bytearray(raw)
        changed[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        file.write_bytes(changed)
        try:
            assert ledger.entries() == said
        except AssayError:
            continue


def test_a_cut_chain_is_whole_but_does_not_reach_the_kept_head(
    place: Place, ledger: Ledger
) -> None:
    """As a backup that was put back."""
    first = filled(ledger, 3).head()
    head = filled(ledger, 2).head()
    assert ledger.verify(first) == ledger.verify(head) == head
    place.tamper("DELETE FROM chain WHERE seq > 3")
    assert ledger.verify() == first
    assert refusal(lambda: ledger.verify(head)) == "broken_chain"


def test_a_fork_does_not_reach_the_kept_head(place: Place, ledger: Ledger) -> None:
    head = filled(ledger, 3).head()
    place.tamper("DELETE FROM chain WHERE seq > 2")
    for n in range(4):
        ledger.append("note", {"other": n})
    assert ledger.verify()
    assert refusal(lambda: ledger.verify(head)) == "broken_chain"


@pytest.mark.parametrize("anchor", ["", "3", f"1:{NOTHING}", "-1:x", "3:sha256:"])
def test_an_anchor_that_names_no_head_is_not_reached(ledger: Ledger, anchor: str) -> None:
    filled(ledger)
    assert refusal(lambda: ledger.verify(anchor)) == "broken_chain"


def test_an_error_inside_a_step_appends_nothing(ledger: Ledger) -> None:
    head = filled(ledger).head()

    def fail() -> None:
        with ledger.writing() as chain:
            chain.append("note", {})
            assert len(chain.entries()) == 6
            raise Refused("no", "expected nothing")

    assert refusal(fail) == "no"
    assert ledger.head() == head


def test_several_entries_are_one_step(ledger: Ledger) -> None:
    with ledger.writing() as chain:
        chain.append("note", {"n": 1})
        second = chain.append("note", {"n": 2})
        assert chain.head == f"2:{second.hash}"
    assert [entry.body["n"] for entry in ledger.entries()] == [1, 2]
