"""The shipped verdicts are no matter of luck: other training seeds, other homes, other draws."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.home import Home
from assay.policy.opa import OpaServer
from assay.registry.ruling import reasons
from assay.spec import PipelineSpec
from benchmarks.bars import run_homes, seeded, table
from benchmarks.plain_line import Run, make_home, run_line
from tests.line.conftest import Site, shipped

pytestmark = pytest.mark.slow
SEEDS, HOMES, PROMOTABLE = 5, 20, 19


def over_seeds(name: str, first: Site, folder: Path) -> Iterator[Run]:
    """The pipeline under several training seeds, in homes that copy keys, split and release."""
    for seed in range(SEEDS):
        home = Home(folder / f"{name}-{seed}")
        shutil.copytree(first.home.root, home.root)
        yield run_line(seeded(shipped(name), seed), home, first.opa)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A home in which credit ran once."""
    home = make_home(tmp_path_factory.mktemp("first") / "home")
    with OpaServer(home.policy) as opa:
        run_line(shipped("credit"), home, opa)
        yield Site(home, opa)


def tell(capsys: pytest.CaptureFixture[str], title: str, runs: list[Run]) -> None:
    """The spread of every bound, on the terminal whatever the outcome."""
    answers = (", ".join(reasons(run.decision)) or "allowed" for run in runs)
    with capsys.disabled():
        sys.stdout.writelines(
            f"{line}\n" for line in ("", title, *table([run.decision for run in runs]), *answers)
        )


def test_every_seed_of_credit_is_promotable(
    first: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = list(over_seeds("credit", first, tmp_path))
    tell(capsys, "credit, five seeds over one release", runs)
    assert len({run.candidate.digest for run in runs}) == SEEDS
    assert len({run.measured.release.digest for run in runs}) == 1
    assert [reasons(run.decision) for run in runs] == [()] * SEEDS


def test_every_seed_of_careless_is_blocked(
    first: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = list(over_seeds("credit-careless", first, tmp_path))
    tell(capsys, "credit-careless, five seeds", runs)
    for run in runs:
        gates = {gate: result.verdict.value for gate, result in run.decision.gates.items()}
        assert not run.decision.allowed
        assert (gates["privacy"], gates["overfitting"]) == ("FAIL", "FAIL")
        assert "PASS" not in (gates["membership"], gates["robustness"])


def test_nineteen_of_twenty_fresh_homes_are_promotable(
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec: PipelineSpec = shipped("credit")
    runs = [run for _seed, run in run_homes(spec, HOMES, same_rows=False)]
    tell(capsys, "credit, twenty fresh homes", runs)
    assert sum(run.decision.allowed for run in runs) >= PROMOTABLE
