"""What the chain asks of a database: rows in order, and one more behind them, alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

from assay.errors import EvidenceError

Row: TypeAlias = tuple[int, str, str, str]  # seq, kind, body, hash


class Rows(Protocol):
    """The rows that one transaction sees."""

    def __iter__(self) -> Iterator[Row]:
        """All of them, by seq; types are what the database holds, and are checked by the chain."""

    def insert(self, row: Row) -> None:
        """One more; it stands once the transaction ends well."""


class Table(Protocol):
    """Where the rows are; its text names the place, and never a password.

    Each transaction raises `no_ledger` (InputError) where there is no table, `broken_chain`
    (EvidenceError) where it is another one or damaged, and `ledger_unavailable` (Unavailable)
    where it cannot be read or written now.
    """

    def exists(self) -> bool:
        """Whether there is a table, whatever is in it."""

    def create(self) -> None:
        """An empty table; `ledger_exists` (Refused) where there is one."""

    def reading(self, patience: float) -> AbstractContextManager[Rows]:
        """A transaction that reads.

        Args:
            patience: Seconds to wait for whoever holds the table.
        """

    def writing(self, patience: float) -> AbstractContextManager[Rows]:
        """A transaction next to which nobody else writes; on disk when the block ends well.

        An error inside the block rolls all of it back.
        """


def broken(told: str) -> EvidenceError:
    """The refusal to go on from a chain that is not whole."""
    return EvidenceError("broken_chain", f"{told}; restore the ledger, append nothing to it")
