"""A killed writer, a full disk and many writers at once lose no entry and leave the chain whole."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay.errors import AssayError, Unavailable
from assay.home import REPOSITORY, Home
from assay.ledger import Ledger, looks_spent
from tests.assay.ledger.places import Place, SqlitePlace

APPEND = """
import sys
from assay.home import find_home
from assay.ledger import Ledger
ledger = Ledger.of(find_home(sys.argv[1]))
for n in range(int(sys.argv[2])):
    print(ledger.append("note", {"n": n, "by": sys.argv[3]}).seq, flush=True)
"""
LOOK = """
import sys
from assay.errors import Refused
from assay.home import find_home
from assay.ledger import Ledger, record_look
ledger, digest = Ledger.of(find_home(sys.argv[1])), lambda c: "sha256:" + c * 64
for _ in range(int(sys.argv[2])):
    try:
        print(record_look(ledger, digest("a"), digest("b"), digest("c"), 1, 20), flush=True)
    except Refused as error:
        print(error.code, flush=True)
"""
FILL = """
import resource, sys
from assay.errors import Unavailable
from assay.home import find_home
from assay.ledger import Ledger
home = find_home(sys.argv[1])
ledger = Ledger.of(home)
limit = home.ledger.stat().st_size + 20_000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    for n in range(1000):
        print(ledger.append("note", {"n": n, "fill": "x" * 500}).seq, flush=True)
except Unavailable as error:
    print(error.code, flush=True)
"""


PROMOTE = """
import sys
from assay.errors import Refused
from assay.home import find_home
from assay.ledger import Ledger, record_promotion
from tests.assay.ledger.test_answers import promotion
ledger = Ledger.of(find_home(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
try:
    print(record_promotion(ledger, promotion(1), b"{}").seq)
except Refused as error:
    print(error.code)
"""


def start(program: str, place: Place, count: int, name: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, str(place.home.root), str(count), name],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str], told: str = "") -> list[str]:
    out, _ = process.communicate(told, timeout=120)
    return out.split()


def kill_while_writing(place: Place, chance: random.Random) -> None:
    """Whatever was reported as appended is there, and at most one entry more."""
    ledger = Ledger.of(place.home)
    before = len(ledger.entries())
    with start(APPEND, place, 10_000) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.random() / 10)
        process.kill()
        reported = 1 + len(process.stdout.readlines())
    ledger.append("note", {"after": "the kill"})
    assert reported <= len(ledger.entries()) - 1 - before <= reported + 1


def test_a_killed_writer_loses_nothing_that_it_reported(place: Place) -> None:
    chance = random.Random(3)
    for _ in range(3):
        kill_while_writing(place, chance)


@pytest.mark.slow
def test_a_hundred_killed_writers_lose_nothing_that_they_reported(place: Place) -> None:
    chance = random.Random(4)
    for _ in range(100):
        kill_while_writing(place, chance)


def test_a_full_disk_is_said_and_leaves_the_chain_whole(tmp_path: Path) -> None:
    place = SqlitePlace.make(tmp_path)
    ledger = Ledger.of(place.home)
    ledger.append("note", {})
    *appended, last = said(start(FILL, place, 0))
    assert last == "ledger_unavailable"
    assert len(appended) > 5
    assert [entry.seq for entry in ledger.entries()] == list(range(1, len(appended) + 2))
    assert ledger.append("note", {"room": "again"}).seq == len(appended) + 2


def test_writers_at_once_append_one_after_another(place: Place) -> None:
    writers = [start(APPEND, place, 25, str(n)) for n in range(4)]
    numbers = sorted(int(seq) for writer in writers for seq in said(writer))
    entries = Ledger.of(place.home).entries()
    assert numbers == list(range(1, 101)) == [entry.seq for entry in entries]
    for name in "0123":
        own = [entry.body["n"] for entry in entries if entry.body["by"] == name]
        assert own == list(range(25))


def test_runs_at_once_never_overspend_a_holdout(place: Place) -> None:
    answers = [word for run in [start(LOOK, place, 10) for _ in range(4)] for word in said(run)]
    assert sorted(answers, key=str) == sorted([*map(str, range(1, 21)), *["looks_spent"] * 20])
    assert looks_spent(Ledger.of(place.home), "sha256:" + "a" * 64) == 20


def test_of_two_promotions_at_once_one_wins(place: Place) -> None:
    both = [start(PROMOTE, place, 0) for _ in range(2)]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    answers = [word for process in both for word in said(process, "\n")]
    assert sorted(answers) == ["1", "conflict"]
    assert len(Ledger.of(place.home).entries()) == 1


def test_a_ledger_that_someone_holds_is_waited_for_and_then_unavailable(place: Place) -> None:
    ledger = Ledger.of(place.home)
    hasty = Ledger(ledger._table, patience=0.1)
    with ledger.writing(), pytest.raises(Unavailable, match="lock"):
        hasty.append("note", {})
    assert ledger.append("note", {}).seq == 1


def test_a_ledger_in_a_folder_that_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssayError, match="no_ledger"):
        Ledger.of(Home(tmp_path / "gone")).append("note", {})
