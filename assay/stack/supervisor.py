"""Several components that live and end together."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from assay.errors import Unavailable
from assay.policy.opa import OpaServer
from assay.stack.component import Component, Running, last_lines

PAUSE = 0.05  # seconds between two looks


class Stopped(Exception):
    """A signal asked the stack to stop."""


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM, SIGINT or SIGHUP sets, instead of ending this process."""
    stopping = threading.Event()
    names = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {name: signal.signal(name, lambda *_: stopping.set()) for name in names}
    try:
        yield stopping
    finally:
        for name, former in before.items():
            signal.signal(name, former)


class Supervisor:
    """Starts components; when one ends, or when asked to stop, all end.

    Args:
        folder: Working folder of every component.
        logs: Folder of their logs.
        scratch: Folder of their temporary files; it goes with them.
        stopping: Set once the stack is asked to stop.
    """

    def __init__(self, folder: Path, logs: Path, scratch: Path, stopping: threading.Event) -> None:
        self._folder = folder
        self._logs = logs
        self._scratch = scratch
        self._stopping = stopping
        self._running: list[Running] = []
        self._opa: list[OpaServer] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for component in reversed(self._running):
            component.ask_to_stop()
        for component in reversed(self._running):
            component.wait()
        for opa in self._opa:
            opa.stop()

    def start(self, component: Component) -> None:
        """Start one more; `wait_for` tells when it answers."""
        self._running.append(Running(component, self._folder, self._logs, self._scratch))

    def keep(self, opa: OpaServer) -> None:
        """Start OPA, which answers when this returns, and keep it as one of the components."""
        self._opa.append(opa)
        opa.start()

    def check(self) -> None:
        """Let pass while all run and nobody asked to stop.

        Raises:
            Stopped: Somebody asked.
            Unavailable: A component ended; the message names it and ends its log.
        """
        if self._stopping.is_set():
            raise Stopped
        for component in self._running:
            component.check()
        if any(opa.pid is None for opa in self._opa):
            raise Unavailable("opa_ended", "expected OPA to run, found that it ended")

    def wait_for(self, name: str, answers: Callable[[], bool], patience: float) -> None:
        """Wait until a component answers.

        Args:
            name: The component.
            answers: Whether it does by now.
            patience: Seconds.

        Raises:
            Stopped: Somebody asked to stop meanwhile.
            Unavailable: It does not answer in time, or a component ended.
        """
        end = time.monotonic() + patience
        while not answers():
            self.check()
            if time.monotonic() > end:
                log = self._logs / f"{name}.log"
                raise Unavailable(
                    f"{name}_silent",
                    f"expected {name} to answer within {patience:.0f} s, found silence; "
                    f"the end of {log}:\n{last_lines(log)}",
                )
            self._stopping.wait(PAUSE)

    def watch(self) -> None:
        """Stay until somebody asks to stop.

        Raises:
            Stopped: Somebody asked.
            Unavailable: A component ended.
        """
        while True:
            self.check()
            self._stopping.wait(0.2)
