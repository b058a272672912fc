"""Nobody opens anything unseen, and no line changes or goes without being missed."""

from __future__ import annotations

import multiprocessing
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.errors import AssayError, EvidenceError, Refused, Unavailable
from assay.evidence.access import NOTHING, head, note, noted, read_accesses, signed_in
from assay.evidence.digest import digest_bytes
from assay.evidence.keys import load_key, make_keys
from assay.home import Home

DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


def written(home: Home, *whats: str) -> None:
    for what in whats:
        note(home, what, DIGEST)


def test_a_line_says_who_what_which_bytes_and_the_answer(home: Home) -> None:
    assert read_accesses(home) == ()
    assert head(home) == NOTHING
    note(home, "holdout of loans", DIGEST)
    with signed_in("approver"), pytest.raises(Refused), noted(home, "alias champion of loans"):
        raise Refused("not_approver", "expected another")
    written(home, "key gate")
    first, asked, refused, last = read_accesses(home)
    assert (first.what, first.digest, first.outcome) == ("holdout of loans", DIGEST, "granted")
    assert first.before == NOTHING
    assert (asked.user, asked.outcome) == ("approver", "asked")
    assert refused.outcome == "refused not_approver"
    assert {first.user, last.user} == {""}
    assert len({access.account for access in (first, asked, refused, last)}) == 1
    assert head(home) == digest_bytes(home.access.read_bytes().splitlines()[-1])
    assert stat.S_IMODE(home.access.stat().st_mode) == 0o600


def test_no_key_is_opened_without_a_line(home: Home) -> None:
    make_keys(home)
    before = len(read_accesses(home))
    load_key(home, "gate")
    assert [access.what for access in read_accesses(home)[before:]] == ["key gate"]
    home.access.rename(home.root / "away")
    home.access.mkdir()
    with pytest.raises(Unavailable, match="no_access_log"):
        load_key(home, "gate")


def test_a_link_is_not_followed(home: Home) -> None:
    home.access.symlink_to(home.root / "elsewhere")
    with pytest.raises(Unavailable, match="no_access_log"):
        note(home, "key gate")
    assert not (home.root / "elsewhere").exists()


def test_a_full_disk_denies_and_leaves_the_lines_as_they_were(home: Home) -> None:
    written(home, "key gate")
    before = home.access.read_bytes()
    child = multiprocessing.get_context("spawn").Process(
        target=_note_on_a_full_disk, args=(home, len(before) + 40)
    )
    child.start()
    child.join()
    assert child.exitcode == 0
    assert home.access.read_bytes() == before


def _note_on_a_full_disk(home: Home, size: int) -> None:
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    with pytest.raises(Unavailable, match="no_access_log"):
        note(home, "key promoter")


@pytest.mark.parametrize("torn", [b"{", b'{"account":"a","at":1', b"x" * 300])
@pytest.mark.parametrize("lines", [0, 1, 3])
def test_a_torn_line_was_never_an_access(home: Home, lines: int, torn: bytes) -> None:
    written(home, *["key gate"] * lines)
    with home.access.open("ab") as log:
        log.write(torn)
    assert len(read_accesses(home)) == lines
    written(home, "key promoter")
    assert [access.what for access in read_accesses(home)] == ["key gate"] * lines + [
        "key promoter"
    ]


def without(number: int) -> Callable[[list[bytes]], list[bytes]]:
    return lambda lines: lines[:number] + lines[number + 1 :]


def edited(number: int, old: bytes, new: bytes) -> Callable[[list[bytes]], list[bytes]]:
    return lambda lines: [
        line.replace(old, new) if index == number else line for index, line in enumerate(lines)
    ]


@pytest.mark.parametrize(
    "change",
    [
        without(0),
        without(1),
        edited(0, b"key a", b"key b"),
        edited(1, b"granted", b"refused x"),
        edited(1, b'"at":', b'"at": '),
        edited(2, b"key c", b"key d\xff"),
        edited(2, b'"at"', b'"since"'),
        edited(2, b'"user":""', b'"user":0'),
        lambda lines: [lines[1], lines[0], lines[2]],
        lambda lines: [*lines, lines[2]],
        lambda lines: [*lines, b""],
        lambda lines: [*lines, b"[]"],
    ],
)
def test_no_line_is_changed_taken_out_or_put_in(
    home: Home, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    written(home, "key a", "key b", "key c")
    changed = change(home.access.read_bytes().splitlines())
    home.access.write_bytes(b"".join(line + b"\n" for line in changed))
    with pytest.raises(EvidenceError, match="log_changed"):
        read_accesses(home)


@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_shortened_log_is_missed_by_who_kept_its_head(home: Home, left: int) -> None:
    written(home, "key a", "key b", "key c")
    kept = frozenset({NOTHING, head(home)})
    assert len(read_accesses(home, kept)) == 3
    lines = home.access.read_bytes().splitlines(keepends=True)
    home.access.write_bytes(b"".join(lines[:left]))
    assert len(read_accesses(home)) == left  # by itself it verifies
    with pytest.raises(EvidenceError, match="log_shortened"):
        read_accesses(home, kept)
    home.access.unlink()
    with pytest.raises(EvidenceError, match="log_shortened"):
        read_accesses(home, kept)


def test_a_log_without_an_end_of_line_is_not_written_on(home: Home) -> None:
    home.access.write_bytes(b"x" * 20_000)
    with pytest.raises(EvidenceError, match="log_changed"):
        note(home, "key gate")
    assert home.access.stat().st_size == 20_000


def test_a_line_too_long_is_refused_whole(home: Home) -> None:
    with pytest.raises(AssayError, match="malformed"):
        note(home, "x" * 5000)
    assert read_accesses(home) == ()


def _write_many(home: Home) -> None:
    for _ in range(25):
        note(home, f"key {os.getpid()}")


def test_processes_at_once_make_one_chain(home: Home) -> None:
    spawn = multiprocessing.get_context("spawn")
    children = [spawn.Process(target=_write_many, args=(home,)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert len(read_accesses(home)) == 75
