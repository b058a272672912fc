"""`assay up` as it is typed: the ports that were asked for, its one line, and its end."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from assay.home import REPOSITORY
from tests.processes import gone
from tests.stack_fixture import assert_nothing_is_left


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def typed(folder: Path, marker: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose processes all carry the marker."""
    command = [sys.executable, "-m", "assay.cli", *words, "--home", str(folder / "home")]
    environment = {**os.environ, "TMPDIR": marker}
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)


def test_the_command_serves_where_it_was_told_to_and_leaves_nothing(tmp_path: Path) -> None:
    mlflow, prefect, opa = free_ports(3)
    ports = ("--mlflow-port", f"{mlflow}", "--prefect-port", f"{prefect}", "--opa-port", f"{opa}")
    marker = tempfile.mkdtemp(prefix="a-", dir="/tmp")
    up = typed(tmp_path, marker, "up", "--background", "--no-worker", *ports)
    assert up.returncode == 0, up.stderr
    said = json.loads(up.stdout)
    assert set(said) == {"mlflow", "prefect", "home", "pid"}
    assert said["mlflow"] == f"http://127.0.0.1:{mlflow}"
    assert said["prefect"] == f"http://127.0.0.1:{prefect}"
    connection = http.client.HTTPConnection("127.0.0.1", opa, timeout=10)
    connection.request("POST", "/v1/data/promotion/decision", body="{}")
    assert connection.getresponse().status == 401  # it wants the token
    connection.close()
    down = typed(tmp_path, marker, "down")
    assert (down.returncode, down.stdout) == (0, f"stopped: {tmp_path / 'home'}\n")
    assert_nothing_is_left(marker)


def test_nothing_outlives_the_command_when_it_is_killed(tmp_path: Path) -> None:
    marker = tempfile.mkdtemp(prefix="a-", dir="/tmp")
    up = typed(tmp_path, marker, "up", "--background")
    assert up.returncode == 0, up.stderr
    os.kill(json.loads(up.stdout)["pid"], signal.SIGKILL)
    assert gone(marker, within=10) == []
