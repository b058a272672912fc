"""The ledger's table in one SQLite file, shared by the processes of one machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from assay.errors import InputError, Refused, Unavailable
from assay.evidence.files import write_once
from assay.ledger.table import Row, Rows, broken

_SCHEMA = """
CREATE TABLE chain (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL, hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER chain_is_never_changed BEFORE UPDATE ON chain
    BEGIN SELECT RAISE(ABORT, 'the ledger is only appended to'); END;
CREATE TRIGGER chain_is_never_shortened BEFORE DELETE ON chain
    BEGIN SELECT RAISE(ABORT, 'the ledger is only appended to'); END;
CREATE TRIGGER chain_has_no_gap BEFORE INSERT ON chain
    WHEN new.seq IS NOT (SELECT 1 + coalesce(max(seq), 0) FROM chain)
    BEGIN SELECT RAISE(ABORT, 'the ledger is only appended to'); END;
"""
# What SQLite answers when the file is no ledger; all else means that it cannot be reached now.
_BROKEN = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class SqliteTable:
    """One file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def exists(self) -> bool:
        """Whether there is a file."""
        return self.path.exists()

    def create(self) -> None:
        """An empty table in a file of mode 0600.

        Raises:
            Refused: There is a file (`ledger_exists`).
        """
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.executescript(_SCHEMA)
            empty = connection.serialize()
        if not write_once(self.path, empty):
            raise Refused("ledger_exists", f"expected no {self.path.name}, found one")

    @contextmanager
    def reading(self, patience: float) -> Iterator[Rows]:
        """The rows as they are now; see `Table`."""
        with self._connected(patience) as connection:
            yield _SqliteRows(connection)

    @contextmanager
    def writing(self, patience: float) -> Iterator[Rows]:
        """The rows, alone; see `Table`."""
        with self._connected(patience) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield _SqliteRows(connection)
            connection.execute("COMMIT")

    @contextmanager
    def _connected(self, patience: float) -> Iterator[sqlite3.Connection]:
        """A connection of its own, whose open transaction is rolled back when it closes."""
        if not self.path.is_file():
            raise InputError(
                "no_ledger",
                f"expected a ledger at {self.path}, found none; put it back, or start a fresh home",
            )
        try:
            address = f"{self.path.absolute().as_uri()}?mode=rw"
            with closing(
                sqlite3.connect(address, uri=True, timeout=patience, isolation_level=None)
            ) as connection:
                # FULL, and the folder as well: a commit outlives a power loss.
                connection.execute("PRAGMA synchronous = EXTRA")
                yield connection
        except UnicodeDecodeError:  # SQLite quotes what it found in a damaged file
            raise broken("expected a ledger, found other bytes") from None
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF in _BROKEN:
                raise broken(f"expected a ledger, found: {error}") from None
            raise Unavailable(
                "ledger_unavailable", f"expected the ledger, found: {error}"
            ) from None


class _SqliteRows:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __iter__(self) -> Iterator[Row]:
        return iter(
            self._connection.execute("SELECT seq, kind, body, hash FROM chain ORDER BY seq")
        )

    def insert(self, row: Row) -> None:
        self._connection.execute("INSERT INTO chain VALUES (?, ?, ?, ?)", row)
