"""The ledger in PostgreSQL: its users only append, and a server that fails is told apart."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from assay.errors import AssayError, InputError, Unavailable
from assay.home import REPOSITORY
from assay.ledger import Ledger
from assay.ledger.postgresql import PostgresTable
from tests.assay.ledger.places import PostgresPlace, at
from tests.postgres import Postgres

WRITES = (
    "UPDATE assay_ledger.chain SET body = '{}'",
    "DELETE FROM assay_ledger.chain",
    "TRUNCATE assay_ledger.chain",
    "INSERT INTO assay_ledger.chain VALUES (1, 'note', '{}', '')",
    "INSERT INTO assay_ledger.chain VALUES (4, 'note', '{}', '')",
    "INSERT INTO assay_ledger.chain VALUES (NULL, 'note', '{}', '')",
)


@pytest.fixture(scope="module")
def shared(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> PostgresPlace:
    """Two entries that nobody changes."""
    made = PostgresPlace.make(tmp_path_factory.mktemp("shared"), postgres)
    for n in range(2):
        Ledger.of(made.home).append("note", {"n": n})
    return made


@pytest.mark.parametrize("statement", WRITES)
@pytest.mark.parametrize("user", ["owner", "assay", "postgres"])
def test_nobody_changes_an_entry_by_a_plain_statement(
    shared: PostgresPlace, statement: str, user: str
) -> None:
    before = shared.rows()
    with pytest.raises(psycopg2.Error):
        shared.server.sql(shared.database, statement, user)
    assert shared.rows() == before


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE assay_ledger.chain DISABLE TRIGGER ALL",
        "DROP TRIGGER chain_is_never_changed ON assay_ledger.chain",
        "CREATE OR REPLACE FUNCTION assay_ledger.refuse() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN RETURN NEW; END $$",
        "CREATE TABLE assay_ledger.other ()",
        "SET session_replication_role = replica",
    ],
)
def test_who_appends_takes_no_guard_away(shared: PostgresPlace, statement: str) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        shared.server.sql(shared.database, statement, "assay")


def test_an_owner_without_triggers_is_no_way_either(shared: PostgresPlace) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        shared.server.sql(shared.database, "SET session_replication_role = replica", "owner")


def test_a_commit_is_on_disk_whatever_the_role_is_set_to(
    shared: PostgresPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c synchronous_commit=off -c search_path=elsewhere")
    table = PostgresTable(shared.server.url(shared.database))
    with table._transaction(1) as cursor:
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("on",)
    assert len(Ledger.of(shared.home).entries()) == 2


def test_a_reader_waits_for_no_writer(shared: PostgresPlace) -> None:
    ledger = Ledger.of(shared.home)
    with ledger.writing():
        assert len(Ledger(ledger._table, patience=0.1).entries()) == 2


def test_a_writer_sees_what_was_appended_while_it_waited(
    postgres: Postgres, tmp_path: Path
) -> None:
    """Also where the role's own default would show it the past."""
    place = PostgresPlace.make(tmp_path, postgres)
    default = f"ALTER DATABASE {place.database} SET default_transaction_isolation = serializable"
    postgres.sql(place.database, default)
    ledger = Ledger.of(place.home)
    with ledger.writing() as chain:
        late = threading.Thread(target=lambda: ledger.append("note", {"n": 2}))
        late.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while postgres.sql(place.database, waiting, "postgres") != [(1,)]:
            pass
        chain.append("note", {"n": 1})
    late.join()
    assert [entry.body["n"] for entry in ledger.entries()] == [1, 2]


def test_a_server_that_ends_meanwhile_appends_nothing(postgres: Postgres, tmp_path: Path) -> None:
    place = PostgresPlace.make(tmp_path, postgres)
    ledger = Ledger.of(place.home)
    others = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with pytest.raises(Unavailable) as refused, ledger.writing() as chain:
        chain.append("note", {})
        postgres.sql(place.database, others, "postgres")
    assert refused.value.code == "ledger_unavailable"
    assert ledger.entries() == ()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://assay:pw-wrong@127.0.0.1:{port}/postgres", "authentication failed"),
        ("postgresql://nobody:pw-wrong@127.0.0.1:{port}/postgres", "authentication failed"),
        ("postgresql://assay:pw-assay@127.0.0.1:{port}/absent", "does not exist"),
        ("postgresql://assay:pw-assay@127.0.0.1:1/postgres", "refused"),
        ("postgresql://assay:pw-assay@host.invalid/postgres", "host.invalid"),
        ("postgresql://assay:pw-assay@127.0.0.1:{port}/postgres?sslmode=require", "SSL"),
        ("postgresql://assay:pw-assay@127.0.0.1:{port}/postgres?sslmode=odd", "sslmode"),
        ("postgresql://assay:pw-assay@127.0.0.1:odd/postgres", "odd"),
        ("postgresql://assay@127.0.0.1:{port}/postgres?password=pw-wrong", "authentication"),
    ],
)
def test_a_server_that_does_not_answer_is_said_without_a_password(
    postgres: Postgres, tmp_path: Path, url: str, told: str
) -> None:
    ledger = Ledger.of(at(tmp_path, url.format(port=postgres.port)))
    for act in (ledger.exists, ledger.verify, lambda: ledger.append("note", {})):
        with pytest.raises(Unavailable, match=told) as refused:
            act()
        assert refused.value.code == "ledger_unavailable"
        assert "pw-" not in refused.value.message


def test_a_database_without_a_ledger_is_not_an_empty_one(
    postgres: Postgres, tmp_path: Path
) -> None:
    ledger = Ledger.of(at(tmp_path, postgres.url(postgres.database())))
    assert not ledger.exists()
    with pytest.raises(InputError, match="no_ledger"):
        ledger.verify()


def test_a_ledger_that_was_not_lent_is_unavailable_and_not_gone(
    postgres: Postgres, tmp_path: Path
) -> None:
    database = postgres.database()
    PostgresTable(postgres.url(database, "owner")).create()
    ledger = Ledger.of(at(tmp_path, postgres.url(database)))
    assert ledger.exists()
    with pytest.raises(Unavailable, match="permission denied"):
        ledger.verify()
    with pytest.raises(AssayError, match="ledger_unavailable"):
        PostgresTable(postgres.url(database, "owner")).lend("absent")


def test_bytes_that_are_no_text_are_a_broken_chain(postgres: Postgres, tmp_path: Path) -> None:
    database = postgres.database()
    postgres.sql(
        "postgres",
        f"CREATE DATABASE {database}_ascii OWNER owner ENCODING SQL_ASCII TEMPLATE template0",
        "postgres",
    )
    url = postgres.url(f"{database}_ascii", "owner")
    table = PostgresTable(url)
    table.create()
    Ledger(table).append("note", {})
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE assay_ledger.chain DISABLE TRIGGER chain_is_never_changed")
        cursor.execute("UPDATE assay_ledger.chain SET body = convert_from('\\xff', 'SQL_ASCII')")
        connection.commit()
    with pytest.raises(AssayError, match="broken_chain"):
        Ledger(table).verify()


def test_where_the_ledger_is_a_file_the_library_is_not_loaded(tmp_path: Path) -> None:
    program = (
        "import sys; from assay.home import Home; from assay.ledger import Ledger; "
        "Ledger.create(Home(__import__('pathlib').Path(sys.argv[1]))).append('note', {}); "
        "sys.exit('psycopg2' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=REPOSITORY, check=True)
