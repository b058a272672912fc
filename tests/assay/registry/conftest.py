"""One gated server with everything it needs, and one vanilla server, for the whole session."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.home import REPOSITORY, Home
from assay.ledger import Ledger
from assay.policy.force import put_in_force
from assay.policy.opa import OpaServer
from tests.assay.policy.submission import Site as Evidenced
from tests.assay.registry.line import Line, point_at
from tests.assay.registry.site import Logged, Site, gated_site, log_payload, vanilla_site
from tests.assay.serving.promoted import save_small_model


@pytest.fixture(scope="session")
def evidenced(tmp_path_factory: pytest.TempPathFactory) -> Evidenced:
    """A home with keys, and the honest evidence of a credit model."""
    return Evidenced.build(tmp_path_factory.mktemp("registry") / "home")


@pytest.fixture(scope="session")
def home(evidenced: Evidenced) -> Home:
    made = evidenced.home
    Ledger.create(made)
    put_in_force(made, REPOSITORY / "policies", int(time.time()))
    return made


@pytest.fixture(scope="session")
def opa(home: Home) -> Iterator[OpaServer]:
    with OpaServer(home.policy) as server:
        point_at(home, server.socket, server.token_file)
        yield server


@pytest.fixture(scope="session")
def site(home: Home, opa: OpaServer) -> Iterator[Site]:
    with gated_site(home) as served:
        yield served


@pytest.fixture(scope="session")
def vanilla(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with vanilla_site(tmp_path_factory.mktemp("vanilla")) as served:
        yield served


@pytest.fixture(scope="session")
def payload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("payload") / "payload"
    save_small_model(folder)
    return folder


@pytest.fixture(scope="session")
def line(site: Site, evidenced: Evidenced, payload: Path) -> Line:
    """The owner's hands, with the payload's look in the ledger."""
    made = Line(site, evidenced)
    made.look(payload)
    return made


@pytest.fixture(scope="session")
def registered(site: Site, payload: Path) -> Logged:
    """A version of credit that its owner logged and registered, and nobody submitted."""
    return log_payload(site, "trainer", "credit", payload)


@pytest.fixture(scope="session")
def plain(vanilla: Site, payload: Path) -> Logged:
    """The same on the vanilla server."""
    return log_payload(vanilla, "nobody", "credit", payload)


@pytest.fixture(scope="session")
def submitted(line: Line, payload: Path) -> Logged:
    """A version that the gate allows, and nobody promoted."""
    version = line.register(payload)
    answer = line.submit(version, line.bundle(payload))
    assert answer.status == 200, answer.text
    assert line.tags(version)["gate.allowed"] == "true", line.tags(version)
    return version


@pytest.fixture(scope="session")
def champion(line: Line, submitted: Logged, payload: Path) -> Logged:
    """A version that was promoted."""
    version = line.register(payload)
    assert line.submit(version, line.bundle(payload)).status == 200
    answer = line.approve(version)
    assert answer.status == 200, answer.text
    return version
