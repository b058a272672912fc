"""What is deployed is known to the last key, runs when it is due, and its end is told."""

from __future__ import annotations

import asyncio
import copy
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay.errors import InputError
from assay.home import REPOSITORY
from assay.spec import load_spec
from assay.stack.deployments import deploy, plan, read_prefect_file
from tests.assay.test_stack_run import command_of
from tests.flows.loans import lay_out, rows
from tests.prefect_http import ask, has_ended, run_of, start_run
from tests.processes import carrying
from tests.stack_fixture import Running, write_deployments

DEPLOYMENT: dict[str, Any] = {
    "name": "one",
    "entrypoint": "flow.py:beat",
    "schedules": [],
    "work_pool": {"name": "assay"},
    "concurrency_limit": 1,
    "enforce_parameter_schema": True,
}
BEATING = '''
"""A flow that ends Blocked, and one that does not end."""
import time

from assay.errors import Refused
from flows.outcome import assay_flow
from tasks.door import door


@door("refuse")
def refuse():
    """Say no."""
    raise Refused("nightly", "expected day, found night")


@assay_flow("beat")
def beat() -> None:
    """Be refused."""
    refuse()


@assay_flow("endless")
def endless() -> None:
    """Wait."""
    time.sleep(600)
'''


def written(folder: Path, *deployments: dict[str, Any], flow: str = BEATING) -> Path:
    declared = {"name": "tests", "deployments": [copy.deepcopy(one) for one in deployments]}
    return write_deployments(folder, yaml.safe_dump(declared), flow)


def deployed(file: Path) -> list[str]:
    """Deploy into the shared Prefect."""
    from prefect.client.orchestration import get_client

    planned = plan(file)

    async def go() -> list[str]:
        async with get_client() as client:
            return await deploy(client, planned)

    return asyncio.run(go())


