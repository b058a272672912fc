"""A real stack that tests share: OPA, MLflow, Prefect and a worker, started once a session.

Its policy has two models more than the project's, for a small table that is judged in seconds:
`loans`, whose bars everything passes, and `tight`, under the standard tier.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assay.home import REPOSITORY, Home
from assay.stack.record import Stack, read_stack
from tests.processes import gone
from tests.tasks.validation.loans import RULES

TINY = """
name: tests
deployments:
  - name: quiet
    entrypoint: flow.py:quiet
    schedules: []
    work_pool: {name: assay}
    concurrency_limit: 1
    enforce_parameter_schema: true
"""
FLOW = '''
"""A flow that ends at once."""
from flows.outcome import assay_flow


@assay_flow("quiet")
def quiet(answer: int = 1) -> int:
    """Answer."""
    return answer
'''


@dataclass(frozen=True)
class Running:
    """A stack in a process of its own.

    Attributes:
        said: The line that it printed.
        marker: Its folder for temporary files, which every process of it carries.
        folder: Where its prefect.yaml and flow are.
    """

    process: subprocess.Popen[str]
    home: Home
    folder: Path
    said: Mapping[str, Any]
    marker: str

    @property
    def stack(self) -> Stack:
        """Its addresses."""
        return read_stack(self.home)


def loosened(table: dict[str, Any]) -> dict[str, Any]:
    """The standard tier with every bar at the end of its range, and no floors."""
    tier = dict(table["tiers"]["standard"], looks=8)
    ends = {"at_least": 0, "at_most": 1}
    tier["bars"] = [
        {**bar, "min_n": 1 if bar["min_n"] else 0}
        | ({"bar": bar["range"][ends[bar["direction"]]]} if bar["direction"] in ends else {})
        for bar in tier["bars"]
        if not bar["measurement"].startswith("robust_recall:")
        or bar["measurement"] == "robust_recall:0.1"
    ]
    tier["floors"] = [floor for floor in tier["floors"] if floor["evidence"] == "privacy"]
    return tier


def write_policies(folder: Path) -> Path:
    """The project's policy, with the tests' models."""
    shutil.copytree(REPOSITORY / "policies", folder)
    table = json.loads((folder / "data.json").read_text())
    table["tiers"]["loose"] = loosened(table)
    table["models"] |= {"loans": {**RULES, "tier": "loose"}, "tight": RULES}
    (folder / "data.json").write_text(json.dumps(table))
    return folder


def write_deployments(folder: Path, text: str = TINY, flow: str = FLOW) -> Path:
    """A prefect.yaml with its flow."""
    folder.mkdir(exist_ok=True)
    (folder / "flow.py").write_text(flow)
    (folder / "prefect.yaml").write_text(text)
    return folder / "prefect.yaml"


def begin(
    folder: Path, *options: str, text: str = TINY, flow: str = FLOW
) -> tuple[subprocess.Popen[str], str]:
    """Start a stack without waiting for it: its process, and what its processes carry."""
    folder.mkdir(exist_ok=True)
    if not (folder / "policies").exists():
        write_policies(folder / "policies")
    deployments = write_deployments(folder / "deployed", text, flow)
    marker = tempfile.mkdtemp(prefix="a-", dir="/tmp")  # short: a socket's path is
    command = [sys.executable, "-m", "tests.up", folder / "home", folder / "policies", deployments]
    process = subprocess.Popen(
        [*map(str, command), *options],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": marker},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return process, marker


def wait_for(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The line that a stack prints once all of it answers."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise AssertionError(process.communicate()[1])
    said: dict[str, Any] = json.loads(line)
    return said


@contextmanager
def running(folder: Path, *options: str, text: str = TINY, flow: str = FLOW) -> Iterator[Running]:
    """A stack until the block ends; nothing of it is left then."""
    process, marker = begin(folder, *options, text=text, flow=flow)
    try:
        said = wait_for(process)
        yield Running(process, Home(folder / "home"), folder / "deployed", said, marker)
    finally:
        process.terminate()
        process.communicate(timeout=60)
        assert_nothing_is_left(marker)


def assert_nothing_is_left(marker: str) -> None:
    """Neither a process nor a file."""
    assert gone(marker, within=10) == []
    assert list(Path(marker).iterdir()) == []
    Path(marker).rmdir()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The shared stack."""
    with running(tmp_path_factory.mktemp("stack") / "shared") as shared:
        yield shared


@pytest.fixture(scope="session")
def prefect_api(stack: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of the shared Prefect's API; flows of this process run against it."""
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_HOME,
        PREFECT_LOGGING_TO_API_ENABLED,
        temporary_settings,
    )

    api = stack.stack.prefect
    settings = {PREFECT_API_URL: api, PREFECT_HOME: tmp_path_factory.mktemp("prefect")}
    with temporary_settings({**settings, PREFECT_LOGGING_TO_API_ENABLED: False}):
        yield api
