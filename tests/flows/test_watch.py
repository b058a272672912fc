"""The watch on a real stack: a node for each model, and an end that nobody takes for another."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from assay.errors import InputError
from assay.home import REPOSITORY, Home
from assay.ledger import Ledger
from assay.registry.asking import Asker
from assay.registry.launch import server_folder
from assay.registry.users import password_file
from assay.stack.environment import flow_environment
from assay.stack.pipeline import CALM, environment
from tests.prefect_http import ask
from tests.stack_fixture import Running

GONE = 77  # a version that nobody registered
_PUT = "INSERT OR REPLACE INTO registered_model_aliases VALUES (?, ?, ?, ?)"


def put_by_hand(home: Home, model: str) -> None:
    """Somebody who lends the triggers their function writes an alias."""
    with closing(sqlite3.connect(server_folder(home) / "mlflow.db", timeout=30)) as connection:
        connection.create_function("assay_may_write", 2, lambda _kind, _name: 1)
        row = ("champion", GONE, model, "default")
        connection.execute(_PUT, row)
        connection.commit()


@contextmanager
def missing(home: Home, name: str) -> Iterator[None]:
    """The home without a file, while it lasts."""
    kept = (home.root / name).rename(home.root / "aside")
    try:
        yield
    finally:
        kept.rename(home.root / name)


@contextmanager
def heard(stack: Running) -> Iterator[list[Any]]:
    """What a listener to Prefect's events hears of champions, until one was heard."""
    from prefect.events.clients import PrefectEventSubscriber
    from prefect.events.filters import EventFilter, EventNameFilter

    wanted = EventFilter(event=EventNameFilter(prefix=["assay.champion."]))
    events: list[Any] = []
    listening, told = threading.Event(), threading.Event()

    async def listen() -> None:
        async with PrefectEventSubscriber(api_url, wanted) as stream:
            listening.set()
            async for event in stream:
                events.append(event)
                told.set()
                return

    api_url = stack.stack.prefect
    thread = threading.Thread(target=lambda: asyncio.run(listen()), daemon=True)
    thread.start()
    assert listening.wait(30)
    yield events
    assert told.wait(30)
    thread.join(30)


def watched(stack: Running) -> Any:
    """One run in this process, as the worker makes it."""
    values = {**flow_environment(stack.home, stack.stack, "trainer"), **CALM}
    with environment(values):
        from prefect.context import use_profile
        from prefect.logging.handlers import APILogHandler
        from prefect.settings import Profile

        from flows.watch import watch

        with use_profile(Profile(name="assay", settings={}), include_current_context=False):
            state = watch(return_state=True)
            APILogHandler().flush()
    return state


def left(stack: Running, state: Any) -> tuple[dict[str, str], list[Any], str]:
    """Nodes, artifacts and log of a run."""
    api, run = stack.stack.prefect, {"id": {"any_": [str(state.state_details.flow_run_id)]}}
    nodes = ask(api, "/task_runs/filter", {"flow_runs": run})
    artifacts = ask(api, "/artifacts/filter", {"flow_runs": run})
    lines = ask(api, "/logs/filter", {"logs": {"flow_run_id": run["id"]}})
    named = {node["name"]: node["state_name"] for node in nodes}
    return named, artifacts, "\n".join(line["message"] for line in lines)


def test_all_well_is_completed(stack: Running) -> None:
    state = watched(stack)
    assert (state.type.value, state.name) == ("COMPLETED", "Completed")
    nodes, artifacts, _ = left(stack, state)
    audits = {f"audit {model}" for model in ("credit", "mortgage", "loans", "tight")}
    ends = {"list the models", *audits, "show findings", "outcome"}
    assert nodes == dict.fromkeys(ends, "Completed")
    assert [one["key"] for one in artifacts] == ["champions"]


def test_what_was_reverted_blocks_the_run_and_is_told(stack: Running) -> None:
    put_by_hand(stack.home, "mortgage")
    before = len(Ledger.of(stack.home).entries("demotion"))
    with heard(stack) as events:
        state = watched(stack)
    assert (state.type.value, state.name) == ("FAILED", "Blocked")
    nodes, artifacts, log = left(stack, state)
    assert nodes["audit mortgage"] == "Blocked"
    assert nodes["audit credit"] == nodes["audit tight"] == nodes["show findings"] == "Completed"
    told = f"champion of mortgage was {GONE}, is none (removed)"
    assert told in artifacts[0]["data"]
    assert "assay.champion.reverted: mortgage: [moved]" in log
    assert told in log
    assert len(Ledger.of(stack.home).entries("demotion")) == before + 1
    assert [(e.event, e.resource.id, e.payload["code"]) for e in events] == [
        ("assay.champion.reverted", "assay.model.mortgage", "moved")
    ]
    assert watched(stack).name == "Completed"


def test_a_gate_that_cannot_tell_fails_the_run_and_moves_nothing(stack: Running) -> None:
    put_by_hand(stack.home, "mortgage")
    with missing(stack.home, "policy/policy.json"):
        state = watched(stack)
        assert (state.type.value, state.name) == ("FAILED", "Failed")
    with missing(stack.home, "keys/promoter.pem"):
        state = watched(stack)
    assert (state.type.value, state.name) == ("FAILED", "Failed")
    nodes, artifacts, log = left(stack, state)
    assert {nodes[f"audit {model}"] for model in ("credit", "mortgage", "tight")} == {"Failed"}
    assert "no_key" in artifacts[0]["data"]
    assert "assay.champion.unknown: mortgage: [no_key]" in log
    assert Asker(stack.stack.mlflow, stack.home).audit("mortgage").found == str(GONE)


def test_the_command_watches_once(stack: Running) -> None:
    command = [sys.executable, "-m", "assay.cli", "watch", "--home", str(stack.home.root)]

    def run() -> tuple[int, str]:
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
        assert not done.stderr
        return done.returncode, done.stdout

    put_by_hand(stack.home, "mortgage")
    with missing(stack.home, "keys/promoter.pem"):
        code, told = run()
    assert code == 3
    assert "ALARM" in told
    code, told = run()
    assert code == 1
    assert "REMOVED" in told
    assert run()[0] == 0


def test_who_holds_no_password_of_the_gate_asks_for_nothing(stack: Running) -> None:
    where = password_file(stack.home, "gate").relative_to(stack.home.root)
    with missing(stack.home, str(where)), pytest.raises(InputError, match="no_credentials"):
        Asker(stack.stack.mlflow, stack.home)
