"""Whatever is down, slow, full or lying: an answer in time, nothing moves, and then all is well."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assay.evidence.bundle import Bundle
from assay.home import REPOSITORY
from assay.ledger import Ledger, looks_spent
from assay.policy.force import put_in_force
from assay.policy.opa import OpaServer
from assay.serving.champion import load_champion
from tests.assay.policy.submission import Site as Evidenced
from tests.assay.policy.submission import digest
from tests.assay.registry.faults import FAULTS, Fault, Stage, server_pids
from tests.assay.registry.line import Line, point_at
from tests.assay.registry.site import Answer, Logged, gated_site

DEADLINE = 60.0  # seconds; what is asked of a person's patience, and more than any of our limits
Act = Callable[[Line, Logged, Bundle], Answer]
ACTS: dict[str, Act] = {
    "submit": lambda line, version, bundle: submit(line, version, bundle),
    "review": lambda line, version, _bundle: line.review(version, f"approve: {time.time()}"),
    "click": lambda line, version, _bundle: line.approve(version),
    "audit": lambda line, _version, _bundle: line.site.ask("gate", "POST", "/assay/audits/credit"),
}


def submit(line: Line, version: Logged, bundle: Bundle) -> Answer:
    """Upload and submit; where the upload is refused, that is the answer."""
    try:
        line.upload(version, bundle.files())
    except AssertionError:
        return Answer(500, "not uploaded")
    return line.submit(version, bundle)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, payload: Path) -> Iterator[Stage]:
    evidenced = Evidenced.build(tmp_path_factory.mktemp("faults") / "home")
    home = evidenced.home
    Ledger.create(home)
    put_in_force(home, REPOSITORY / "policies", int(time.time()))
    with OpaServer(home.policy) as opa:
        point_at(home, opa.socket, opa.token_file)
        with gated_site(home) as site:
            line = Line(site, evidenced)
            line.look(payload)
            versions = _submitted(line, payload), _submitted(line, payload)
            assert line.approve(versions[0]).status == 200
            yield Stage(line, opa, server_pids(home), versions)


def _submitted(line: Line, payload: Path) -> Logged:
    version = line.register(payload)
    assert line.submit(version, line.bundle(payload)).status == 200
    assert line.tags(version)["gate.allowed"] == "true"
    return version


def consumer(line: Line) -> tuple[str, int]:
    """The version that a consumer loads, and its number."""
    home = line.evidenced.home
    with line.site.signed_in("auditor"):
        found = load_champion("credit", trust=home.trust, tracking_uri=line.site.url)
    return found.promotion.version, found.promotion.sequence


def spent(line: Line) -> int:
    ledger = Ledger.of(line.evidenced.home)
    ledger.verify()
    return looks_spent(ledger, digest("holdout"))


def cases() -> Iterator[object]:
    for fault in FAULTS:
        for act in ACTS:
            marks = [pytest.mark.slow] if fault.slow else []
            yield pytest.param(fault, act, id=f"{act}: {fault.name}", marks=marks)


@pytest.mark.parametrize(("fault", "act"), tuple(cases()))
def test_a_fault_moves_nothing_and_leaves_nothing(
    fault: Fault, act: str, stage: Stage, payload: Path
) -> None:
    line = stage.line
    # One that is not champion now: each case is a move.
    waiting = next(v for v in stage.versions if v.version != line.aliases()["champion"])
    version = line.register(payload) if act == "submit" else waiting
    bundle = line.bundle(payload)
    before = line.aliases(), line.tags(version), consumer(line), spent(line)
    began = time.monotonic()
    with fault.lasts(stage):
        answer = ACTS[act](line, version, bundle)
        took = time.monotonic() - began
    # I6: an answer in time, and it is no allowance of what could not be judged.
    assert took < DEADLINE
    if act in fault.harmless:
        assert answer.status == 200, answer.text
    elif act == "submit" and answer.status == 200:
        assert line.tags(version)["gate.allowed"] == "false"
    else:
        assert answer.status >= 400
        assert answer.code or answer.status >= 500, answer.text
        # I3: alias, tags and evidence are as they were.
        assert (line.aliases(), line.tags(version)) == before[:2]
    # I9, I4: the champion before is loadable, and no look came back.
    assert consumer(line) == before[2]
    assert spent(line) == before[3]
    # Without the fault the same act succeeds.
    if answer.status != 200 or line.tags(version).get("gate.allowed") == "false":
        again = ACTS[act](line, version, bundle)
        assert again.status == 200, again.text
    assert line.tags(version)["gate.allowed"] == "true"
    assert line.site.ask("gate", "POST", "/assay/audits/credit").json["outcome"] == "well"
    spent(line)
