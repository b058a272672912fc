"""The ledger: one table, only ever appended to, each entry bound to all before it.

    hash = sha256(RFC 8785 of [hash of the entry before, seq, kind, body])

A truncated copy verifies by itself, so its head is also kept elsewhere: `head` and `verify(head)`.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import EvidenceError, InputError, Refused, Unavailable
from assay.evidence.canonical import canonical, parse
from assay.evidence.digest import digest_bytes
from assay.evidence.files import write_once

PATIENCE = 30.0  # seconds to wait for another process's append
MAX_BODY = 1 << 16  # bytes
NOTHING = "sha256:" + "0" * 64  # stands before the first entry
START = f"0:{NOTHING}"  # the head of an empty chain
_KIND = re.compile(r"[a-z][a-z_]{0,31}")
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

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._rows = list(_verified(connection))

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
        self._connection.execute("INSERT INTO chain VALUES (?, ?, ?, ?)", row)
        self._rows.append(row)
        return _entry(*row)


class Ledger:
    """The ledger in one SQLite file, shared by processes; each use verifies the whole chain.

    A file that is not there is no empty ledger: looks and epsilon would be forgotten with it.
    """

    def __init__(self, path: Path, patience: float = PATIENCE) -> None:
        self.path = path
        self._patience = patience

    @classmethod
    def create(cls, path: Path) -> Ledger:
        """An empty ledger, 0600, where no file is.

        Raises:
            Refused: There is a file (`ledger_exists`).
        """
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.executescript(_SCHEMA)
            empty = connection.serialize()
        if not write_once(path, empty):
            raise Refused("ledger_exists", f"expected no {path.name}, found one")
        return cls(path)

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
        with self._connected() as connection:
            chain = Chain(connection)
        if not chain.passes(anchor):
            raise _broken("expected to go on from the head that was kept elsewhere")
        return chain.head

    @contextmanager
    def reading(self) -> Iterator[Chain]:
        """The chain as it is now.

        Raises:
            EvidenceError, Unavailable: As `entries`.
        """
        with self._connected() as connection:
            yield Chain(connection)

    @contextmanager
    def writing(self) -> Iterator[Chain]:
        """The chain, to read and append to as one step; an error inside appends nothing.

        Raises:
            EvidenceError, Unavailable: As `append`.
        """
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield Chain(connection)
            connection.execute("COMMIT")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own, whose open transaction is rolled back when it closes."""
        if not self.path.is_file():
            raise InputError(
                "no_ledger",
                f"expected a ledger at {self.path}, found none; put it back, or start a fresh home",
            )
        try:
            address = f"{self.path.absolute().as_uri()}?mode=rw"
            with closing(
                sqlite3.connect(address, uri=True, timeout=self._patience, isolation_level=None)
            ) as connection:
                # FULL, and the folder as well: a commit outlives a power loss.
                connection.execute("PRAGMA synchronous = EXTRA")
                yield connection
        except UnicodeDecodeError:  # SQLite quotes what it found in a damaged file
            raise _broken("expected a ledger, found other bytes") from None
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF in _BROKEN:
                raise _broken(f"expected a ledger, found: {error}") from None
            raise Unavailable(
                "ledger_unavailable", f"expected the ledger, found: {error}"
            ) from None


def _verified(connection: sqlite3.Connection) -> Iterator[tuple[int, str, str, str]]:
    last = NOTHING
    rows = connection.execute("SELECT seq, kind, body, hash FROM chain ORDER BY seq")
    for expected, (seq, kind, body, digest) in enumerate(rows, start=1):
        if seq != expected or type(body) is not str or digest != _hash(last, seq, kind, body):
            raise _broken(f"expected entry {expected} to follow from the one before it")
        last = digest
        yield seq, kind, body, digest


def _hash(last: str, seq: int, kind: str, body: str) -> str:
    """RFC 8785 as it stands: digest and kind are plain words, and the body is canonical."""
    return digest_bytes(f'["{last}",{seq},"{kind}",{body}]'.encode())


def _entry(seq: int, kind: str, body: str, digest: str) -> Entry:
    found = parse(body.encode("utf-8"), limit=MAX_BODY)
    if not isinstance(found, dict):
        raise _broken(f"expected named values in entry {seq}")
    return Entry(seq, kind, found, digest)


def _broken(told: str) -> EvidenceError:
    return EvidenceError("broken_chain", f"{told}; restore the ledger, append nothing to it")
