"""`assay up` and `assay down`."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from assay.cli.show import say
from assay.errors import InputError, Unavailable
from assay.home import ENVIRONMENT, Home
from assay.stack.record import is_running, read_stack, running_home

_PATIENCE = 300.0  # seconds for a start or a stop in the background
_DEFAULT, _FIRST = Path(".assay/current"), "home"


def up(arguments: argparse.Namespace) -> int:
    """Start everything and keep it, until SIGTERM or Ctrl-C; or return when all answer."""
    home = _home(arguments.home)
    if arguments.background:
        from assay.stack.preflight import preflight

        preflight(home, os.environ)  # told here, and not by the end of a log
        return _in_background(home, arguments)
    from assay.stack.run import Ports, run_stack

    ports = Ports(arguments.mlflow_port or None, arguments.prefect_port or None, arguments.opa_port)
    run_stack(home, ports, worker=not arguments.no_worker)
    return 0


def down(arguments: argparse.Namespace) -> int:
    """Stop the running stack and wait until it is gone."""
    home = running_home(arguments.home)
    keeper = read_stack(home).pid
    os.kill(keeper, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE
    while is_running(home) or Path(f"/proc/{keeper}/exe").exists():
        if time.monotonic() > deadline:
            raise Unavailable("not_stopped", f"expected the stack at {home.root} to end in time")
        time.sleep(0.1)
    say(f"stopped: {home.root}")
    return 0


def _home(given: str | None) -> Home:
    """The named home, made where it is missing; without a name the current one.

    `current` is a link, so that another home can become the current one and this one stays.
    """
    named = Path(given or os.environ.get(ENVIRONMENT) or _DEFAULT).absolute()
    if named.exists() and not named.is_dir():
        raise InputError("no_home", f"expected a folder at {named}, found a file")
    try:
        if named == _DEFAULT.absolute() and not named.exists():
            Home(named.parent / _FIRST).create()
            named.unlink(missing_ok=True)  # a link to a home that was removed
            named.symlink_to(_FIRST)
        return Home(named.resolve()).create()
    except OSError as error:
        raise InputError("no_home", f"expected a folder at {named}, found {error}") from None


def _in_background(home: Home, arguments: argparse.Namespace) -> int:
    """The same command in a session of its own; its one line is passed on."""
    command = [sys.executable, "-m", "assay.cli", "up", "--home", str(home.root)]
    command += ["--mlflow-port", str(arguments.mlflow_port)]
    command += ["--prefect-port", str(arguments.prefect_port)]
    command += ["--opa-port", str(arguments.opa_port)] if arguments.opa_port else []
    command += ["--no-worker"] if arguments.no_worker else []
    logs = home.root / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    with (logs / "up.log").open("wb") as log:
        started = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    assert started.stdout is not None
    line = started.stdout.readline().decode().strip()
    if not line:
        told = (logs / "up.log").read_text(errors="replace").strip().splitlines()
        raise Unavailable("not_started", told[-1] if told else "the stack ended without a word")
    say(line)
    return 0
