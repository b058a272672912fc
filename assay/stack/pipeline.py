"""`assay run`: a pipeline in this very process, against a running stack, as the model's owner."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from assay.errors import AssayError, Unavailable
from assay.home import Home
from assay.policy.rules import load_policy
from assay.spec import load_spec
from assay.stack.environment import OURS, flow_environment
from assay.stack.record import Stack, read_stack

Progress: TypeAlias = Callable[[str, float], None]
# Prefect's own log stays on its pages; what this process prints is ours alone.
CALM = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL", "PREFECT_LOGGING_LEVEL": "INFO"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        state: `Completed` or `Blocked`.
        lines: What to print: the verdict, and where its pages are.
        exit_code: 0 promotable, 1 blocked.
        run: Id of Prefect's flow run.
    """

    state: str
    lines: tuple[str, ...]
    exit_code: int
    run: str


def run_pipeline(path: Path, home: Home, progress: Progress) -> Outcome:
    """Run a declared pipeline to a decision.

    Args:
        path: Its YAML.
        home: An installation whose stack runs.
        progress: Called with `stage: message` and the fraction of the stage, 0 to 1.

    Raises:
        InputError: The declaration is wrong.
        Refused: The policy does not know the model.
        Unavailable: The stack does not run, or a component failed on the way.
    """
    spec = load_spec(path)
    stack = read_stack(home)
    owner = load_policy(home.policy).model(spec.model).owner
    with environment({**flow_environment(home, stack, owner), **CALM}), owner_only():
        return _run(path.resolve(), stack, progress)


@contextmanager
def owner_only() -> Iterator[None]:
    """Whatever is written meanwhile is its owner's alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """These variables, and no other of the families that decide where things go, for a while."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(OURS)]:
        del os.environ[name]
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _run(path: Path, stack: Stack, progress: Progress) -> Outcome:
    # Imported only now: Prefect reads its settings from the environment that was just set.
    from prefect.client.schemas import State
    from prefect.context import use_profile
    from prefect.logging.handlers import APILogHandler
    from prefect.settings import Profile

    from flows.promote import promote
    from tasks.door import is_blocked, listening

    own = Profile(name="assay", settings={})
    with (
        use_profile(own, include_current_context=False),
        listening(_listener(progress)),
        warnings.catch_warnings(action="ignore"),
    ):
        state: State[Any] = promote(str(path), return_state=True)
        APILogHandler().flush()  # the run's pages have its log before anybody is sent there
    if not state.is_completed() and not is_blocked(state):
        raise _failure(state)
    run = str(state.state_details.flow_run_id)
    told = "promotable" if state.is_completed() else f"BLOCKED: {_plain(state.message)}"
    page = f"run: {stack.prefect_ui}/runs/flow-run/{run}"
    return Outcome(state.name or "", (told, page), 0 if state.is_completed() else 1, run)


def _listener(progress: Progress) -> Callable[[str, str, float], None]:
    """What the stages say, and at the end of each the last that it said."""
    last: dict[str, str] = {}

    def tell(stage: str, message: str, fraction: float) -> None:
        if fraction < 1:
            last[stage] = message
        elif message == "completed" and last[stage] != "started":
            message = last[stage]
        progress(f"{stage}: {message}", fraction)

    return tell


def _plain(message: str | None) -> str:
    """The words of a refusal, without the code of the refusal that carries it."""
    return (message or "").removeprefix("[blocked] ")


def _failure(state: Any) -> AssayError:
    """What broke the run, as it was raised."""
    try:
        state.result()
    except AssayError as error:
        return error
    except Exception as error:
        found = state.message or type(error).__name__
        return Unavailable("run_failed", f"expected a run that reaches a decision, found: {found}")
    return Unavailable("run_failed", f"expected a run that ends, found one that is {state.name}")
