"""A killed writer, a full disk and many writers at once lose no entry and leave the chain whole."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay.errors import AssayError, Unavailable
from assay.home import REPOSITORY
from assay.ledger import Ledger, looks_spent

APPEND = """
import sys
from pathlib import Path
from assay.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
for n in range(int(sys.argv[2])):
    print(ledger.append("note", {"n": n, "by": sys.argv[3]}).seq, flush=True)
"""
LOOK = """
import sys
from pathlib import Path
from assay.errors import Refused
from assay.ledger import Ledger, record_look
ledger, digest = Ledger(Path(sys.argv[1])), lambda c: "sha256:" + c * 64
for _ in range(int(sys.argv[2])):
    try:
        print(record_look(ledger, digest("a"), digest("b"), digest("c"), 1, 20), flush=True)
    except Refused as error:
        print(error.code, flush=True)
"""
FILL = """
import resource, sys
from pathlib import Path
from assay.errors import Unavailable
from assay.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
limit = ledger.path.stat().st_size + 20_000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    for n in range(1000):
        print(ledger.append("note", {"n": n, "fill": "x" * 500}).seq, flush=True)
except Unavailable as error:
    print(error.code, flush=True)
"""


def start(program: str, ledger: Ledger, count: int, name: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, str(ledger.path), str(count), name],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> list[str]:
    out, _ = process.communicate(timeout=120)
    return out.split()


def kill_while_writing(ledger: Ledger, chance: random.Random) -> None:
    """Whatever was reported as appended is there, and at most one entry more."""
    before = len(ledger.entries())
    with start(APPEND, ledger, 10_000) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.random() / 10)
        process.kill()
        reported = 1 + len(process.stdout.readlines())
    assert reported <= len(ledger.entries()) - before <= reported + 1
    ledger.append("note", {"after": "the kill"})


def test_a_killed_writer_loses_nothing_that_it_reported(ledger: Ledger) -> None:
    chance = random.Random(3)
    for _ in range(4):
        kill_while_writing(ledger, chance)


@pytest.mark.slow
def test_a_hundred_killed_writers_lose_nothing_that_they_reported(ledger: Ledger) -> None:
    chance = random.Random(4)
    for _ in range(100):
        kill_while_writing(ledger, chance)


def test_a_full_disk_is_said_and_leaves_the_chain_whole(ledger: Ledger) -> None:
    ledger.append("note", {})
    *appended, last = said(start(FILL, ledger, 0))
    assert last == "ledger_unavailable"
    assert len(appended) > 5
    assert [entry.seq for entry in ledger.entries()] == list(range(1, len(appended) + 2))
    assert ledger.append("note", {"room": "again"}).seq == len(appended) + 2


def test_writers_at_once_append_one_after_another(ledger: Ledger) -> None:
    writers = [start(APPEND, ledger, 25, str(n)) for n in range(4)]
    numbers = sorted(int(seq) for writer in writers for seq in said(writer))
    assert numbers == list(range(1, 101)) == [entry.seq for entry in ledger.entries()]
    for name in "0123":
        own = [entry.body["n"] for entry in ledger.entries() if entry.body["by"] == name]
        assert own == list(range(25))


def test_runs_at_once_never_overspend_a_holdout(ledger: Ledger) -> None:
    answers = [word for run in [start(LOOK, ledger, 10) for _ in range(4)] for word in said(run)]
    assert sorted(answers, key=str) == sorted([*map(str, range(1, 21)), *["looks_spent"] * 20])
    assert looks_spent(ledger, "sha256:" + "a" * 64) == 20


def test_a_ledger_that_someone_holds_is_waited_for_and_then_unavailable(ledger: Ledger) -> None:
    hasty = Ledger(ledger.path, patience=0.1)
    with ledger.writing(), pytest.raises(Unavailable, match="locked"):
        hasty.append("note", {})
    assert ledger.append("note", {}).seq == 1


def test_a_ledger_in_a_folder_that_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssayError, match="no_ledger"):
        Ledger(tmp_path / "gone" / "ledger.db").append("note", {})
