"""prefect.yaml, read strictly and deployed.

Prefect drops what it does not know: a misspelt job variable deploys and leaves its default on.
Here every key is known or refused, and nothing is deployed unless everything can be.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import WorkPool
from prefect.exceptions import ObjectAlreadyExists
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.runner.storage import LocalStorage
from prefect.schedules import Cron, Interval, Schedule
from prefect.workers.process import ProcessWorker
from pydantic import Field, ValidationError, model_validator

from assay.errors import InputError
from assay.plain_yaml import read_mapping
from assay.strict import Strict, explain, repeated


class Timing(Strict):
    """When a deployment runs by itself.

    Attributes:
        cron: Five fields, in `timezone`.
        interval: Seconds between two runs.
    """

    cron: str | None = None
    interval: float | None = Field(default=None, gt=0)
    timezone: str = "UTC"

    @model_validator(mode="after")
    def _whole(self) -> Timing:
        if (self.cron is None) == (self.interval is None):
            raise ValueError("expected either cron or interval")
        return self

    def schedule(self) -> Schedule:
        """Prefect's form."""
        if self.cron is not None:
            return Cron(self.cron, timezone=self.timezone)
        assert self.interval is not None
        return Interval(self.interval, timezone=self.timezone)


class Pool(Strict):
    """Where a deployment runs, and what it changes of the pool's job template."""

    name: str = Field(min_length=1)
    job_variables: dict[str, Any] = Field(default_factory=dict)


class Deployment(Strict):
    """One flow with its parameters and schedules.

    Attributes:
        concurrency_limit: Runs at the same time; a second one waits.
        enforce_parameter_schema: A wrong parameter is refused when a run is created.
    """

    name: str = Field(min_length=1)
    entrypoint: str = Field(pattern=r"^[a-z_/]+\.py:[a-z_]+$")
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    schedules: tuple[Timing, ...] = Field(strict=False)
    work_pool: Pool
    concurrency_limit: int = Field(ge=1)
    enforce_parameter_schema: Literal[True]


class PrefectFile(Strict):
    """The whole of prefect.yaml."""

    name: str
    deployments: tuple[Deployment, ...] = Field(strict=False, min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> PrefectFile:
        if twice := repeated((d.entrypoint, d.name) for d in self.deployments):
            raise ValueError(f"two deployments are named {twice[0][1]!r}")
        return self


def read_prefect_file(file: Path) -> PrefectFile:
    """The declared deployments.

    Raises:
        InputError: Unreadable, no plain YAML, an unknown or missing key, a wrong type.
    """
    try:
        return PrefectFile.model_validate(read_mapping(file))
    except ValidationError as error:
        raise InputError("bad_deployment", explain(file, error, PrefectFile)) from None


def check_variables(deployment: Deployment, pool: WorkPool) -> None:
    """Let a deployment pass whose job variables its pool knows.

    Raises:
        InputError: `unknown_job_variable`.
    """
    known = set(pool.base_job_template.get("variables", {}).get("properties", {}))
    unknown = sorted(set(deployment.work_pool.job_variables) - known)
    if unknown:
        raise InputError(
            "unknown_job_variable",
            f"deployment {deployment.name!r}: expected job variables among "
            f"{', '.join(sorted(known))}, found {', '.join(unknown)}",
        )


async def ensure_pool(client: PrefectClient, name: str) -> WorkPool:
    """The process pool, made if it is not there yet.

    Raises:
        InputError: A pool of this name is of another type.
    """
    template = ProcessWorker.get_default_base_job_template()
    new = WorkPoolCreate(name=name, type=ProcessWorker.type, base_job_template=template)
    try:
        pool = await client.create_work_pool(new)
    except ObjectAlreadyExists:
        pool = await client.read_work_pool(name)
    if pool.type != ProcessWorker.type:
        raise InputError("wrong_pool", f"expected {name} to be a process pool, found {pool.type}")
    return pool


@dataclass(frozen=True, slots=True)
class Planned:
    """Deployments whose flows have been loaded.

    Attributes:
        folder: Where the flows run.
        flows: Each deployment with its flow.
    """

    folder: Path
    flows: tuple[tuple[Deployment, Flow[..., Any]], ...]


def plan(file: Path) -> Planned:
    """Read a prefect.yaml and load its flows; its folder is where they run.

    Raises:
        InputError: As `read_prefect_file`, or there is no flow where one is named.
    """
    folder, declared = file.parent.resolve(), read_prefect_file(file).deployments
    return Planned(folder, tuple((one, _load(folder, one)) for one in declared))


def _load(folder: Path, deployment: Deployment) -> Flow[..., Any]:
    try:
        flow: Flow[..., Any] = load_flow_from_entrypoint(str(folder / deployment.entrypoint))
    except Exception as error:
        raise InputError(
            "bad_deployment",
            f"deployment {deployment.name!r}: expected a flow at {deployment.entrypoint} below "
            f"{folder}, found {type(error).__name__}",
        ) from None
    return flow


async def deploy(client: PrefectClient, planned: Planned) -> list[str]:
    """Create or renew every planned deployment.

    Returns:
        Names, `flow/deployment`.

    Raises:
        InputError: A deployment asks for what its pool does not know; nothing is deployed.
    """
    for deployment, _ in planned.flows:
        check_variables(deployment, await ensure_pool(client, deployment.work_pool.name))
    return [
        await _deploy_one(deployment, flow, planned.folder) for deployment, flow in planned.flows
    ]


async def _deploy_one(deployment: Deployment, flow: Flow[..., Any], folder: Path) -> str:
    runner = await flow.ato_deployment(
        deployment.name,
        schedules=[timing.schedule() for timing in deployment.schedules],
        parameters=deployment.parameters,
        description=deployment.description or None,
        concurrency_limit=deployment.concurrency_limit,
        enforce_parameter_schema=True,
        work_pool_name=deployment.work_pool.name,
        job_variables=deployment.work_pool.job_variables,
    )
    runner.storage = LocalStorage(str(folder))
    runner.entrypoint = deployment.entrypoint
    await runner.aapply()
    return f"{flow.name}/{deployment.name}"
