"""What a person sees of a run is Assay's own, whatever the libraries below have to say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from assay.home import REPOSITORY, Home
from assay.registry.users import make_passwords
from assay.stack.environment import base, inherited, mlflow_client, prefect_client
from tests.flows.loans import lay_out, rows
from tests.flows.test_promote import END, GATES, STAGES
from tests.stack_fixture import Running

NODES = [*STAGES, *(f"gate {gate}" for gate in GATES), *END]
LINE = re.compile(rf" *[0-9]+\.[0-9] s  (?:{'|'.join(NODES)}): \S.*")


def test_a_run_prints_its_own_lines_and_no_others(stack: Running, tmp_path: Path) -> None:
    pipeline = lay_out(tmp_path / "loans", rows(31))
    command = [sys.executable, "-m", "assay.cli", "run", str(pipeline), "--home", stack.home.root]
    noisy = {"PYTHONWARNINGS": "default", "PREFECT_LOGGING_LEVEL": "DEBUG"}
    done = subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, **noisy}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    said = done.stderr.splitlines()
    assert [line for line in said if not LINE.fullmatch(line)] == []
    assert len(said) == len(NODES)
    first, second = done.stdout.splitlines()
    assert first == "promotable"
    assert second.startswith(f"run: {stack.said['prefect']}/runs/flow-run/")


def test_telemetry_is_off(stack: Running) -> None:
    told = base(stack.home) | prefect_client(stack.home, "http://x")
    assert told["DO_NOT_TRACK"] == "1"
    assert told["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert told["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert told["PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS"] == "false"


@pytest.mark.parametrize(
    "name",
    [
        "PREFECT_API_URL",
        "MLFLOW_TRACKING_URI",
        "OPA_RUN_SKIP_VERIFY",
        "ASSAY_HOME",
        "AWS_SECRET_ACCESS_KEY",
    ],
)
def test_a_stray_setting_is_not_inherited(name: str) -> None:
    assert name not in inherited({name: "elsewhere", "PATH": "/bin", "ASSAY_CACHE": "/c"})
    assert set(inherited({name: "elsewhere", "PATH": "/bin", "ASSAY_CACHE": "/c"})) == {
        "PATH",
        "ASSAY_CACHE",
    }


def test_nothing_is_unpickled(home: Home) -> None:
    make_passwords(home, ["trainer"])
    told = mlflow_client(home, "http://x", "trainer")
    assert told["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
