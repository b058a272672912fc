"""A line that is killed, or stopped by Ctrl-C, leaves nothing that is believed; again, it ends."""

from __future__ import annotations

import hashlib
import signal
import time
from pathlib import Path

import pytest

from assay.errors import Refused
from assay.evidence.decision import GateDecision
from assay.home import Home
from assay.ledger import Ledger
from assay.spec import PipelineSpec
from benchmarks.plain_line import judge, measure
from tests.line.conftest import Site
from tests.line.doomed import INTERRUPTED, start
from tests.line.test_verdicts import GATES

KILLED = -signal.SIGKILL
PATIENCE = 120  # seconds until a process has to end
MOMENTS = [
    ("validation", "done", 1),
    ("anonymization", "done", 1),
    ("training", "epoch", 2),
    ("training", "done", 1),
    ("robustness", "holdout", 3),
    ("stress", "development", 1),
    ("membership", "done", 1),
]


def looks(home: Home) -> int:
    return len(Ledger.of(home).entries("look"))


def require_whole(home: Home) -> None:
    """The chain holds, and every file that has a digest for its name is that digest's."""
    Ledger.of(home).verify()
    for file in (*home.sealed_data.glob("*.parquet"), *home.sealed_outcomes.glob("*.parquet")):
        assert hashlib.sha256(file.read_bytes()).hexdigest() == file.stem


def finish(site: Site, spec: PipelineSpec) -> GateDecision:
    measured = measure(spec, site.home)
    assert measured.refused == {}
    return judge(measured.submission(site.home), site.home, site.opa)


def require_answered(decision: GateDecision) -> None:
    """Every gate has its numbers; only floors that a quick line undercuts, and bars, deny."""
    assert set(decision.gates) == GATES
    assert decision.denials == ()
    assert all(bar.value is not None for gate in decision.gates.values() for bar in gate.bars)
    assert decision.gates["provenance"].verdict == "PASS"


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGKILL, KILLED), (signal.SIGINT, INTERRUPTED)],
    ids=["kill", "int"],
)
@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: " ".join(map(str, moment)))
def test_a_killed_line_is_finished_by_the_same_command(
    moment: tuple[str, str, int],
    number: int,
    code: int,
    small: Site,
    quick: PipelineSpec,
    tmp_path: Path,
) -> None:
    doomed = start(tmp_path / "borrowers.yaml", small.home, moment, number)
    doomed.join(PATIENCE)
    assert doomed.exitcode == code
    require_whole(small.home)
    spent = looks(small.home)
    assert spent == (moment[0] not in ("validation", "anonymization", "training"))
    require_answered(finish(small, quick))
    assert looks(small.home) == spent + 1
    assert len(small.ledger.entries("release_reserved")) == 1


def test_a_release_that_was_killed_stays_spent(
    small: Site, quick: PipelineSpec, tmp_path: Path
) -> None:
    doomed = start(tmp_path / "borrowers.yaml", small.home, ("anonymization", "drawing", 1))
    doomed.join(PATIENCE)
    assert doomed.exitcode == KILLED
    require_whole(small.home)
    for _ in range(2):
        with pytest.raises(Refused, match="epsilon_spent"):
            measure(quick, small.home)
    assert [entry.kind for entry in small.ledger.entries()] == ["split", "release_reserved"]


def test_whenever_it_is_killed_nothing_is_lost_or_believed(
    small: Site, quick: PipelineSpec, tmp_path: Path
) -> None:
    pipeline = tmp_path / "borrowers.yaml"
    begun = time.monotonic()
    first = start(pipeline, small.home)
    first.join(PATIENCE)
    whole, spent = time.monotonic() - begun, looks(small.home)
    assert (first.exitcode, spent) == (0, 1)
    outcomes = {file.name for file in small.home.sealed_outcomes.iterdir()}
    for share in (0.15, 0.3, 0.45, 0.6, 0.75, 0.9):
        doomed = start(pipeline, small.home)
        doomed.join(share * whole)
        doomed.kill()
        doomed.join(PATIENCE)
        assert doomed.exitcode in (KILLED, 0)
        require_whole(small.home)
        assert looks(small.home) in (spent, spent + 1)
        spent = looks(small.home)
        assert outcomes <= {file.name for file in small.home.sealed_outcomes.iterdir()}
    require_answered(finish(small, quick))
    assert len(small.ledger.entries("release_reserved")) == 1
