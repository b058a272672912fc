"""A plain `mlflow server`, and one attempt that does not know which server it meets."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PATIENCE = 120.0  # seconds


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of it: the server's words, and whether the alias moved."""

    text: str
    moved: bool


def attempt(url: str, model: str, version: str | None) -> Attempt:
    """Point `champion` at a version with MLflow's own client.

    Args:
        url: Any MLflow server.
        model: Registered model; made, with one version, where `version` is None.
        version: The version.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    client = MlflowClient(tracking_uri=url, registry_uri=url)
    if version is None:
        client.create_registered_model(model)
        run = client.create_run("0")
        source = f"{run.info.artifact_uri}/model"
        version = client.create_model_version(model, source, run.info.run_id).version
    try:
        client.set_registered_model_alias(model, "champion", version)
    except MlflowException as error:
        return Attempt(error.message, False)
    held = client.get_model_version_by_alias(model, "champion").version
    return Attempt(f"champion is version {held}", str(held) == str(version))


@contextmanager
def vanilla_server(folder: Path) -> Iterator[str]:
    """The address of a server without Assay, over an empty folder, until the block ends."""
    folder.mkdir(mode=0o700)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    plain = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    plain["MLFLOW_DISABLE_TELEMETRY"] = "true"
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            command, stdout=log, stderr=log, env=plain, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, server)
        yield url
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("expected a vanilla mlflow server to answer")
