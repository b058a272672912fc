"""The ledger: one table, only ever appended to, each entry bound to all before it.

    hash = sha256(RFC 8785 of [hash of the entry before, seq, kind, body])

A truncated copy verifies by itself, so its head is also kept elsewhere: `head` and `verify(head)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from assay.errors import EvidenceError
from assay.evidence.canonical import canonical, parse
from assay.evidence.digest import digest_bytes
from assay.home import Home
from assay.ledger.postgresql import PostgresTable
from assay.ledger.sqlite import SqliteTable
from assay.ledger.table import Row, Rows, Table, broken
from assay.settings import load_settings

PATIENCE = 30.0  # seconds to wait for another process's append
MAX_BODY = 1 << 16  # bytes
NOTHING = "sha256:" + "0" * 64  # stands before the first entry
START = f"0:{NOTHING}"  # the head of an empty chain
_KIND = re.compile(r"[a-z][a-z_]{0,31}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the chain.

    Attributes:
        seq: 1, 2, 3 and so on.
        kind: Such as `look` or `promotion`.
        body: Plain JSON.
        hash: `sha256:` over this entry and, through its predecessor, all before it.
    """

    seq: int
    kind: str
    body: Mapping[str, Any]
    hash: str


class Chain:
    """The verified chain inside one exclusive transaction: nobody else appends meanwhile."""

    def __init__(self, table: Rows) -> None:
        self._table = table
        self._rows = list(_verified(table))

    @property
    def head(self) -> str:
        """`<seq>:<hash>` of the last entry."""
        return f"{len(self._rows)}:{self._rows[-1][3]}" if self._rows else START

    def passes(self, anchor: str) -> bool:
        """Whether this head was once, or is, the chain's."""
        return anchor in (START, *(f"{seq}:{digest}" for seq, _, _, digest in self._rows))

    def entries(self, kind: str | None = None) -> tuple[Entry, ...]:
        """All entries, or those of one kind, in order."""
        return tuple(_entry(*row) for row in self._rows if kind in (None, row[1]))

    def append(self, kind: str, body: Mapping[str, Any]) -> Entry:
        """One more entry; it stands once the transaction ends well.

        Args:
            kind: Lower-case word.
            body: Plain JSON without personal values, at most `MAX_BODY` bytes.

        Raises:
            EvidenceError: The body is no plain JSON, or too large.
        """
        written = canonical(dict(body))
        if not _KIND.fullmatch(kind) or len(written) > MAX_BODY:
            raise EvidenceError("malformed", f"expected a kind, and at most {MAX_BODY} bytes")
        seq, last = len(self._rows) + 1, self.head.partition(":")[2]
        text = written.decode("utf-8")
        row = (seq, kind, text, _hash(last, seq, kind, text))
        self._table.insert(row)
        self._rows.append(row)
        return _entry(*row)


class Ledger:
    """The ledger of an installation, shared by processes; each use verifies the whole chain.

    A table that is not there is no empty ledger: looks and epsilon would be forgotten with it.
    """

    def __init__(self, table: Table, patience: float = PATIENCE) -> None:
        self._table = table
        self._patience = patience

    @classmethod
    def of(cls, home: Home) -> Ledger:
        """The ledger that a home's settings name, or else the one in the home.

        Raises:
            InputError: The settings cannot be read (`bad_settings`).
        """
        url = load_settings(home).ledger
        return cls(SqliteTable(home.ledger) if url is None else PostgresTable(url))

    @classmethod
    def create(cls, home: Home) -> Ledger:
        """A home's ledger, empty, where none is.

        Raises:
            Refused: There is one (`ledger_exists`).
            InputError: As `of`.
            Unavailable: It cannot be made now.
        """
        made = cls.of(home)
        made._table.create()
        return made

    def __str__(self) -> str:
        """Where it is, without a password."""
        return str(self._table)

    def exists(self) -> bool:
        """Whether there is one, whole or not.

        Raises:
            Unavailable: Nobody can tell now.
        """
        return self._table.exists()

    def append(self, kind: str, body: Mapping[str, Any]) -> Entry:
        """One more entry, on disk when this returns.

        Raises:
            EvidenceError: The chain is broken (`broken_chain`), or the body is malformed.
            Unavailable: The ledger cannot be written now, and nothing was.
        """
        with self.writing() as chain:
            return chain.append(kind, body)

    def entries(self, kind: str | None = None) -> tuple[Entry, ...]:
        """All entries, or those of one kind, in order.

        Raises:
            EvidenceError: The chain is broken (`broken_chain`).
            Unavailable: The ledger cannot be read now.
        """
        with self.reading() as chain:
            return chain.entries(kind)

    def head(self) -> str:
        """`<seq>:<hash>` of the last entry, to be kept elsewhere."""
        return self.verify()

    def verify(self, anchor: str = START) -> str:
        """Check that the chain is whole, and that it goes on from a head that was kept elsewhere.

        Returns:
            Its head.

        Raises:
            EvidenceError: It is not, or was cut, or put back (`broken_chain`).
        """
        with self.reading() as chain:
            head = chain.head
        if not chain.passes(anchor):
            raise broken("expected to go on from the head that was kept elsewhere")
        return head

    @contextmanager
    def reading(self) -> Iterator[Chain]:
        """The chain as it is now.

        Raises:
            EvidenceError, Unavailable: As `entries`.
        """
        with self._table.reading(self._patience) as rows:
            yield Chain(rows)

    @contextmanager
    def writing(self) -> Iterator[Chain]:
        """The chain, to read and append to as one step; an error inside appends nothing.

        Raises:
            EvidenceError, Unavailable: As `append`.
        """
        with self._table.writing(self._patience) as rows:
            yield Chain(rows)


def _verified(rows: Rows) -> Iterator[Row]:
    last = NOTHING
    for expected, (seq, kind, body, digest) in enumerate(rows, start=1):
        if seq != expected or type(body) is not str or digest != _hash(last, seq, kind, body):
            raise broken(f"expected entry {expected} to follow from the one before it")
        last = digest
        yield seq, kind, body, digest


def _hash(last: str, seq: int, kind: str, body: str) -> str:
    """RFC 8785 as it stands: digest and kind are plain words, and the body is canonical."""
    return digest_bytes(f'["{last}",{seq},"{kind}",{body}]'.encode())


def _entry(seq: int, kind: str, body: str, digest: str) -> Entry:
    found = parse(body.encode("utf-8"), limit=MAX_BODY)
    if not isinstance(found, dict):
        raise broken(f"expected named values in entry {seq}")
    return Entry(seq, kind, found, digest)
