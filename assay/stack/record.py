"""HOME/stack.json: where the running components are, and whether they run at all."""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO

from assay.errors import InputError, Unavailable
from assay.home import Home, find_home

LOCK = "stack.lock"


@dataclass(frozen=True, slots=True)
class Stack:
    """The addresses of a running stack.

    Attributes:
        mlflow: Base URL of the registry, its pages and its API.
        prefect: URL of Prefect's API.
        prefect_ui: URL of Prefect's pages.
        opa_socket: Unix socket, or `http://127.0.0.1:PORT` where a port was asked for.
        opa_token_file: File with the token that OPA asks for.
        pid: Process that keeps all of them.
        home: The installation's folder.
    """

    mlflow: str
    prefect: str
    prefect_ui: str
    opa_socket: str
    opa_token_file: str
    pid: int
    home: str


def write_stack(home: Home, stack: Stack) -> None:
    """Write stack.json whole or not at all, readable by its owner alone."""
    draft = home.root / f".stack.{os.getpid()}"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(stack), file, indent=1)
    draft.replace(home.stack)


def read_stack(home: Home) -> Stack:
    """The stack that runs over this home.

    Raises:
        Unavailable: `no_stack`; none runs, or its record cannot be read.
    """
    advice = f"start it with `assay up --home {home.root}`"
    if not is_running(home):
        raise Unavailable(
            "no_stack", f"expected a running stack at {home.root}, found none; {advice}"
        )
    try:
        found = json.loads(home.stack.read_text(encoding="utf-8"))
        stack = Stack(**found)
        if any(type(found[f.name]).__name__ != f.type for f in fields(Stack)):
            raise TypeError
    except (OSError, ValueError, TypeError):
        raise Unavailable(
            "no_stack",
            f"expected a stack that has started at {home.root}, found none yet; {advice}",
        ) from None
    return stack


def running_home(given: str | None) -> Home:
    """The home that was named, or the current one, with a stack that runs over it.

    Raises:
        Unavailable: `no_stack`; there is no such home, or nothing runs over it.
    """
    try:
        home = find_home(given)
    except InputError as error:
        raise Unavailable("no_stack", error.message) from None
    read_stack(home)
    return home


def is_running(home: Home) -> bool:
    """Whether a process holds this home's lock; a killed one does not."""
    try:
        with (home.root / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def lock_home(home: Home) -> IO[bytes]:
    """The home's lock, held until the file is closed or this process ends.

    Raises:
        InputError: `already_running`.
    """
    path: Path = home.root / LOCK
    lock = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
    for _ in range(20):  # whoever looks whether a stack runs holds it for an instant
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.02)
        else:
            return lock
    lock.close()
    raise InputError(
        "already_running",
        f"expected no stack at {home.root}, found a running one; stop it with `assay down`, "
        "or name another folder with --home",
    )
