"""A keeper ends whatever its command started, however the keeper's parent ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from pathlib import Path

import pytest

from assay.stack import keeper
from tests.processes import appear, gone

KEEPER = [sys.executable, "-I", "-S", keeper.__file__]

# What a component may do to outlive its parent; each starts two processes besides itself or fewer.
STUBBORN = {
    "plain": ("sleep 60", 1),
    "children": ("sleep 60 & sleep 61 & wait", 3),
    "own session": ("setsid sleep 60 & setsid setsid sleep 61 & sleep 62", 4),
    "double fork": ("(setsid sh -c 'sleep 60 & sleep 61 &' &); sleep 62", 4),
    "orphans": ("(sleep 60 &); (sleep 61 &); sleep 62", 4),
    "deaf": ("trap '' TERM HUP INT; sleep 60 & setsid sleep 61 & sleep 62; sleep 63", 4),
    "stopped": ("sleep 60 & kill -STOP $!; sleep 61", 3),
}
STARTER = textwrap.dedent("""
    import os, subprocess, sys, threading, time
    def start():
        subprocess.Popen([*sys.argv[2:6], str(os.getpid()), "5", "", "--", *sys.argv[6:]])
    if sys.argv[1] == "thread":
        one = threading.Thread(target=start); one.start(); one.join()
    else:
        start()
    time.sleep(60)
""")


@pytest.fixture
def marker() -> str:
    return f"MARKED={uuid.uuid4().hex}"


def environment(marker: str) -> dict[str, str]:
    name, value = marker.split("=")
    return {"PATH": os.environ["PATH"], name: value}


def starter(marker: str, shell: str, way: str = "main") -> subprocess.Popen[bytes]:
    """A parent that starts a keeper and then waits."""
    return subprocess.Popen(
        [sys.executable, "-c", STARTER, way, *KEEPER, "sh", "-c", shell],
        env=environment(marker),
    )


def kept(
    marker: str, shell: str, *, grace: str = "5", scratch: str = ""
) -> subprocess.Popen[bytes]:
    """A keeper that this process is the parent of."""
    command = [*KEEPER, str(os.getpid()), grace, scratch, "--", "sh", "-c", shell]
    return subprocess.Popen(command, env=environment(marker))


@pytest.mark.parametrize("shell", STUBBORN)
@pytest.mark.parametrize("way", ["main", "thread"])
def test_nothing_outlives_a_killed_parent(marker: str, shell: str, way: str) -> None:
    command, count = STUBBORN[shell]
    parent = starter(marker, command, way)
    assert len(appear(marker, count + 2, within=10)) >= count + 2
    parent.kill()
    parent.wait()
    assert gone(marker, within=5) == []


@pytest.mark.parametrize("delay", [0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08])
def test_nothing_outlives_a_parent_killed_while_starting(marker: str, delay: float) -> None:
    parent = starter(marker, STUBBORN["double fork"][0])
    time.sleep(0.02 + delay)
    parent.kill()
    parent.wait()
    time.sleep(0.1)
    assert gone(marker, within=5) == []


def test_a_thread_that_ends_does_not_end_the_component(marker: str) -> None:
    parent = starter(marker, "exec sleep 60", "thread")
    started = appear(marker, 3, within=10)
    time.sleep(0.3)
    assert sorted(appear(marker, 3, within=0)) == sorted(started)
    parent.kill()
    parent.wait()
    assert gone(marker, within=5) == []


def test_nothing_outlives_a_fork_storm(marker: str) -> None:
    storm = "storm() { (sleep 0.02; sleep 60) & }; while :; do storm; sleep 0.01; done"
    parent = starter(marker, storm)
    appear(marker, 20, within=10)
    parent.kill()
    parent.wait()
    assert gone(marker, within=10) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_all_after_the_grace(marker: str, number: signal.Signals) -> None:
    process = kept(marker, STUBBORN["deaf"][0], grace="0.3")
    appear(marker, 5, within=10)
    process.send_signal(number)
    assert process.wait(10) == 128 + signal.SIGKILL
    assert gone(marker, within=0) == []


def test_a_signal_lets_the_command_tidy_up(marker: str, tmp_path: Path) -> None:
    tidy = f"trap 'echo tidy > {tmp_path}/t; exit 7' TERM; sleep 60 & wait"
    process = kept(marker, tidy)
    appear(marker, 3, within=10)
    process.terminate()
    assert process.wait(10) == 7
    assert (tmp_path / "t").read_text() == "tidy\n"
    assert gone(marker, within=0) == []


@pytest.mark.parametrize(("shell", "code"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137)])
def test_the_exit_code_is_the_commands(marker: str, shell: str, code: int) -> None:
    process = kept(marker, f"setsid sleep 60 & {shell}")
    assert process.wait(10) == code
    assert gone(marker, within=0) == []


def test_a_killed_keeper_takes_its_command_along(marker: str) -> None:
    process = kept(marker, "exec sleep 60")
    appear(marker, 2, within=10)
    process.kill()
    process.wait()
    assert gone(marker, within=5) == []


def test_the_scratch_folder_goes_too(marker: str, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "socket").touch()
    assert kept(marker, "exit 0", scratch=str(scratch)).wait(10) == 0
    assert not scratch.exists()


def test_a_wrong_parent_is_refused(marker: str) -> None:
    command = [*KEEPER, "1", "1", "", "--", "sleep", "60"]
    assert (
        subprocess.run(command, env=environment(marker), timeout=10).returncode == keeper.NO_PARENT
    )
    assert gone(marker, within=0) == []


@pytest.mark.parametrize("arguments", [[], ["1"], ["1", "1", "", "--"], ["1", "1", "sleep", "60"]])
def test_a_wrong_usage_is_refused(arguments: list[str]) -> None:
    done = subprocess.run([*KEEPER, *arguments], capture_output=True, timeout=10)
    assert done.returncode == keeper.USAGE
    assert b"usage" in done.stderr


def test_a_missing_command_is_named(marker: str) -> None:
    command = [*KEEPER, str(os.getpid()), "1", "", "--", "no-such-command"]
    done = subprocess.run(command, env=environment(marker), capture_output=True, timeout=10)
    assert done.returncode == keeper.NOT_STARTED
    assert b"no-such-command: No such file" in done.stderr
