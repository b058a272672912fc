"""The chain only grows, and nothing in it can be changed, cut or forgotten unnoticed."""

from __future__ import annotations

import hashlib
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import AssayError, Refused
from assay.ledger import Ledger
from assay.ledger.chain import MAX_BODY, NOTHING, START


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(AssayError) as refused:
        act()
    return refused.value.code


def filled(ledger: Ledger, count: int = 5) -> Ledger:
    for n in range(count):
        ledger.append("note" if n % 2 else "other_note", {"n": n})
    return ledger


def tamper(ledger: Ledger, *statements: str) -> None:
    """Change the file as someone does who has it, past the triggers."""
    with closing(sqlite3.connect(ledger.path)) as connection:
        for name in ("is_never_changed", "is_never_shortened", "has_no_gap"):
            connection.execute(f"DROP TRIGGER IF EXISTS chain_{name}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


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


def test_an_empty_ledger_is_whole_and_private(ledger: Ledger) -> None:
    assert ledger.entries() == ()
    assert ledger.head() == START
    assert ledger.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in ledger.path.parent.iterdir()] == ["ledger.db"]


def test_a_ledger_that_is_not_there_is_not_an_empty_one(tmp_path: Path) -> None:
    absent = Ledger(tmp_path / "ledger.db")
    for act in (absent.verify, absent.entries, lambda: absent.append("note", {})):
        assert refusal(act) == "no_ledger"
    assert not absent.path.exists()


def test_a_ledger_is_made_once(ledger: Ledger) -> None:
    filled(ledger)
    assert refusal(lambda: Ledger.create(ledger.path)) == "ledger_exists"
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
        "INSERT OR REPLACE INTO chain VALUES (1, 'note', '{}', '')",
        "INSERT INTO chain VALUES (7, 'note', '{}', '')",
        "INSERT INTO chain VALUES (NULL, 'note', '{}', '')",
    ],
)
def test_a_plain_connection_cannot_rewrite_it(ledger: Ledger, statement: str) -> None:
    filled(ledger)
    connection = sqlite3.connect(ledger.path)
    with closing(connection), pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
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
        "DROP TABLE chain",
        "ALTER TABLE chain RENAME COLUMN body TO text",
        "UPDATE chain SET body = CAST(x'ff' AS TEXT) WHERE seq = 3",
    ],
)
def test_a_broken_chain_is_neither_read_nor_appended_to(ledger: Ledger, statement: str) -> None:
    tamper(filled(ledger), statement)
    before = ledger.path.read_bytes()
    for act in (ledger.verify, ledger.head, ledger.entries, lambda: ledger.append("note", {})):
        assert refusal(act) == "broken_chain"
    assert ledger.path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(4080)])
def test_another_file_is_no_ledger(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ledger.db").write_bytes(content)
    assert refusal(Ledger(tmp_path / "ledger.db").verify) == "broken_chain"


def test_no_flipped_bit_changes_what_is_read(ledger: Ledger) -> None:
    """Where a bit is of no consequence, such as in free pages, the chain reads as before."""
    said = filled(ledger).entries()
    raw, chance = ledger.path.read_bytes(), random.Random(5)
    for _ in range(300):
        changed = bytearray(raw)
        changed[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        ledger.path.write_bytes(changed)
        try:
            assert ledger.entries() == said
        except AssayError:
            continue


def test_a_cut_copy_is_whole_but_does_not_reach_the_kept_head(ledger: Ledger) -> None:
    first = filled(ledger, 3).head()
    older = ledger.path.with_name("older.db")
    shutil.copy(ledger.path, older)
    head = filled(ledger, 2).head()
    assert ledger.verify(first) == ledger.verify(head) == head
    restored = Ledger(older)
    assert restored.verify() == first
    assert refusal(lambda: restored.verify(head)) == "broken_chain"


def test_a_fork_does_not_reach_the_kept_head(ledger: Ledger, tmp_path: Path) -> None:
    head = filled(ledger, 3).head()
    fork = Ledger.create(tmp_path / "fork.db")
    for n in range(4):
        fork.append("note", {"other": n})
    assert refusal(lambda: fork.verify(head)) == "broken_chain"


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
