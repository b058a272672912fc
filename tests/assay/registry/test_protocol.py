"""Whatever happens in whatever order, the alias leads to what was promoted, or nobody believes it.

A real server is clicked at, killed in mid-click, started anew, written around, given older copies
of its database and spoilt bytes. After each step the invariants hold: they are what a consumer and
the ledger say, and never what the test remembers of the server's own words.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from assay.errors import EvidenceError, Refused
from assay.evidence.decision import Promotion
from assay.home import REPOSITORY, Home
from assay.ledger import Ledger, committed_promotions, looks_spent, standing
from assay.policy.force import put_in_force
from assay.policy.opa import OpaServer
from assay.policy.rules import load_policy
from assay.registry.launch import (
    prepare_server,
    server_command,
    server_environment,
    server_folder,
)
from assay.registry.users import set_up_users
from assay.serving.champion import load_champion
from assay.stack.component import Component, Running
from assay.stack.ports import Held
from tests.assay.policy.submission import Site as Evidenced
from tests.assay.policy.submission import digest
from tests.assay.registry.line import Line, point_at
from tests.assay.registry.site import Logged, Site, wait_until_up
from tests.assay.registry.test_audit import raw, raw_alias
from tests.assay.serving.promoted import save_small_model

pytestmark = pytest.mark.slow

WHICH = st.integers(0, 2)
DELAYS = st.floats(0.0, 0.5)  # seconds; a click takes less
DEADLINE = 60.0  # seconds for any answer


@dataclass
class Server:
    """The registry's server of one home: started, killed, given other files while it is down."""

    home: Home
    port: int
    variables: Mapping[str, str] = field(default_factory=dict)
    running: Running | None = None
    saved: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="assay-test-")))

    @property
    def site(self) -> Site:
        return Site(f"http://127.0.0.1:{self.port}", self.home, self.home.root / "mlflow.log")

    @property
    def database(self) -> Path:
        return server_folder(self.home) / "mlflow.db"

    def start(self) -> None:
        command = tuple(server_command(self.home, self.port))
        variables = {**server_environment(self.home, os.environ), **self.variables}
        component = Component("mlflow", command, variables)
        self.running = Running(component, REPOSITORY, self.home.root)
        wait_until_up(self.home, self.site.url, self.running.log)

    def kill(self) -> None:
        """SIGKILL to all of it at once."""
        assert self.running is not None
        running, self.running = self.running, None
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()

    def save(self, name: str) -> None:
        """Keep a copy of what the server keeps, while it is down."""
        shutil.copytree(self.home.root, self.saved / name, symlinks=True, dirs_exist_ok=False)

    def restore(self, name: str) -> None:
        shutil.rmtree(self.home.root)
        shutil.copytree(self.saved / name, self.home.root, symlinks=True)


@dataclass(frozen=True)
class Stage:
    """A server with three versions that the gate allows, and nobody promoted."""

    server: Server
    line: Line
    versions: tuple[Logged, ...]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    evidenced = Evidenced.build(tmp_path_factory.mktemp("protocol") / "home")
    home = evidenced.home
    Ledger.create(home)
    put_in_force(home, REPOSITORY / "policies", int(time.time()))
    prepare_server(home, load_policy(home.policy))
    held = Held()
    held.release()
    server = Server(home, held.port)
    with OpaServer(home.policy) as opa:
        point_at(home, opa.socket, opa.token_file)
        server.start()
        try:
            set_up_users(server.site.url, home, load_policy(home.policy))
            line = Line(server.site, evidenced)
            versions = tuple(_submitted(line, tmp_path_factory, age) for age in (180, 120, 60))
            server.kill()
            server.save("fresh")
            yield Stage(server, line, versions)
        finally:
            if server.running:
                server.kill()
            shutil.rmtree(server.saved)


