"""Prefect's server and worker as components."""

from __future__ import annotations

import sys
from pathlib import Path

from assay.home import Home
from assay.stack.component import Component
from assay.stack.environment import base, prefect_client
from assay.stack.ports import LOOPBACK

POOL = "assay"


def prefect_urls(port: int) -> tuple[str, str]:
    """The API's URL and the pages' URL."""
    pages = f"http://{LOOPBACK}:{port}"
    return f"{pages}/api", pages


def prefect_server(home: Home, port: int) -> Component:
    """Prefect's API, pages and scheduler over one SQLite file.

    Args:
        home: The installation.
        port: Where it listens on loopback.
    """
    api, pages = prefect_urls(port)
    settings = {
        "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home.root / 'prefect.db'}",
        "PREFECT_SERVER_API_HOST": LOOPBACK,
        "PREFECT_SERVER_API_PORT": str(port),
        # Any page that a browser shows could otherwise start a deployment here.
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": pages,
        "PREFECT_SERVER_UI_API_URL": api,
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        # SQLite has one writer: runs side by side wait for minutes unless nodes are written in
        # batches, and the feed of events is nothing that anybody here reads.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
        "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
        "PREFECT__SERVER_FINAL": "1",
    }
    serve = ("-m", "uvicorn", "--factory", "prefect.server.api.server:create_app")
    where = ("--host", LOOPBACK, "--port", str(port), "--log-level", "warning")
    return Component(
        name="prefect",
        command=(sys.executable, *serve, *where, "--timeout-graceful-shutdown", "2"),
        environment={**base(home), **prefect_client(home, api), **settings},
    )


def prefect_worker(
    home: Home, api: str, registry: dict[str, str], name: str, deployments: Path
) -> Component:
    """The process worker: deploys a prefect.yaml and runs what is scheduled.

    Args:
        home: The installation.
        api: URL of Prefect's API.
        registry: Environment that signs in to the registry as the pipelines' owner.
        name: As Prefect's pages show it; not used before.
        deployments: The prefect.yaml.
    """
    polling = {"PREFECT_WORKER_QUERY_SECONDS": "2", "PREFECT_WORKER_HEARTBEAT_SECONDS": "10"}
    return Component(
        name="worker",
        command=(sys.executable, "-m", "assay.stack.worker", name, str(deployments)),
        environment={**base(home), **prefect_client(home, api), **registry, **polling},
    )
