"""Killed at any step of a move, the registry is as before or as after, and the next move mends it.

Each step is one of `crash/sitecustomize.py`. After each kill the server starts anew and the
invariants are asked of what a consumer, the aliases and the ledger say.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from assay.home import REPOSITORY
from assay.ledger import Ledger, committed_promotions, looks_spent, standing
from assay.policy.force import put_in_force
from assay.policy.opa import OpaServer
from assay.policy.rules import load_policy
from assay.registry.launch import prepare_server
from assay.registry.users import set_up_users
from assay.serving.champion import load_champion
from assay.stack.ports import Held
from tests.assay.policy.submission import Site as Evidenced
from tests.assay.policy.submission import digest
from tests.assay.registry.line import Line, point_at
from tests.assay.registry.site import Answer, Logged
from tests.assay.registry.test_audit import raw_alias
from tests.assay.registry.test_protocol import Server
from tests.assay.serving.promoted import save_small_model

pytestmark = pytest.mark.slow

CRASH = REPOSITORY / "tests" / "assay" / "registry" / "crash"
NEVER = 1 << 40  # more steps than anything takes


@dataclass(frozen=True)
class Doomed:
    """A server that dies when it is told to, and two versions that may be champion."""

    server: Server
    line: Line
    control: Path
    versions: tuple[Logged, Logged]
    payload: Path

    def grant(self, steps: int) -> None:
        """How many steps are left; 0: as many as it likes."""
        with self.control.open("r+b") as file:
            file.write(steps.to_bytes(8, "little"))

    def steps(self, act: Callable[[], Answer]) -> list[str]:
        """What an act does, in order."""
        log = Path(f"{self.control}.log")
        log.write_bytes(b"")
        self.grant(NEVER)
        answer = act()
        self.grant(0)
        assert answer.status == 200, answer.text
        return log.read_text().splitlines()

    def kill_in(self, act: Callable[[], Answer], step: int) -> None:
        """The act is begun and dies at a step; then the server is up again."""
        self.grant(step)
        with suppress(requests.RequestException):
            act()
        self.grant(0)
        with suppress(ProcessLookupError):  # it is gone; else the step never came
            self.server.kill()
        self.server.start()

    def consumer(self) -> str:
        """The version that a consumer loads."""
        home = self.server.home
        with self.line.site.signed_in("auditor"):
            found = load_champion("credit", trust=home.trust, tracking_uri=self.line.site.url)
        return found.promotion.version

    def audit(self) -> dict[str, str]:
        answer = self.line.site.ask("gate", "POST", "/assay/audits/credit")
        assert answer.status == 200, answer.text
        told: dict[str, str] = answer.json
        return told

    def require_whole(self) -> None:
        """I2, I4: the chain verifies, numbers rise, each move is closed once, no look is lost."""
        ledger = Ledger.of(self.server.home)
        ledger.verify()
        numbers = [e.body["sequence"] for e in committed_promotions(ledger, "credit")]
        assert numbers == sorted(set(numbers))
        closed = [*ledger.entries("committed"), *ledger.entries("void")]
        named = [seq for entry in closed for seq in entry.body.values()]
        assert len(named) == len(set(named))
        assert looks_spent(ledger, digest("holdout")) == 2


@pytest.fixture(scope="module")
def doomed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doomed]:
    root = tmp_path_factory.mktemp("crash")
    evidenced = Evidenced.build(root / "home")
    home = evidenced.home
    Ledger.create(home)
    policy = put_in_force(home, REPOSITORY / "policies", int(time.time()))
    assert policy.digest == load_policy(home.policy).digest
    prepare_server(home, policy)
    control = root / "control"
    control.write_bytes(bytes(8))
    Path(f"{control}.log").write_bytes(b"")
    held = Held()
    held.release()
    search = os.pathsep.join([str(CRASH), *filter(None, [os.environ.get("PYTHONPATH")])])
    server = Server(home, held.port, {"PYTHONPATH": search, "CRASH_CONTROL": str(control)})
    with OpaServer(home.policy) as opa:
        point_at(home, opa.socket, opa.token_file)
        server.start()
        try:
            set_up_users(server.site.url, home, policy)
            line = Line(server.site, evidenced)
            versions = []
            for seed in (1, 2):
                payload = root / f"payload-{seed}"
                save_small_model(payload, seed)
                line.look(payload)
                version = line.register(payload)
                assert line.submit(version, line.bundle(payload)).status == 200
                versions.append(version)
            assert line.approve(versions[0]).status == 200
            yield Doomed(server, line, control, (versions[0], versions[1]), payload)
        finally:
            if server.running:
                server.kill()


def test_killed_at_any_step_a_click_is_whole_or_none(doomed: Doomed) -> None:
    line, (first, second) = doomed.line, doomed.versions
    for version in (second, first):
        steps = doomed.steps(lambda version=version: line.approve(version))
    assert len(steps) > 10
    for step in range(1, len(steps) + 1):
        now = doomed.consumer()
        other = second if now == first.version else first
        doomed.kill_in(lambda other=other: line.approve(other), step)
        doomed.require_whole()
        # I1, I9: whole or none, and loadable as it is, before anything mends it.
        after = doomed.consumer()
        assert after in (now, other.version), steps[step - 1]
        assert line.aliases()["champion"] == after
        # I7: what is mended twice is as what is mended once.
        assert [doomed.audit()["champion"] for _ in range(2)] == [after, after]
        assert doomed.audit()["outcome"] == "well"
        stands = standing(Ledger.of(doomed.server.home), "credit")
        assert stands is not None
        assert stands.body["version"] == after
        # I3: the same click succeeds.
        if after == now:
            assert line.approve(other).status == 200
        doomed.require_whole()


def test_killed_at_any_step_a_submission_can_be_made_again(doomed: Doomed) -> None:
    line, payload = doomed.line, doomed.payload

    def uploaded() -> tuple[Logged, str]:
        version, bundle = line.register(payload), line.bundle(payload, next(moments))
        line.upload(version, bundle.files())
        return version, bundle.digest

    moments = iter(range(int(time.time()) - 3000, int(time.time())))  # a bundle of its own each
    asked = uploaded()
    steps = doomed.steps(lambda: line.hand_in(*asked))
    assert len(steps) > 10
    for step in range(1, len(steps) + 1):
        version, digest = uploaded()
        champion = doomed.consumer()
        doomed.kill_in(lambda asked=(version, digest): line.hand_in(*asked), step)
        doomed.require_whole()
        assert doomed.consumer() == champion
        assert doomed.audit()["outcome"] == "well"
        if line.tags(version).get("gate.allowed") != "true":
            answer = line.hand_in(version, digest)
            assert answer.status == 200, (steps[step - 1], answer.text)
        assert line.tags(version)["gate.allowed"] == "true"


def test_killed_while_the_champion_s_evidence_is_handed_in_again_it_stays(doomed: Doomed) -> None:
    """A half-written file beside the evidence that a champion rests on would demote it."""
    line, payload = doomed.line, doomed.payload
    bundle = line.bundle(payload)
    version = line.register(payload)
    assert line.submit(version, bundle).status == 200
    assert line.approve(version).status == 200
    twin = line.register(payload)
    line.upload(twin, bundle.files())
    steps = doomed.steps(lambda: line.hand_in(twin, bundle.digest))
    for step in range(2, len(steps) + 1, 3):
        again = line.register(payload)
        line.upload(again, bundle.files())
        doomed.kill_in(lambda again=again: line.hand_in(again, bundle.digest), step)
        assert doomed.consumer() == version.version, steps[step - 1]
        assert doomed.audit()["outcome"] == "well", steps[step - 1]


def test_killed_at_any_step_a_rollback_is_completed_by_the_next(doomed: Doomed) -> None:
    line, (first, second) = doomed.line, doomed.versions

    def audit() -> Answer:
        return line.site.ask("gate", "POST", "/assay/audits/credit")

    def rejected() -> None:
        """The second is champion, after the first, and its alias was moved by hand."""
        for version in (first, second):
            if doomed.consumer() != version.version:
                assert line.approve(version).status == 200
        raw_alias(doomed.server.home, "champion", first.version)

    rejected()
    steps = doomed.steps(audit)
    assert doomed.consumer() == second.version
    for step in range(1, len(steps) + 1):
        rejected()
        doomed.kill_in(audit, step)
        doomed.require_whole()
        assert [doomed.audit()["champion"] for _ in range(2)] == [second.version] * 2
        assert doomed.consumer() == second.version, steps[step - 1]
        doomed.require_whole()
