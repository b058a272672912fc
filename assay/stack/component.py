"""One component of the stack: a command under a keeper, its log, and whether it still runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assay.errors import Unavailable
from assay.stack import keeper

LOG_LINES = 8  # shown when a component ends


@dataclass(frozen=True, slots=True)
class Component:
    """What to run.

    Attributes:
        name: As messages call it, such as `mlflow`.
        command: Executable and arguments.
        environment: The whole environment; nothing is inherited.
        grace: Seconds to tidy up between SIGTERM and SIGKILL.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    grace: float = 5.0


class Running:
    """A started component.

    Attributes:
        name: The component's name.
        log: Its output and errors.
    """

    def __init__(
        self, component: Component, folder: Path, logs: Path, scratch: Path | None = None
    ) -> None:
        """Start it.

        Args:
            component: What to run.
            folder: Working folder.
            logs: Folder of the log, `<name>.log`, begun anew.
            scratch: Folder that goes when the component ends; its temporary files are there.
        """
        self.name = component.name
        self.log = logs / f"{component.name}.log"
        self._grace = component.grace
        command = [sys.executable, "-I", "-S", keeper.__file__, str(os.getpid())]
        command += [str(component.grace), str(scratch or ""), "--", *component.command]
        temporary = {"TMPDIR": str(scratch)} if scratch else {}
        with self.log.open("wb") as log:
            self.log.chmod(0o600)
            self._keeper = subprocess.Popen(
                command,
                cwd=folder,
                env={**component.environment, **temporary},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C reaches `assay up` first, which stops in order
            )

    @property
    def pid(self) -> int:
        """The keeper's process id."""
        return self._keeper.pid

    def check(self) -> None:
        """Let a running component pass.

        Raises:
            Unavailable: It ended; the message carries the last lines of its log.
        """
        code = self._keeper.poll()
        if code is not None:
            raise Unavailable(
                f"{self.name}_ended",
                f"expected {self.name} to run, found that it ended with code {code}; "
                f"the end of {self.log}:\n{last_lines(self.log)}",
            )

    def ask_to_stop(self) -> None:
        """Begin to stop, if it still runs."""
        self._keeper.terminate()

    def wait(self) -> None:
        """Wait until nothing of it is left."""
        try:
            self._keeper.wait(self._grace + 10)
        except subprocess.TimeoutExpired:  # a keeper that hangs; its command dies with it
            self._keeper.kill()
            self._keeper.wait()


def last_lines(log: Path, count: int = LOG_LINES) -> str:
    """The end of a log, without control characters."""
    text = log.read_text(encoding="utf-8", errors="replace")
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    kept = ("".join(c for c in line if c.isprintable())[:300] for line in lines[-count:])
    return "\n".join(f"  {line}" for line in kept) or "  (empty)"
