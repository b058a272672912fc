"""Components live and end together, and the one that ends is named with its last words."""

from __future__ import annotations

import os
import signal
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.errors import InputError, Unavailable
from assay.home import REPOSITORY
from assay.policy.bundle import build_policy
from assay.policy.opa import OpaServer
from assay.stack.component import Component, last_lines
from assay.stack.ports import LOOPBACK, Held
from assay.stack.probe import is_ok, worker_is_online
from assay.stack.supervisor import Stopped, Supervisor, stop_signals
from tests.processes import appear, gone

PATH = {"PATH": os.environ["PATH"]}


def shell(name: str, text: str, grace: float = 5.0) -> Component:
    return Component(name, ("sh", "-c", text), PATH, grace)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with Supervisor(tmp_path, tmp_path, scratch, threading.Event()) as made:
        yield made


def test_one_that_ends_is_named_with_its_last_words(supervisor: Supervisor) -> None:
    supervisor.start(shell("mlflow", "seq -f 'line %g' 10; exit 5"))
    with pytest.raises(Unavailable) as caught:
        supervisor.wait_for("mlflow", lambda: False, patience=20)
    assert caught.value.code == "mlflow_ended"
    assert "code 5" in caught.value.message
    assert "line 10" in caught.value.message
    assert "line 2" not in caught.value.message
    assert "mlflow.log" in caught.value.message


def test_another_that_ends_is_told_while_one_is_waited_for(supervisor: Supervisor) -> None:
    supervisor.start(shell("prefect", "sleep 60"))
    supervisor.start(shell("worker", "echo no pool; exit 1"))
    with pytest.raises(Unavailable, match=r"(?s)worker_ended.*no pool"):
        supervisor.wait_for("prefect", lambda: False, patience=20)


def test_silence_is_not_waited_for_without_end(supervisor: Supervisor) -> None:
    supervisor.start(shell("prefect", "echo thinking; sleep 60"))
    with pytest.raises(Unavailable, match=r"(?s)prefect_silent.*thinking"):
        supervisor.wait_for("prefect", lambda: False, patience=0.3)


def test_what_answers_is_not_waited_for(supervisor: Supervisor) -> None:
    supervisor.start(shell("prefect", "sleep 60"))
    supervisor.wait_for("prefect", lambda: True, patience=0)
    supervisor.check()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_wait(tmp_path: Path, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_signals() as stopping, pytest.raises(Stopped):
        threading.Timer(0.2, os.kill, (os.getpid(), number)).start()
        with Supervisor(tmp_path, tmp_path, tmp_path / "scratch", stopping) as supervisor:
            supervisor.start(shell("prefect", "sleep 60"))
            supervisor.watch()
    assert signal.getsignal(number) is before


def test_all_end_together_and_so_does_their_scratch(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with Supervisor(tmp_path, tmp_path, scratch, threading.Event()) as supervisor:
        for name in ("a", "b", "c"):
            supervisor.start(shell(name, "touch $TMPDIR/x; (setsid sleep 60 &); sleep 61", 0.2))
        assert len(appear(str(scratch), 12, within=20)) >= 12
    assert gone(str(scratch), within=1) == []
    assert not scratch.exists()


def test_the_end_of_opa_is_the_end_of_all(supervisor: Supervisor, tmp_path: Path) -> None:
    build_policy(REPOSITORY / "policies", tmp_path / "policy")
    opa = OpaServer(tmp_path / "policy")
    supervisor.keep(opa)
    supervisor.check()
    assert opa.pid is not None
    os.kill(opa.pid, signal.SIGKILL)
    end = time.monotonic() + 10
    with pytest.raises(Unavailable, match="opa_ended"):
        while time.monotonic() < end:
            supervisor.check()
            time.sleep(0.02)


def test_a_log_is_its_owners_and_printable(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(shell("loud", r"printf 'red \033[31malert\007\n\n  \nend\n'; exit 1"))
    with pytest.raises(Unavailable) as caught:
        supervisor.wait_for("loud", lambda: False, patience=20)
    assert caught.value.message.isprintable() or "\n" in caught.value.message
    assert "\033" not in caught.value.message
    assert stat.S_IMODE((tmp_path / "loud.log").stat().st_mode) == 0o600


def test_an_empty_log_says_so(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"\n\n")
    assert last_lines(tmp_path / "log") == "  (empty)"


def test_a_held_port_is_given_to_nobody_who_asks_for_any() -> None:
    held = Held()
    others = [socket.socket() for _ in range(200)]
    try:
        for other in others:
            other.bind((LOOPBACK, 0))
        assert held.port not in {other.getsockname()[1] for other in others}
        with pytest.raises(OSError, match="in use"), socket.socket() as plain:
            plain.bind((LOOPBACK, held.port))
        with socket.create_server((LOOPBACK, held.port)):  # as uvicorn does, with SO_REUSEADDR
            held.release()
    finally:
        held.release()
        for other in others:
            other.close()


@pytest.mark.parametrize("wanted", [70000, -1])
def test_an_impossible_port_is_refused(wanted: int) -> None:
    with pytest.raises(InputError, match="port_taken"):
        Held(wanted)


def test_a_listened_port_is_refused() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(InputError, match=str(port)):
            Held(port)


def test_nobody_who_answers_is_no_answer() -> None:
    held = Held()
    assert not is_ok(f"http://{LOOPBACK}:{held.port}/health")
    assert not worker_is_online(f"http://{LOOPBACK}:{held.port}/api", "w")
    held.release()


def test_garbage_is_no_answer() -> None:
    def garbage(server: socket.socket) -> None:
        wire, _ = server.accept()
        with wire:
            wire.sendall(b"\0\0\0 no HTTP\r\n\r\n")

    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        thread = threading.Thread(target=garbage, args=[server])
        thread.start()
        assert not is_ok(f"http://{LOOPBACK}:{port}/health")
        thread.join()
