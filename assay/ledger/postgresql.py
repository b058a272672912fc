"""The ledger's table in a PostgreSQL database, shared by machines.

Its owner makes it; who appends to it needs no more than to read and to insert.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from assay.errors import AssayError, InputError, Refused, Unavailable
from assay.ledger.table import Row, Rows, broken
from assay.settings import shown_url

_CONNECT = 10  # seconds until a server that says nothing is given up
_WRITER = 0x6173736179  # "assay": the advisory lock of whoever appends
_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS assay_ledger;
CREATE TABLE assay_ledger.chain (
    seq BIGINT PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL, hash TEXT NOT NULL
);
CREATE OR REPLACE FUNCTION assay_ledger.refuse() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.seq = (SELECT 1 + coalesce(max(seq), 0) FROM assay_ledger.chain) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the ledger is only appended to'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER chain_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON assay_ledger.chain
    FOR EACH STATEMENT EXECUTE FUNCTION assay_ledger.refuse();
CREATE TRIGGER chain_has_no_gap BEFORE INSERT ON assay_ledger.chain
    FOR EACH ROW EXECUTE FUNCTION assay_ledger.refuse();
ALTER TABLE assay_ledger.chain ENABLE ALWAYS TRIGGER chain_is_never_changed;
ALTER TABLE assay_ledger.chain ENABLE ALWAYS TRIGGER chain_has_no_gap;
"""
_EXISTS = """SELECT EXISTS (SELECT FROM pg_catalog.pg_tables
    WHERE schemaname = 'assay_ledger' AND tablename = 'chain')"""
# Settings of one transaction, whatever role, database or server would have it otherwise.
_SETTINGS = """SELECT pg_catalog.set_config('synchronous_commit', 'on', true),
    pg_catalog.set_config('lock_timeout', %s, true),
    pg_catalog.set_config('statement_timeout', '60s', true)"""
_ABSENT = frozenset({"42P01", "3F000"})  # undefined_table, invalid_schema_name
_FOREIGN = frozenset({"42703", "22021"})  # undefined_column, character_not_in_repertoire
_CORRUPTED = "XX"  # the class of a damaged page or index


class PostgresTable:
    """The table `assay_ledger.chain` of one database.

    Args:
        url: As `Settings.ledger` has it.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def __str__(self) -> str:
        return shown_url(self._url)

    def exists(self) -> bool:
        """Whether there is a table, whoever may read it.

        Raises:
            Unavailable: The database does not answer.
        """
        with self._transaction(_CONNECT) as cursor:
            cursor.execute(_EXISTS)
            return bool(cursor.fetchone()[0])

    def create(self) -> None:
        """An empty table, which belongs to the URL's user.

        Raises:
            Refused: There is one (`ledger_exists`).
            Unavailable: The database does not answer, or the user may not make one.
        """
        with self._alone(_CONNECT) as cursor:
            cursor.execute(_EXISTS)
            if cursor.fetchone()[0]:
                raise Refused("ledger_exists", f"expected no ledger at {self}, found one")
            cursor.execute(_SCHEMA)

    def lend(self, user: str) -> None:
        """Let a role that owns nothing read and append, as the owner.

        Raises:
            Unavailable: The database does not answer, or there is no such role.
        """
        from psycopg2.sql import SQL, Identifier

        with self._transaction(_CONNECT, writes=True) as cursor:
            for statement in (
                "REVOKE ALL ON assay_ledger.chain FROM {}",
                "GRANT USAGE ON SCHEMA assay_ledger TO {}",
                "GRANT SELECT, INSERT ON assay_ledger.chain TO {}",
            ):
                cursor.execute(SQL(statement).format(Identifier(user)))

    @contextmanager
    def reading(self, patience: float) -> Iterator[Rows]:
        """The rows as they are now; see `Table`."""
        with self._transaction(patience) as cursor:
            yield _PostgresRows(cursor)

    @contextmanager
    def writing(self, patience: float) -> Iterator[Rows]:
        """The rows, alone; see `Table`. An answer lost in the commit may leave the entry standing.

        The lock is advisory, because one on the table takes more rights than to append; whoever
        writes without it meets the primary key.
        """
        with self._alone(patience) as cursor:
            yield _PostgresRows(cursor)

    @contextmanager
    def _alone(self, patience: float) -> Iterator[Any]:
        with self._transaction(patience, writes=True) as cursor:
            cursor.execute("SELECT pg_catalog.pg_advisory_xact_lock(%s)", (_WRITER,))
            yield cursor

    @contextmanager
    def _transaction(self, patience: float, writes: bool = False) -> Iterator[Any]:
        """A cursor in a connection of its own; what is not committed is rolled back."""
        try:
            import psycopg2
        except ModuleNotFoundError:
            told = "expected psycopg2, found none; pip install '.[postgresql]'"
            raise InputError("no_psycopg2", told) from None
        limit = f"{max(1, round(patience * 1000))}ms"
        try:
            with closing(
                psycopg2.connect(self._url, connect_timeout=_CONNECT, client_encoding="UTF8")
            ) as connection:
                # Each statement sees what was committed before it: the chain, after the lock.
                connection.set_session(isolation_level="READ COMMITTED", readonly=not writes)
                with connection.cursor() as cursor:
                    cursor.execute(_SETTINGS, (limit,))
                    yield cursor
                if writes:
                    connection.commit()
        except psycopg2.Error as error:
            raise self._told(error.pgcode, str(error)) from None

    def _told(self, code: str | None, text: str) -> AssayError:
        """What a database's error means; where there is no code, no connection was made."""
        if code in _ABSENT:
            told = f"expected a ledger at {self}, found none; put it back, or start a fresh home"
            return InputError("no_ledger", told)
        if code in _FOREIGN or (code or "").startswith(_CORRUPTED):
            return broken(f"expected a ledger at {self}, found SQLSTATE {code}")
        # libpq names host and user; the URL's form sees to it that they are no piece of a password.
        found = text.partition("\n")[0] or "no answer"
        return Unavailable("ledger_unavailable", f"expected the ledger at {self}, found: {found}")


class _PostgresRows:
    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def __iter__(self) -> Iterator[Row]:
        self._cursor.execute("SELECT seq, kind, body, hash FROM assay_ledger.chain ORDER BY seq")
        return iter(self._cursor)

    def insert(self, row: Row) -> None:
        self._cursor.execute("INSERT INTO assay_ledger.chain VALUES (%s, %s, %s, %s)", row)
