"""A line in a process of its own, that can be killed or run beside others."""

from __future__ import annotations

import os
import signal
import sys
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from assay.errors import AssayError
from assay.home import Home
from assay.spec import load_spec
from benchmarks.plain_line import measure

# The server imports the stages once; each line is a fork of it that has done nothing yet.
SERVER = get_context("forkserver")
SERVER.set_forkserver_preload(["torch._dynamo", "benchmarks.plain_line", "tests.line.doomed"])
NEVER = ("", "", -1)
INTERRUPTED = 130


def run(pipeline: Path, root: Path, stage: str, message: str, count: int, number: int) -> None:
    """Measure a pipeline; at the moment that is named, this process gets a signal.

    It ends as the command does: with the exit code of a refusal, or of Ctrl-C.

    Args:
        pipeline: Its YAML.
        root: Of the home.
        stage: Of which the report is.
        message: How the report begins.
        count: Which of such reports it is, from 1.
        number: The signal.
    """
    # Whoever was started in the background inherits that Ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    heard = 0

    def tell(now: str, said: str, _fraction: float) -> None:
        nonlocal heard
        heard += now == stage and said.startswith(message)
        if heard == count:
            os.kill(os.getpid(), number)

    try:
        measure(load_spec(pipeline), Home(root), tell)
    except AssayError as error:
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def start(
    pipeline: Path,
    home: Home,
    moment: tuple[str, str, int] = NEVER,
    number: int = signal.SIGKILL,
) -> ForkServerProcess:
    """The same command each time, in a new process."""
    process = SERVER.Process(target=run, args=(pipeline, home.root, *moment, number))
    process.start()
    return process
