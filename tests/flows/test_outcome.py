"""No flow ends Completed over a node that did not complete, and a refusal is never a failure."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest
from prefect import flow, task
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Crashed, Failed, Paused

from assay.errors import EvidenceError, InputError, Refused, Unavailable
from flows.outcome import assay_flow
from tasks.door import door, listening

Step = Callable[[], Any]
pytestmark = pytest.mark.usefixtures("prefect_api")


@door("good")
def good() -> int:
    return 1


@door("refusing")
def refusing() -> int:
    raise Refused("epsilon_spent", "expected 3, found 6")


@door("refusing onward", onward=True)
def onward() -> int:
    raise EvidenceError("below_bar", "expected .8, found .7")


@door("broken")
def broken() -> int:
    raise Unavailable("opa_unavailable", "expected OPA, found nothing")


@door("buggy")
def buggy() -> int:
    raise ValueError("could not convert 'Mrs Miller' to float")


@door("asking wrongly")
def wrong() -> int:
    raise InputError("no_file", "expected a file, found none")


@door("sly door", onward=True)
def sly_door() -> State[Any]:
    return Failed(message="quietly")


@task
def plain() -> int:
    return 1


@task
def sly() -> State[Any]:
    return Failed(message="quietly")


@task
def named_blocked() -> State[Any]:
    return Failed(name="Blocked", message="quietly")


@task
def crashed() -> State[Any]:
    return Crashed()


@task
def cancelled() -> State[Any]:
    return Cancelled()


@task
def raising() -> int:
    raise RuntimeError("seen by nobody")


def raising_unseen() -> Any:
    return raising(return_state=True)


def dependant() -> Any:
    return plain.submit(wait_for=[raising.submit()]).wait()


@flow
def sly_flow() -> State[Any]:
    return Failed(message="quietly")


def sly_subflow() -> Any:
    return sly_flow(return_state=True)


@assay_flow("inner")
def inner() -> None:
    onward()


def blocked_subflow() -> Any:
    return inner(return_state=True)


def nested() -> Any:
    @task
    def outer() -> Any:
        return sly(return_state=True).name

    return outer()


ENDS: dict[str, tuple[list[Step], str]] = {
    "nothing": ([], "Completed"),
    "doors": ([good, good], "Completed"),
    "plain tasks": ([plain, plain, good], "Completed"),
    "a refusal": ([good, refusing], "Blocked"),
    "a refusal that goes on": ([good, onward, good], "Blocked"),
    "a refusal that goes on, at the end": ([good, onward], "Blocked"),
    "two refusals": ([onward, refusing], "Blocked"),
    "a state named Blocked": ([named_blocked, good], "Blocked"),
    "a blocked flow below": ([blocked_subflow, good], "Blocked"),
    "a broken component": ([good, broken], "Failed"),
    "a refusal, then a broken component": ([onward, broken], "Failed"),
    "an error nobody expected": ([buggy], "Failed"),
    "a wrong question": ([wrong], "Failed"),
    "a returned Failed": ([sly, good], "Failed"),
    "a returned Failed, at the end": ([sly], "Failed"),
    "a returned Failed among many": ([*[plain] * 8, sly, *[plain] * 8], "Failed"),
    "a returned Failed below a door": ([good, sly_door], "Failed"),
    "a returned Failed, then a refusal": ([sly, refusing], "Failed"),
    "a returned Crashed": ([crashed, good], "Failed"),
    "a returned Cancelled": ([cancelled, good], "Failed"),
    "an error that was caught": ([raising_unseen, good], "Failed"),
    "a task that never began": ([dependant, good], "Failed"),
    "a Failed flow below": ([sly_subflow, good], "Failed"),
    "a Failed task below a task": ([nested, good], "Failed"),
}


def ended(steps: list[Step], answer: Any = 5) -> State[Any]:
    """How a flow of these steps ends."""

    @assay_flow("steps")
    def line() -> Any:
        for step in steps:
            step()
        return answer

    return line(return_state=True)


@pytest.fixture(scope="module")
def states(prefect_api: str) -> dict[str, State[Any]]:
    """How each of them ended, run side by side: Prefect spends a second on the end of a run."""
    assert prefect_api
    with ThreadPoolExecutor(max_workers=3) as pool:
        running = {
            name: pool.submit(copy_context().run, ended, steps) for name, (steps, _) in ENDS.items()
        }
        return {name: future.result() for name, future in running.items()}


@pytest.mark.parametrize("name", ENDS)
def test_a_flow_ends_as_its_worst_node(states: dict[str, State[Any]], name: str) -> None:
    expected, state = ENDS[name][1], states[name]
    assert state.name == expected
    assert state.is_completed() == (expected == "Completed")
    assert state.is_failed() == (expected != "Completed")


@pytest.mark.parametrize("answer", [None, 0, Completed(message="all is well")])
def test_no_answer_makes_a_blocked_flow_green(answer: Any) -> None:
    assert ended([onward], answer).name == "Blocked"


def test_a_paused_node_is_no_completed_one() -> None:
    @task
    def pausing() -> State[Any]:
        return Paused()

    assert not ended([lambda: pausing(return_state=True)]).is_completed()


def test_a_node_that_still_runs_is_no_completed_one() -> None:
    go_on = threading.Event()

    @task
    def slow() -> None:
        go_on.wait(30)

    @assay_flow("impatient", patience=1)
    def line() -> None:
        threading.Timer(3, go_on.set).start()
        slow.submit()

    state = line(return_state=True)
    assert state.is_failed()
    assert "nodes_unknown" in str(state.message)


def test_the_answer_of_a_completed_flow_is_kept() -> None:
    assert ended([good]).result() == 5


def test_a_refusal_keeps_its_code_and_message() -> None:
    state = ended([refusing])
    with pytest.raises(Refused) as caught:
        state.result()
    assert caught.value.code == "epsilon_spent"
    assert state.message == "[epsilon_spent] expected 3, found 6"


def test_a_refusal_that_goes_on_is_named() -> None:
    message = "[blocked] [below_bar] expected .8, found .7 (blocked: refusing onward)"
    assert ended([good, onward]).message == message


def test_no_foreign_error_tells_a_value() -> None:
    state = ended([buggy])
    assert "ValueError" in str(state.message)
    assert "Miller" not in f"{state.message} {state.data}"
    with pytest.raises(Unavailable) as caught:
        state.result()
    assert caught.value.code == "stage_broken"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_only_what_is_unavailable_is_tried_again() -> None:
    tries: list[str] = []

    @door("unavailable", retries=1)
    def unavailable() -> int:
        tries.append("unavailable")
        if tries.count("unavailable") < 2:
            raise Unavailable("slow", "expected an answer, found none")
        return 1

    @door("refused", retries=3, onward=True)
    def refused() -> int:
        tries.append("refused")
        raise Refused("no", "no")

    assert ended([unavailable, refused]).name == "Blocked"
    assert tries == ["unavailable", "unavailable", "refused"]


def test_a_listener_hears_how_each_stage_ends() -> None:
    heard: list[tuple[str, str, float]] = []
    with listening(lambda *told: heard.append(told)):
        ended([good, onward])
        ended([broken])
    assert heard == [
        ("good", "started", 0.0),
        ("good", "completed", 1.0),
        ("refusing onward", "started", 0.0),
        ("refusing onward", "blocked", 1.0),
        ("outcome", "started", 0.0),
        ("outcome", "completed", 1.0),
        ("broken", "started", 0.0),
        ("broken", "failed", 1.0),
    ]