def _submitted(line: Line, folders: pytest.TempPathFactory, age: int) -> Logged:
    payload = folders.mktemp("payload") / "payload"
    save_small_model(payload)
    line.look(payload)
    version = line.register(payload)
    assert line.submit(version, line.bundle(payload, int(time.time()) - age)).status == 200
    return version


class Protocol(RuleBasedStateMachine):
    """What may happen to a registry; `stage` is set by the test."""

    stage: Stage

    @initialize()
    def begin(self) -> None:
        self.server, self.line = self.stage.server, self.stage.line
        self.home = self.server.home
        self.server.restore("fresh")
        self._keep_copies()
        self.server.start()
        self.floor = 0  # a consumer keeps it
        self.looks = 0
        self.tampered = False  # with rows that only the gate writes
        self.spoilt: dict[int, bytes] = {}

    def teardown(self) -> None:
        if self.server.running:
            self.server.kill()

    # What may happen.

    @rule(which=WHICH)
    def click(self, which: int) -> None:
        before = self.line.aliases(), self.line.tags(self.stage.versions[which])
        answer = self.line.approve(self.stage.versions[which])
        if answer.status == 200:
            assert which not in self.spoilt
            self.tampered = False
            assert self.line.aliases()["champion"] == self.stage.versions[which].version
        else:
            assert answer.code, answer.text
            after = self.line.aliases(), self.line.tags(self.stage.versions[which])
            assert after == before

    @rule(which=WHICH, delay=DELAYS)
    def click_and_kill(self, which: int, delay: float) -> None:
        before = self.line.aliases()
        clicked = threading.Thread(target=self._click, args=(which,))
        clicked.start()
        time.sleep(delay)
        self.server.kill()
        clicked.join(DEADLINE)
        assert not clicked.is_alive()
        self.server.start()
        asked = self.stage.versions[which].version
        after = self.line.aliases()
        assert after == before or after["champion"] == asked  # all of it, or nothing
        if after != before:
            self.tampered = False

    def _click(self, which: int) -> None:
        with suppress(requests.RequestException):
            self.line.approve(self.stage.versions[which])

    @rule(which=WHICH)
    def write_the_alias(self, which: int) -> None:
        raw_alias(self.home, "champion", self.stage.versions[which].version)
        self.tampered = True

    @rule(which=WHICH, key=st.sampled_from(["gate.promotion", "gate.decision"]))
    def remove_a_tag(self, which: int, key: str) -> None:
        version = self.stage.versions[which].version
        raw(
            self.home, f"DELETE FROM model_version_tags WHERE key = '{key}' AND version = {version}"
        )
        self.tampered = True

    @rule(source=WHICH, onto=WHICH)
    def copy_a_promotion(self, source: int, onto: int) -> None:
        tags = self.line.tags(self.stage.versions[source])
        for key in ("gate.promotion", "gate.decision"):
            if key in tags:
                row = (
                    f"('{key}', '{tags[key]}', 'credit', "
                    f"{self.stage.versions[onto].version}, 'default')"
                )
                columns = "(key, value, name, version, workspace)"
                raw(self.home, f"INSERT OR REPLACE INTO model_version_tags {columns} VALUES {row}")
        self.tampered = True

    @rule()
    def back_up(self) -> None:
        self.server.kill()
        self._keep_copies()
        self.server.start()

    def _keep_copies(self) -> None:
        self.backup = self.server.database.read_bytes()
        self.older = self.home.ledger.read_bytes(), self._promotions()  # and how many it has

    @rule()
    def put_an_older_database_back(self) -> None:
        self.server.kill()
        self.server.database.write_bytes(self.backup)
        self.server.start()
        self.tampered = True

    @rule(which=WHICH)
    def put_an_older_ledger_back(self, which: int) -> None:
        """Nothing is decided by one that has forgotten a promotion; then the newest is back."""
        self.click(which)  # so that there is something to forget
        newest, before = self.home.ledger.read_bytes(), self.line.aliases()
        forgotten = self._promotions() - self.older[1]
        self.server.kill()
        self.home.ledger.write_bytes(self.older[0])
        self.server.start()
        if forgotten and not self.tampered:  # an older database has forgotten with it
            clicked = self.line.approve(self.stage.versions[which])
            audited = self.line.site.ask("gate", "POST", "/assay/audits/credit")
            assert {clicked.code, audited.code} == {"ledger_behind"}
            assert self.line.aliases() == before
        self.server.kill()
        self.home.ledger.write_bytes(newest)
        self.server.start()

    def _promotions(self) -> int:
        return len(committed_promotions(Ledger.of(self.home), "credit"))

    @rule(which=WHICH)
    def spoil_or_mend_the_bytes(self, which: int) -> None:
        weights = self._weights(which)
        if which in self.spoilt:
            weights.write_bytes(self.spoilt.pop(which))
        else:
            self.spoilt[which] = whole = weights.read_bytes()
            weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))

    def _weights(self, which: int) -> Path:
        artifacts = server_folder(self.home) / "artifacts" / self.stage.versions[which].root
        return artifacts / "data" / "payload" / "weights.safetensors"

    @rule()
    def audit(self) -> None:
        """Afterwards alias, ledger, bytes and signatures agree, and twice is once."""
        found = self._audited()
        stands = standing(Ledger.of(self.home), "credit")
        assert found["champion"] == (stands.body["version"] if stands else "")
        promotion = self._consumer()
        assert (promotion.version if promotion else "") == found["champion"]
        if promotion and stands:
            assert promotion.sequence == stands.body["sequence"]
        assert self._audited()["outcome"] in ("well", "vacant")
        self.tampered = False

    def _audited(self) -> dict[str, str]:
        answer = self.line.site.ask("gate", "POST", "/assay/audits/credit")
        assert answer.status == 200, answer.text
        told: dict[str, str] = answer.json
        return told

    # What has to hold.

    def _consumer(self) -> Promotion | None:
        """What a consumer believes; None: nothing."""
        trust = self.line.evidenced.home.trust
        with self.line.site.signed_in("auditor"):
            try:
                url = self.line.site.url
                found = load_champion("credit", trust=trust, tracking_uri=url, floor=self.floor)
            except (EvidenceError, Refused):
                return None
        return found.promotion

    @invariant()
    def a_consumer_believes_only_what_was_promoted(self) -> None:
        """I1: version, bytes, signatures and ledger agree, or nothing is loaded."""
        promotion = self._consumer()
        if promotion is None:
            return
        which = [version.version for version in self.stage.versions].index(promotion.version)
        assert which not in self.spoilt
        assert self.line.aliases()["champion"] == promotion.version
        signed = {e.body["sequence"]: e.body for e in Ledger.of(self.home).entries("promotion")}
        assert signed[promotion.sequence]["version"] == promotion.version
        self.floor = max(self.floor, promotion.sequence)

    @invariant()
    def the_champion_before_stays_loadable(self) -> None:
        """I9: no click, killed or not, leaves a model without a champion that it had."""
        stands = standing(Ledger.of(self.home), "credit")
        if not self.tampered and not self.spoilt and stands:
            assert self._consumer() is not None

    @invariant()
    def the_ledger_tells_each_move_once(self) -> None:
        """I2, I4: the chain is whole, numbers rise, nothing is closed twice, no look is lost."""
        ledger = Ledger.of(self.home)
        ledger.verify()
        numbers = [e.body["sequence"] for e in committed_promotions(ledger, "credit")]
        assert numbers == sorted(set(numbers))
        closed = [
            seq
            for kind in ("committed", "void")
            for e in ledger.entries(kind)
            for seq in e.body.values()
        ]
        assert len(closed) == len(set(closed))
        spent = looks_spent(ledger, digest("holdout"))
        assert spent >= self.looks
        self.looks = spent


def test_the_protocol_holds(stage: Stage) -> None:
    machine = type("Staged", (Protocol,), {"stage": stage})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=6,
            stateful_step_count=10,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],  # shrinking would start a server for each try
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
