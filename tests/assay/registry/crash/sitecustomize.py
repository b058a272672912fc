"""Loaded by a server under test as it starts: it dies, by SIGKILL, at the step that is asked for.

A step is whatever Python's audit hooks tell of the home: a file that is opened to be written, moved
or removed, a database that is connected to, a lock that is taken. The product knows nothing of it.
"""

from __future__ import annotations

import mmap
import os
import signal
import sys
from pathlib import Path

CONTROL = os.environ.get("CRASH_CONTROL", "")
HOME = os.environ.get("ASSAY_HOME", "")
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
COUNTED = {"sqlite3.connect", "os.rename", "os.link", "os.remove", "fcntl.flock"}


def step(event: str, arguments: tuple[object, ...]) -> str:
    """What an event does to the home; empty when it is no step."""
    if event == "open":
        path, _, flags = arguments
        if isinstance(flags, int) and flags & WRITES and str(path).startswith(HOME):
            return f"write {Path(str(path)).suffix or Path(str(path)).name}"
        return ""
    if event in COUNTED:
        name = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes) else ""
        return f"{event} {Path(name.partition('?')[0]).suffix}"
    return ""


def watch(control: Path, log: Path) -> None:
    """Count steps while the control says so; at the last one that it grants, die."""
    # Eight bytes: how many steps are left. Whoever tests writes them while the server runs.
    shared = mmap.mmap(os.open(control, os.O_RDWR), 8)
    told = os.open(log, os.O_WRONLY | os.O_APPEND)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        left = int.from_bytes(shared[:8], "little")
        if left and (what := step(event, arguments)):
            shared[:8] = (left - 1).to_bytes(8, "little")
            os.write(told, f"{what}\n".encode())
            if left == 1:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


if CONTROL:
    watch(Path(CONTROL), Path(f"{CONTROL}.log"))
