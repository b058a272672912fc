"""Runs one command and leaves nothing of it behind.

Usage: `python keeper.py PARENT GRACE SCRATCH -- COMMAND...`

A server starts children that start children, some in sessions of their own, and a SIGKILLed parent
cannot tell any of them. So each component runs under a keeper, which

1. is a child subreaper: whoever loses its parent below the keeper becomes the keeper's own child;
2. watches its parent by pidfd, which follows the process and not the thread that forked;
3. ends the command by SIGKILL should the keeper itself be killed (PDEATHSIG; the keeper has one
   thread, so that signal's thread is the process);
4. ends and reaps everything below it once the parent dies, a signal arrives or the command exits,
   and then removes SCRATCH, a folder that only the command needed.

Only the keeper's own children are ever signalled. Until it reaps them their numbers cannot be
reused, so it never hits a stranger; and the children of the killed become its own, so that the
last round finds none. Linux only. This file needs the standard library alone and is run by path,
so that it starts in hundredths of a second.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

SET_PDEATHSIG = 1
SET_CHILD_SUBREAPER = 36
USAGE = 64  # exit code, sysexits.h
NO_PARENT = 70
NOT_STARTED = 127
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


def prctl(option: int, value: int) -> None:
    """Set one attribute of this process.

    Raises:
        OSError: The kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option} was refused")


def become_subreaper() -> None:
    """From now on whoever loses its parent below this process becomes its child."""
    prctl(SET_CHILD_SUBREAPER, 1)


def children() -> list[int]:
    """Process ids of this process's living and unreaped children, of all its threads."""
    found: list[int] = []
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the thread ended; another has its children
            found += map(int, (thread / "children").read_text().split())
    return found


def end_children(pause: float = 0.002) -> None:
    """Kill and reap until there is no descendant left.

    Args:
        pause: Seconds between two rounds.
    """
    while True:
        for child in children():
            os.kill(child, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(pause)


def start(command: list[str]) -> int:
    """Fork and execute; the child dies with this process.

    Returns:
        The child's process id.
    """
    keeper = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        prctl(SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != keeper:  # died before the line above
            os._exit(NO_PARENT)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execvp(command[0], command)  # noqa: S606 - a fixed argument list, no shell
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(NOT_STARTED)


class Watch:
    """Wakes up at a signal or at the parent's death."""

    def __init__(self, parent: int) -> None:
        self.stopping = False
        self._parent = os.pidfd_open(parent)
        self._wakes, sleeper = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(sleeper, warn_on_full_buffer=False)
        for number in SIGNALS:
            signal.signal(number, self._note)
        self._poll = select.poll()
        self._poll.register(self._parent, select.POLLIN)
        self._poll.register(self._wakes, select.POLLIN)

    def _note(self, number: int, _frame: object) -> None:
        self.stopping |= number != signal.SIGCHLD

    def wait(self, seconds: float | None) -> bool:
        """Sleep until something happens, at most `seconds`; whether the parent still lives."""
        ready = dict(self._poll.poll(None if seconds is None else max(0, int(seconds * 1000))))
        if self._wakes in ready:
            os.read(self._wakes, 4096)
        return self._parent not in ready


def keep(command: list[str], watch: Watch, grace: float, clock: Callable[[], float]) -> int:
    """Run the command until it ends, the parent dies, or a signal and then the grace have passed.

    Args:
        command: Executable and arguments.
        watch: Tells of signals and of the parent's death.
        grace: Seconds between the SIGTERM that is passed on and SIGKILL.
        clock: Monotonic seconds.

    Returns:
        The command's exit code, 128 + signal if one ended it.
    """
    child = start(command)
    deadline: float | None = None
    while True:
        alive = watch.wait(None if deadline is None else deadline - clock())
        status = _reap(child)
        if status is not None:
            return status
        if not alive or (deadline is not None and clock() >= deadline):
            return 128 + signal.SIGKILL
        if watch.stopping and deadline is None:
            deadline = clock() + grace
            os.kill(child, signal.SIGTERM)


def _reap(child: int) -> int | None:
    """Reap whoever has ended; the command's exit code once it has."""
    status = None
    try:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == child:
                code = os.waitstatus_to_exitcode(ended[1])
                status = code if code >= 0 else 128 - code
    except ChildProcessError:
        pass
    return status


def main(arguments: list[str]) -> int:
    """Keep one command; see the module."""
    match arguments:
        case [parent, grace, scratch, "--", *command] if command:
            pass
        case _:
            os.write(2, b"usage: keeper.py PARENT GRACE SCRATCH -- COMMAND...\n")
            return USAGE
    become_subreaper()
    try:
        watch = Watch(int(parent))
        if os.getppid() != int(parent):  # it died, and the number may be another's by now
            return NO_PARENT
        return keep(command, watch, float(grace), time.monotonic)
    except ProcessLookupError:
        return NO_PARENT
    finally:
        end_children()
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
