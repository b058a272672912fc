"""Who opened what a home guards: one line for each access, written before anything is opened.

`HOME/access.log` holds canonical JSON, a line each, bound to the line before by its SHA-256. It is
only appended to. A shortened file verifies by itself, so its head is also kept elsewhere: each
decision of the ledger names it.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, fields

from assay.errors import AssayError, EvidenceError, Unavailable
from assay.evidence.canonical import canonical, parse_canonical
from assay.evidence.digest import digest_bytes
from assay.home import Home

GRANTED, ASKED = "granted", "asked"
NOTHING = "sha256:" + "0" * 64  # stands before the first line
ANCHOR = "access"  # where an entry of the ledger says which line was the last one
MAX_LINE = 4096  # bytes
_signed_in: ContextVar[str] = ContextVar("signed_in", default="")


@dataclass(frozen=True, slots=True)
class Access:
    """One line.

    Attributes:
        at: Unix seconds.
        account: The operating system's account of the process that asked.
        user: Who was signed in to the registry's server; empty elsewhere.
        what: Such as `holdout of uci-credit`, `key gate`, `alias champion of credit`.
        digest: `sha256:` of what was opened; empty where it has none.
        outcome: `granted`, or `refused CODE`; `asked` stands before an answer that takes a verdict.
        before: `sha256:` of the line before.
    """

    at: int
    account: str
    user: str
    what: str
    digest: str
    outcome: str
    before: str


@contextmanager
def signed_in(user: str | None) -> Iterator[None]:
    """While this lasts, what this thread of execution opens is opened for a user."""
    token = _signed_in.set(user or "")
    try:
        yield
    finally:
        _signed_in.reset(token)


def note(home: Home, what: str, digest: str = "", outcome: str = GRANTED) -> None:
    """Append a line; whoever cannot be written down gets no access.

    Args:
        home: The installation.
        what: What is opened, in words of our own: never a value or a name from outside.
        digest: `sha256:` of it.
        outcome: `granted`, `asked` or `refused CODE`.

    Raises:
        Unavailable: The log cannot be written (`no_access_log`).
        EvidenceError: It does not end with a line of ours (`log_changed`).
    """
    try:
        log = os.open(home.access, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _no_log(error) from None
    try:
        fcntl.flock(log, fcntl.LOCK_EX)
        end, last = _last_line(log)
        before = digest_bytes(last) if last else NOTHING
        access = Access(
            int(time.time()), _account(), _signed_in.get(), what, digest, outcome, before
        )
        _append(log, end, canonical(asdict(access)) + b"\n")
    except OSError as error:
        raise _no_log(error) from None
    finally:
        os.close(log)


@contextmanager
def noted(home: Home, what: str) -> Iterator[None]:
    """Two lines around what takes a verdict: that it was asked, and how it was answered."""
    note(home, what, outcome=ASKED)
    try:
        yield
    except AssayError as error:
        note(home, what, outcome=f"refused {error.code}")
        raise
    note(home, what)


def head(home: Home) -> str:
    """`sha256:` of the last line, which is on disk by then; `NOTHING` while there is none.

    Raises:
        Unavailable: The log cannot be read (`no_access_log`).
        EvidenceError: It does not end with a line of ours (`log_changed`).
    """
    try:
        log = os.open(home.access, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return NOTHING
    except OSError as error:
        raise _no_log(error) from None
    try:
        last = _last_line(log)[1]
        os.fsync(log)  # a power loss must not take what a decision will name
    except OSError as error:
        raise _no_log(error) from None
    finally:
        os.close(log)
    return digest_bytes(last) if last else NOTHING


def read_accesses(home: Home, heads: frozenset[str] = frozenset()) -> tuple[Access, ...]:
    """Every line, once each is bound to the one before.

    Args:
        home: The installation.
        heads: Digests of lines that have to be among them: heads that were kept elsewhere.

    Raises:
        EvidenceError: `log_changed` at the first line that is not as it was written;
            `log_shortened` when a line that was once the last one is gone.
    """
    accesses: list[Access] = []
    before, known = NOTHING, {NOTHING}
    for number, line in enumerate(_lines(home), 1):
        access = _parse(line, number)
        if access.before != before:
            raise _changed(number)
        before = digest_bytes(line)
        known.add(before)
        accesses.append(access)
    if gone := len(heads - known):
        told = f"expected every line of {home.access.name} that a decision names, found {gone} gone"
        raise EvidenceError("log_shortened", told)
    return tuple(accesses)


def _account() -> str:
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _last_line(log: int) -> tuple[int, bytes]:
    """Where the last whole line ends, and its bytes without the line's end.

    A line that a crash has left torn is no line: what it spoke of was never opened.
    """
    size = os.fstat(log).st_size
    start = max(0, size - 2 * MAX_LINE)
    tail = os.pread(log, size - start, start)
    whole = tail.rfind(b"\n") + 1
    if start and not whole:
        raise _changed(None)
    return start + whole, tail[:whole].removesuffix(b"\n").rpartition(b"\n")[2]


def _append(log: int, end: int, line: bytes) -> None:
    if len(line) > MAX_LINE:
        raise EvidenceError("malformed", f"expected a line of at most {MAX_LINE} bytes")
    os.ftruncate(log, end)
    if os.pwrite(log, line, end) != len(line):
        os.ftruncate(log, end)
        raise OSError(0, "a disk that takes half a line")


def _lines(home: Home) -> list[bytes]:
    try:
        raw = home.access.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _no_log(error) from None
    return raw.split(b"\n")[:-1]  # what stands behind the last line's end is torn


def _parse(line: bytes, number: int) -> Access:
    types = {field.name: int if field.name == "at" else str for field in fields(Access)}
    try:
        found = parse_canonical(line, limit=MAX_LINE)
    except EvidenceError:
        raise _changed(number) from None
    if not isinstance(found, dict) or {k: type(v) for k, v in found.items()} != types:
        raise _changed(number)
    return Access(**found)


def _changed(number: int | None) -> EvidenceError:
    place = "its last line" if number is None else f"line {number}"
    return EvidenceError(
        "log_changed", f"expected {place} of access.log as it was written, found another"
    )


def _no_log(error: OSError) -> Unavailable:
    told = f"expected to write access.log, found: {error.strerror}; nothing is opened without it"
    return Unavailable("no_access_log", told)
