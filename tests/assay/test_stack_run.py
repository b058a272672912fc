"""What runs is found, guarded and ended: a stack from its first line to its last process."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
import time
import urllib.request
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import pytest

from assay.errors import Unavailable
from assay.home import Home
from assay.stack.record import LOCK, is_running, read_stack
from tests.prefect_http import has_ended, run_of, start_run
from tests.processes import appear, carrying, gone
from tests.stack_fixture import (
    Running,
    assert_nothing_is_left,
    begin,
    running,
    wait_for,
)

# A run that starts what a careless stack would leave behind, and does not end by itself.
STUBBORN = '''
"""A flow that outlives whoever does not end it."""
import subprocess
import time

from prefect import flow


@flow
def stubborn(answer: int = 1) -> int:
    """Never return."""
    subprocess.Popen(["sh", "-c", "(setsid sleep 600 &); setsid setsid sleep 601 & sleep 602"])
    subprocess.Popen(["sh", "-c", "trap '' TERM HUP INT; sleep 603; sleep 604"])
    time.sleep(600)
    return answer
'''
DEPLOYED = """
name: tests
deployments:
  - name: now
    entrypoint: flow.py:stubborn
    schedules: []
    work_pool: {name: assay}
    concurrency_limit: 1
    enforce_parameter_schema: true
"""


def test_the_line_tells_where_everything_is(stack: Running) -> None:
    assert set(stack.said) == {"mlflow", "prefect", "home", "pid"}
    assert stack.said["home"] == str(stack.home.root)
    assert stack.said["pid"] == stack.process.pid
    for page in (f"{stack.said['mlflow']}/health", f"{stack.said['prefect']}/api/health"):
        with urllib.request.urlopen(page, timeout=30) as answer:
            assert answer.status == 200


def test_the_record_tells_the_rest(stack: Running) -> None:
    told = asdict(stack.stack)
    assert told == json.loads(stack.home.stack.read_text())
    assert told["mlflow"] == stack.said["mlflow"]
    assert told["prefect"] == f"{stack.said['prefect']}/api"
    assert told["prefect_ui"] == stack.said["prefect"]
    assert stat.S_ISSOCK(Path(told["opa_socket"]).stat().st_mode)
    assert Path(told["opa_token_file"]).read_text()
    assert is_running(stack.home)


def test_nobody_else_may_read_the_home(stack: Running) -> None:
    assert stat.S_IMODE(stack.home.root.stat().st_mode) == 0o700
    assert stat.S_IMODE(stack.home.stack.stat().st_mode) == 0o600
    open_to_others = [path for path in stack.home.root.rglob("*") if path.lstat().st_mode & 0o077]
    assert open_to_others == []


def test_each_user_has_a_password_file(stack: Running) -> None:
    users = {path.stem for path in stack.home.credentials.glob("*.password")}
    assert users == {"admin", "gate", "auditor", "trainer", "approver"}


def test_the_worker_knows_the_owners_password_and_no_other(stack: Running) -> None:
    secrets = {path.stem: path.read_bytes().strip() for path in stack.home.credentials.iterdir()}
    told = b"".join(
        Path(f"/proc/{process}/environ").read_bytes()
        for process in appear(stack.marker, 8, within=10)
        if b"assay.stack.worker" in command_of(process)
    )
    assert {user for user, secret in secrets.items() if secret in told} == {"trainer"}


def test_a_second_stack_over_the_same_home_is_refused(stack: Running, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "home").symlink_to(stack.home.root)
    process, marker = begin(tmp_path / "second")
    _, told = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "already_running" in told
    assert_nothing_is_left(marker)
    assert read_stack(stack.home).pid == stack.process.pid


def test_a_taken_port_is_refused(stack: Running, tmp_path: Path) -> None:
    port = stack.said["mlflow"].rpartition(":")[2]
    process, marker = begin(tmp_path / "taken", f"mlflow={port}")
    _, told = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "port_taken" in told
    assert port in told
    assert_nothing_is_left(marker)
    assert not (tmp_path / "taken" / "home" / "stack.json").exists()


def test_a_broken_policy_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "policies").mkdir()
    process, marker = begin(folder)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "no_policy" in told
    assert_nothing_is_left(marker)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_while_starting_ends_it_in_peace(tmp_path: Path, number: signal.Signals) -> None:
    process, marker = begin(tmp_path / "stopped")
    appear(marker, 5, within=60)
    process.send_signal(number)
    out, told = process.communicate(timeout=60)
    assert (process.returncode, out, told) == (0, "", "")
    assert_nothing_is_left(marker)


@pytest.mark.parametrize("count", [1, 3, 5, 7, 9])
def test_nothing_outlives_a_stack_killed_while_starting(tmp_path: Path, count: int) -> None:
    process, marker = begin(tmp_path / "killed")
    appear(marker, count, within=60)
    process.kill()
    process.communicate()
    assert gone(marker, within=10) == []
    assert not is_running(Home(tmp_path / "killed" / "home"))


def command_of(process: int) -> list[bytes]:
    """A process's arguments; none when it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")[:-1]
    return []


def sleepers(marker: str) -> list[int]:
    """What the stubborn run has started."""
    return [process for process in carrying(marker) if command_of(process)[:1] == [b"sleep"]]


def kill_in_mid_flow(folder: Path) -> str:
    """Kill a stack while a run of it is under way; the run's id."""
    process, marker = begin(folder, text=DEPLOYED, flow=STUBBORN)
    try:
        run = start_run(f"{wait_for(process)['prefect']}/api", "stubborn/now")
        end = time.monotonic() + 120
        while len(found := sleepers(marker)) < 4 and time.monotonic() < end:
            time.sleep(0.05)
    finally:
        process.kill()
        process.communicate()
    assert len(found) == 4
    assert_nothing_is_left(marker)
    return run


def test_nothing_outlives_a_stack_killed_in_mid_flow(tmp_path: Path) -> None:
    """And the next stack tells of the run that was cut off; and one component's end ends all."""
    run = kill_in_mid_flow(tmp_path / "line")
    home = Home(tmp_path / "line" / "home")
    assert home.stack.exists()
    with pytest.raises(Unavailable, match="no_stack"):
        read_stack(home)

    with running(tmp_path / "line", text=DEPLOYED, flow=STUBBORN) as again:
        cut = run_of(again.stack.prefect, run, has_ended, within=20)
        assert cut["state_type"] == "CRASHED"
        assert "stopped while this run was under way" in cut["state"]["message"]
        victim = next(
            process
            for process in carrying(again.marker)
            if command_of(process)[1:4] == [b"-m", b"mlflow", b"server"]
        )
        os.kill(victim, signal.SIGKILL)
        _, told = again.process.communicate(timeout=60)
        assert again.process.returncode == 3
        assert "mlflow_ended" in told
        assert "mlflow.log" in told
        assert "Uvicorn running" in told or "INFO" in told
        assert not home.stack.exists()


@pytest.mark.slow
def test_nothing_outlives_twenty_stacks_killed_in_mid_flow(tmp_path: Path) -> None:
    started = time.monotonic()
    for _ in range(20):
        kill_in_mid_flow(tmp_path / "line")
    sys.stderr.write(f"20 of 20 in {time.monotonic() - started:.0f} s\n")


def test_a_home_without_a_stack_is_told_so(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    with pytest.raises(Unavailable, match=r"no_stack.*assay up --home"):
        read_stack(home)
    (home.root / LOCK).touch()
    home.stack.write_text("{}")
    with pytest.raises(Unavailable, match="no_stack"):
        read_stack(home)
