"""The door of a stage: how a pure function becomes a node of a flow.

Prefect lets a task that *returns* Failed pass as an empty value, so that its flow ends green. A
door closes that: a refusal is a state of its own, `Blocked`, which is Failed and is never retried,
and the flow either ends with it or goes on knowing that nothing came out.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import Any, Literal, ParamSpec, Protocol, TypeVar, overload

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import State, TaskRun
from prefect.states import Failed

from assay.errors import AssayError, Refused, Unavailable

BLOCKED = "Blocked"
P = ParamSpec("P")
T = TypeVar("T")


class Answered(Exception):  # not an error: the flow ends here, with an answer
    """The question was answered before.

    Args:
        answer: What was answered.
    """

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer


class Listener(Protocol):
    """Told what a stage is doing."""

    def __call__(self, stage: str, message: str, fraction: float, /) -> None:
        """Take note.

        Args:
            stage: The node's name.
            message: What it is doing; at the end `done`, `blocked` or `failed`.
            fraction: How much of the stage is done, 0 to 1.
        """


def _nobody(stage: str, message: str, fraction: float) -> None:
    """Nobody listens: a run without a terminal."""


_listener: ContextVar[Listener] = ContextVar("listener", default=_nobody)
_stage: ContextVar[str] = ContextVar("stage", default="")


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell this listener about every stage that runs inside."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def report(message: str, fraction: float) -> None:
    """The progress that a stage's pure function is given; only its door says that it has ended."""
    _listener.get()(_stage.get(), message, min(fraction, 0.99))


def blocked(refused: Refused) -> State[Any]:
    """The state of a refusal: of type Failed, named Blocked, carrying code and message."""
    return Failed(name=BLOCKED, message=str(refused), data=refused)


def is_blocked(state: State[Any]) -> bool:
    """Whether a state is a refusal and no broken component."""
    return state.is_failed() and state.name == BLOCKED


@overload
def door(
    name: str, *, run_name: str | None = None, retries: int = 0, onward: Literal[False] = False
) -> Callable[[Callable[P, T]], Callable[P, T]]: ...
@overload
def door(
    name: str, *, run_name: str | None = None, retries: int = 0, onward: Literal[True]
) -> Callable[[Callable[P, T]], Callable[P, T | None]]: ...
def door(
    name: str, *, run_name: str | None = None, retries: int = 0, onward: bool = False
) -> Callable[[Callable[P, T]], Callable[P, T | None]]:
    """Make a stage's function a node.

    Args:
        name: What the node does, as people read it.
        run_name: Template of a run's name, such as `{gate}`; None: `name`.
        retries: Repeats after an `Unavailable`; nothing else is tried again.
        onward: A refusal yields None and the flow goes on; else the flow ends with it.

    Returns:
        A decorator. The decorated function answers as before, or raises what it raised: any
        error but ours leaves as `Unavailable`, without its text, which may quote a row.
    """

    def decorate(stage: Callable[P, T]) -> Callable[P, T | None]:
        node = task(
            name=name,
            task_run_name=run_name or name,
            retries=retries,
            retry_delay_seconds=1,
            retry_condition_fn=_is_unavailable,
            cache_policy=NO_CACHE,
            persist_result=False,
        )(_answering(stage))

        @wraps(stage)
        def enter(*args: P.args, **kwargs: P.kwargs) -> T | None:
            token = _stage.set((run_name or name).format(**kwargs))
            try:
                report("started", 0.0)
                state: State[Any] = node(*args, return_state=True, **kwargs)
                ended = "blocked" if is_blocked(state) else state.type.value.lower()
                _listener.get()(_stage.get(), ended, 1.0)
            finally:
                _stage.reset(token)
            if onward and is_blocked(state):
                return None
            answer: T = state.result()
            return answer

        return enter

    return decorate


def _answering(stage: Callable[P, T]) -> Callable[P, T | State[Any]]:
    """The stage with its refusal as a state, and with no foreign error's text."""

    @wraps(stage)
    def answer(*args: P.args, **kwargs: P.kwargs) -> T | State[Any]:
        try:
            return stage(*args, **kwargs)
        except Refused as refused:
            return blocked(type(refused)(refused.code, refused.message))
        except AssayError as error:
            raise type(error)(error.code, error.message) from None
        except Exception as error:
            raise _broken(error) from None

    return answer


def _broken(error: Exception) -> Unavailable:
    """A foreign error by its type and place; its text may quote a row."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return Unavailable(
        "stage_broken",
        f"expected {_stage.get()!r} to finish, found {type(error).__name__} "
        f"at {Path(last.filename).name}:{last.lineno}",
    )


def _is_unavailable(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    return isinstance(state.data, Unavailable)
