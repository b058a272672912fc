"""The components that tests share, each started once a session."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from assay.home import REPOSITORY, Home
from assay.stack import probe
from assay.stack.ports import Held
from assay.stack.prefect import prefect_server, prefect_urls
from assay.stack.supervisor import Supervisor


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a real Prefect server's API; flows of this process run against it."""
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_HOME,
        PREFECT_LOGGING_TO_API_ENABLED,
        temporary_settings,
    )

    home = Home(tmp_path_factory.mktemp("prefect")).create()
    held = Held()
    api, _ = prefect_urls(held.port)
    with Supervisor(REPOSITORY, home.root, threading.Event()) as components:
        components.start(prefect_server(home, held.port))
        components.wait_for("prefect", lambda: probe.is_ok(f"{api}/health"), patience=120)
        held.release()
        settings = {PREFECT_API_URL: api, PREFECT_HOME: home.root / "prefect"}
        with temporary_settings({**settings, PREFECT_LOGGING_TO_API_ENABLED: False}):
            yield api
