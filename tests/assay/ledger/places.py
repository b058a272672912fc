"""Where a ledger may be, and what somebody does there who goes around the code."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from assay.home import Home
from assay.ledger import Ledger
from assay.ledger.postgresql import PostgresTable
from tests.postgres import Postgres

TRIGGERS = ("is_never_changed", "is_never_shortened", "has_no_gap")


class Place(Protocol):
    """One empty ledger."""

    home: Home

    def plain(self, statement: str) -> None:
        """One statement by whoever may append."""

    def tamper(self, statement: str) -> None:
        """One statement by the owner, past the triggers."""

    def rows(self) -> Any:
        """All that is kept."""


@dataclass(frozen=True)
class SqlitePlace:
    """A file in a home."""

    home: Home

    @classmethod
    def make(cls, root: Path) -> SqlitePlace:
        Ledger.create(Home(root))
        return cls(Home(root))

    def plain(self, statement: str) -> None:
        with closing(sqlite3.connect(self.home.ledger)) as connection:
            connection.execute(statement)
            connection.commit()

    def tamper(self, statement: str) -> None:
        for name in TRIGGERS:
            self.plain(f"DROP TRIGGER IF EXISTS chain_{name}")
        self.plain(statement)

    def rows(self) -> bytes:
        return self.home.ledger.read_bytes()


@dataclass(frozen=True)
class PostgresPlace:
    """A table that `owner` owns and `assay` appends to."""

    home: Home
    server: Postgres
    database: str

    @classmethod
    def make(cls, root: Path, server: Postgres) -> PostgresPlace:
        database = server.database()
        table = PostgresTable(server.url(database, "owner"))
        table.create()
        table.lend("assay")
        return cls(at(root, server.url(database)), server, database)

    def plain(self, statement: str) -> None:
        self._run(statement, "assay")

    def tamper(self, statement: str) -> None:
        self._run("ALTER TABLE chain DISABLE TRIGGER ALL", "postgres")
        self._run(statement, "owner")

    def rows(self) -> Any:
        return self.server.sql(
            self.database, "SELECT chain::text FROM assay_ledger.chain ORDER BY 1"
        )

    def _run(self, statement: str, user: str) -> None:
        inside = f"SET search_path = assay_ledger; {statement}"
        self.server.sql(self.database, inside, user)


def at(root: Path, ledger: str) -> Home:
    """A home whose settings name this ledger."""
    home = Home(root)
    home.settings.write_text(f"ledger: {ledger}\n")
    home.settings.chmod(0o600)
    return home
