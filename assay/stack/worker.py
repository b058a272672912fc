"""The worker's process: `python -m assay.stack.worker NAME PREFECT_YAML`.

It loads the flows, waits for Prefect, tells it which runs a stopped stack has cut off, deploys,
and works.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.states import Crashed
from prefect.workers.process import ProcessWorker

from assay.errors import AssayError, Unavailable
from assay.stack.deployments import deploy, plan
from assay.stack.prefect import POOL

PATIENCE = 120.0  # seconds until Prefect must answer
CUT_OFF = "The stack stopped while this run was under way; nothing of it goes on."


async def reach(api: str, patience: float = PATIENCE) -> None:
    """Wait until Prefect answers.

    Raises:
        Unavailable: It does not within `patience` seconds.
    """
    end = time.monotonic() + patience
    async with httpx.AsyncClient(trust_env=False, timeout=5) as plain:
        while time.monotonic() < end:
            with contextlib.suppress(httpx.HTTPError):
                if (await plain.get(f"{api}/health")).status_code == 200:
                    return
            await asyncio.sleep(0.1)
    raise Unavailable("prefect_unavailable", f"expected Prefect at {api} within {patience} s")


async def mark_cut_off(client: PrefectClient) -> int:
    """Mark runs as crashed that an earlier stack left running.

    A run of `assay run` needs a running stack, so none is alive before this one serves.

    Returns:
        How many there were.
    """
    unfinished = FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING])
    runs = await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=unfinished))
    )
    for run in runs:
        await client.set_flow_run_state(run.id, Crashed(message=CUT_OFF), force=True)
    return len(runs)


async def work(name: str, file: Path) -> None:
    """Deploy and then run what is scheduled, until this process ends."""
    planned = plan(file)  # imports every stage, which takes as long as Prefect needs to start
    await reach(os.environ["PREFECT_API_URL"])
    async with get_client() as client:
        await mark_cut_off(client)
        await deploy(client, planned)
    await ProcessWorker(work_pool_name=POOL, name=name, create_pool_if_not_found=False).start(
        printer=lambda *_, **__: None
    )


def main(arguments: list[str]) -> int:
    """Run the worker; see the module."""
    name, file = arguments
    try:
        asyncio.run(work(name, Path(file)))
    except AssayError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
