"""One gated server and one vanilla server for the whole session."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.home import REPOSITORY, Home
from tests.assay.registry.site import Logged, Site, gated_site, log_payload, vanilla_site


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("registry") / "home").create()
    raw = (REPOSITORY / "policies" / "data.json").read_bytes()
    (made.policy / "data.json").write_bytes(raw)
    gates = {bar["gate"] for tier in json.loads(raw)["tiers"].values() for bar in tier["bars"]}
    built = {"digest": f"sha256:{'0' * 64}", "remedies": dict.fromkeys(gates, "read the policy")}
    (made.policy / "policy.json").write_text(json.dumps(built))
    return made


@pytest.fixture(scope="session")
def site(home: Home) -> Iterator[Site]:
    with gated_site(home) as served:
        yield served


@pytest.fixture(scope="session")
def vanilla(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with vanilla_site(tmp_path_factory.mktemp("vanilla")) as served:
        yield served


@pytest.fixture(scope="session")
def payload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("payload") / "payload"
    folder.mkdir()
    (folder / "model.json").write_text("{}")
    return folder


@pytest.fixture(scope="session")
def registered(site: Site, payload: Path) -> Logged:
    """A version of credit that its owner logged and registered, and nobody submitted."""
    return log_payload(site, "trainer", "credit", payload)


@pytest.fixture(scope="session")
def plain(vanilla: Site, payload: Path) -> Logged:
    """The same on the vanilla server."""
    return log_payload(vanilla, "nobody", "credit", payload)
