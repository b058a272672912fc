"""Homes in which whole lines run, each with a genuine OPA, started once a session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from assay.home import REPOSITORY, Home
from assay.ledger import Ledger
from assay.policy.opa import OpaServer
from assay.sources import fetch
from assay.spec import PipelineSpec, load_spec
from benchmarks.plain_line import Run, make_home, run_line
from tests.line.stranger import Stranger, hasten


@dataclass(frozen=True)
class Site:
    """A home and the OPA of its policy."""

    home: Home
    opa: OpaServer

    @property
    def ledger(self) -> Ledger:
        return Ledger.of(self.home)

    def run(self, spec: PipelineSpec) -> Run:
        return run_line(spec, self.home, self.opa)


def shipped(name: str) -> PipelineSpec:
    """A pipeline of this repository, its data fetched."""
    spec = load_spec(REPOSITORY / "pipelines" / f"{name}.yaml")
    fetch(spec.data.source, False, lambda _message, _fraction: None)
    return spec


@pytest.fixture(scope="session")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Run]]:
    """A home of the shipped pipelines in which credit ran.

    Keys and noise are new in each home, and one draw in twenty may miss a bar (`test_luck` counts
    them); so a second and a third home are tried.
    """
    with ExitStack() as open_until_the_end:
        for name in ("home", "second", "third"):
            home = make_home(tmp_path_factory.mktemp("line") / name)
            opa = open_until_the_end.enter_context(OpaServer(home.policy))
            site = Site(home, opa)
            credit = site.run(shipped("credit"))
            if credit.decision.allowed:
                break
        yield site, credit


@pytest.fixture(scope="session")
def site(lender: tuple[Site, Run]) -> Site:
    return lender[0]


@pytest.fixture(scope="session")
def credit(lender: tuple[Site, Run]) -> Run:
    return lender[1]


@pytest.fixture(scope="session")
def careless(site: Site, credit: Run) -> Run:
    """In the same home, after credit."""
    return site.run(shipped("credit-careless"))


@pytest.fixture(scope="session")
def mortgage(site: Site) -> Run:
    return site.run(shipped("mortgage"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    return Stranger.draft(tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="session")
def small_opa(stranger: Stranger) -> Iterator[OpaServer]:
    with OpaServer(stranger.built) as opa:
        yield opa


@pytest.fixture
def small(stranger: Stranger, small_opa: OpaServer, tmp_path: Path) -> Site:
    """A fresh home of the stranger's model."""
    return Site(stranger.home(tmp_path / "home"), small_opa)


@pytest.fixture
def quick(stranger: Stranger, tmp_path: Path) -> PipelineSpec:
    """The stranger's pipeline, asking for little."""
    return stranger.copy(tmp_path, declare=hasten)
