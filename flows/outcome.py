"""How a flow ends: Completed only if every node of it is known to have completed.

An infrastructure failure ends it Failed; else a refusal or any Blocked node ends it Blocked, which
is a state of type Failed; else it is Completed. A flow is never retried.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, overload
from uuid import UUID

from prefect import Flow, flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import State, StateType, TaskRun
from prefect.context import FlowRunContext, TaskRunContext
from prefect.states import Failed

from assay.errors import Refused, Unavailable
from tasks.door import BLOCKED, Answered, blocked, door

P = ParamSpec("P")
T = TypeVar("T")
PATIENCE = 60.0  # seconds
PAGE = 200


def _itself(answer: Any) -> Any:
    return answer


def _untold(refusal: Refused, /, *_args: object, **_named: object) -> None:
    """The state alone tells of the refusal."""


@overload
def assay_flow(
    name: str, *, answered: Callable[[Any], Any] = _itself, patience: float = PATIENCE
) -> Callable[[Callable[P, T]], Flow[P, T | State[Any]]]: ...
@overload
def assay_flow(
    name: str,
    *,
    answered: Callable[[Any], Any] = _itself,
    refused: Callable[Concatenate[Refused, P], object],
    patience: float = PATIENCE,
) -> Callable[[Callable[P, T]], Flow[P, T | State[Any]]]: ...
def assay_flow(
    name: str,
    *,
    answered: Callable[[Any], Any] = _itself,
    refused: Callable[Concatenate[Refused, P], object] = _untold,
    patience: float = PATIENCE,
) -> Callable[[Callable[P, T]], Flow[P, T | State[Any]]]:
    """Make a function the flow of this name, ended as the module says.

    Args:
        name: As Prefect's pages show it.
        answered: Called with an answer that was given before; what it returns is the flow's.
        refused: Called with the refusal that ended the flow, and with the flow's arguments.
        patience: Seconds until Prefect must know how every node ended; else the flow has failed.
    """

    def decorate(body: Callable[P, T]) -> Flow[P, T | State[Any]]:
        @wraps(body)
        def run(*args: P.args, **kwargs: P.kwargs) -> T | State[Any]:
            try:
                answer: T = _answer(body, answered, *args, **kwargs)
            except Refused as error:
                refused(error, *args, **kwargs)
                return _failure(_nodes(patience)) or blocked(error)
            nodes = _nodes(patience)
            return _failure(nodes) or _refusal(nodes) or answer

        return flow(name=name, retries=0, persist_result=False)(run)

    return decorate


def _answer(
    body: Callable[P, T], answered: Callable[[Any], Any], *args: P.args, **kwargs: P.kwargs
) -> Any:
    try:
        return body(*args, **kwargs)
    except Answered as known:
        return answered(known.answer)


def _failure(nodes: list[TaskRun]) -> State[Any] | None:
    """Failed, when a node ended neither Completed nor Blocked."""
    broken = [n.name for n in nodes if not _is(n, StateType.COMPLETED) and n.state_name != BLOCKED]
    return Failed(message=f"not completed: {', '.join(broken)}") if broken else None


def _refusal(nodes: list[TaskRun]) -> State[Any] | None:
    """Blocked, when a node did; in the words of the last one."""
    said = [node.state for node in nodes if node.state and node.state.name == BLOCKED]
    if not said:
        return None
    last = max(said, key=lambda state: state.timestamp)
    names = ", ".join(node.name for node in nodes if node.state_name == BLOCKED)
    return blocked(Refused("blocked", f"{last.message} (blocked: {names})"))


def _is(node: TaskRun, kind: StateType) -> bool:
    return node.state is not None and node.state.type == kind


@door("outcome")
def _last_node() -> UUID:
    """The node that Prefect hears of after all others."""
    context = TaskRunContext.get()
    assert context is not None
    return context.task_run.id


def _nodes(patience: float) -> list[TaskRun]:
    """Every node of this run, as Prefect knows them once all have ended.

    Raises:
        Unavailable: `nodes_unknown`; Prefect does not know in time how each of them ended.
    """
    last = _last_node()
    context = FlowRunContext.get()
    assert context is not None
    assert context.flow_run is not None
    end = time.monotonic() + patience
    with get_client(sync_client=True) as client:
        while True:
            nodes = _known(client, context.flow_run.id)
            if last in {node.id for node in nodes} and all(map(_has_ended, nodes)):
                return nodes
            if time.monotonic() > end:
                raise Unavailable(
                    "nodes_unknown", f"expected Prefect to know every node within {patience:.0f} s"
                )
            time.sleep(0.05)


def _known(client: SyncPrefectClient, run: UUID) -> list[TaskRun]:
    of_run = FlowRunFilter(id=FlowRunFilterId(any_=[run]))
    nodes: list[TaskRun] = []
    while page := client.read_task_runs(flow_run_filter=of_run, limit=PAGE, offset=len(nodes)):
        nodes += page
        if len(page) < PAGE:
            break
    return nodes


def _has_ended(node: TaskRun) -> bool:
    """Final, or at a standstill: paused, or never to begin after what it waits for failed."""
    if node.state is None:
        return False
    return node.state.is_final() or node.state.is_paused() or node.state_name == "NotReady"