def withdraw(name: str) -> None:
    """Remove a deployment, so that its schedule ends."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        client.delete_deployment(client.read_deployment_by_name(name).id)


def test_the_projects_deployments_are_whole() -> None:
    declared = read_prefect_file(REPOSITORY / "prefect.yaml").deployments
    judging = [one for one in declared if one.entrypoint == "flows/promote.py:promote"]
    pipelines = [str(deployment.parameters["pipeline"]) for deployment in judging]
    assert {one.entrypoint for one in declared if one not in judging} == {"flows/watch.py:watch"}
    shipped = [f"pipelines/{file.name}" for file in (REPOSITORY / "pipelines").glob("*.yaml")]
    assert sorted(pipelines) == sorted(shipped)
    for pipeline in pipelines:
        load_spec(REPOSITORY / pipeline)
    assert all(deployment.schedules and deployment.schedules[0].cron for deployment in declared)
    assert len({deployment.schedules[0].cron for deployment in declared}) == len(declared)


def test_the_projects_deployments_deploy(prefect_api: str) -> None:
    """Deployed twice they are there once, scheduled, on the process pool."""
    names = deployed(REPOSITORY / "prefect.yaml")
    try:
        assert deployed(REPOSITORY / "prefect.yaml") == names
        judging = {"promote/credit", "promote/credit-careless", "promote/mortgage"}
        assert set(names) == {*judging, "watch/watch"}
        for name in names:
            found = ask(prefect_api, f"/deployments/name/{name}")
            assert found["work_pool_name"] == "assay"
            assert [schedule["active"] for schedule in found["schedules"]] == [True]
            assert found["enforce_parameter_schema"]
            assert found["pull_steps"] == [
                {"prefect.deployments.steps.set_working_directory": {"directory": str(REPOSITORY)}}
            ]
    finally:
        for name in names:
            withdraw(name)


def test_a_scheduled_run_happens(prefect_api: str, tmp_path: Path) -> None:
    """Nobody asks for it: the scheduler makes it, the worker runs it, and its refusal is told."""
    beating = {**DEPLOYMENT, "schedules": [{"interval": 8.0}]}
    assert deployed(written(tmp_path, beating)) == ["beat/one"]
    try:
        end = time.monotonic() + 120
        query = {"flows": {"name": {"any_": ["beat"]}}, "sort": "EXPECTED_START_TIME_ASC"}
        done: list[Any] = []
        while not done and time.monotonic() < end:
            runs = ask(prefect_api, "/flow_runs/filter", query)
            done = [run for run in runs if has_ended(run)]
            time.sleep(0.3)
        assert done
        assert done[0]["auto_scheduled"]
        assert done[0]["work_pool_name"] == "assay"
        assert (done[0]["state_type"], done[0]["state_name"]) == ("FAILED", "Blocked")
        assert "expected day, found night" in done[0]["state"]["message"]
    finally:
        withdraw("beat/one")


def test_the_worker_promotes_as_the_owner(stack: Running, prefect_api: str, tmp_path: Path) -> None:
    promoting = {
        **DEPLOYMENT,
        "name": "loans",
        "entrypoint": "flows/promote.py:promote",
        "parameters": {"pipeline": str(lay_out(tmp_path / "loans", rows(21)))},
    }
    file = written(tmp_path, promoting)
    (tmp_path / "flows").symlink_to(REPOSITORY / "flows")
    assert deployed(file) == ["promote/loans"]
    run = start_run(prefect_api, "promote/loans")
    ended = run_of(prefect_api, run, has_ended, within=240)
    log = (stack.home.root / "logs" / "worker.log").read_text()
    assert ended["state_name"] == "Completed", f"{ended['state']['message']}\n{log[-3000:]}"


def test_a_killed_run_is_told_as_crashed(stack: Running, prefect_api: str, tmp_path: Path) -> None:
    deployed(written(tmp_path, {**DEPLOYMENT, "entrypoint": "flow.py:endless"}))
    run = start_run(prefect_api, "endless/one")
    running = run_of(prefect_api, run, lambda r: r["state_type"] == "RUNNING", within=120)
    assert running["state_type"] == "RUNNING"
    victims = [
        process
        for process in carrying(stack.marker)
        if command_of(process)[1:2] == [b"-m"] and b"prefect" in command_of(process)[2]
    ]
    assert victims
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    assert run_of(prefect_api, run, has_ended, within=60)["state_type"] == "CRASHED"


WRONG: dict[str, tuple[str, Any]] = {
    "a misspelt job variable": ("work_pool.job_variables", {"network_mod": "none"}),
    "another pool type's variable": ("work_pool.job_variables", {"image": "gates"}),
    "a misspelt key": ("concurency_limit", 1),
    "an open parameter schema": ("enforce_parameter_schema", False),
    "no limit": ("concurrency_limit", None),
    "a limit of nothing": ("concurrency_limit", 0),
    "a limit in words": ("concurrency_limit", "one"),
    "no pool": ("work_pool", None),
    "no entrypoint": ("entrypoint", None),
    "an entrypoint elsewhere": ("entrypoint", "../flow.py:beat"),
    "a flow that is not there": ("entrypoint", "flow.py:beet"),
    "a file that is not there": ("entrypoint", "flaw.py:beat"),
    "two times at once": ("schedules", [{"cron": "0 2 * * *", "interval": 5.0}]),
    "no time": ("schedules", [{"timezone": "UTC"}]),
    "no time passes": ("schedules", [{"interval": 0.0}]),
    "an unknown key of a schedule": ("schedules", [{"cron": "0 2 * * *", "activ": True}]),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_prefect_would_drop_is_refused(prefect_api: str, tmp_path: Path, name: str) -> None:
    key, value = WRONG[name]
    wrong: dict[str, Any] = copy.deepcopy(DEPLOYMENT)
    place = wrong
    *above, last = key.split(".")
    for part in above:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    file = written(tmp_path, {**DEPLOYMENT, "name": "before"}, wrong)
    with pytest.raises(InputError) as caught:
        deployed(file)
    assert caught.value.code in ("bad_deployment", "unknown_job_variable")
    assert caught.value.code == "unknown_job_variable" or str(tmp_path) in caught.value.message
    names = [found["name"] for found in ask(prefect_api, "/deployments/filter", {})]
    assert "before" not in names  # nothing is deployed unless everything can be


def test_two_deployments_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'one'"):
        read_prefect_file(written(tmp_path, DEPLOYMENT, DEPLOYMENT))


def test_no_deployments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="deployments"):
        read_prefect_file(written(tmp_path))
