"""`assay up`: everything on one machine, from an empty folder to a served registry."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from assay.errors import Unavailable
from assay.home import REPOSITORY, Home
from assay.policy.force import put_in_force, sealed_in_force
from assay.policy.opa import OpaServer
from assay.policy.rules import Policy
from assay.registry.launch import prepare_server, server_command, server_environment
from assay.registry.users import set_up_users
from assay.registry.wire import is_up
from assay.settings import load_settings
from assay.stack import probe
from assay.stack.component import Component
from assay.stack.environment import mlflow_client
from assay.stack.establish import establish
from assay.stack.keeper import become_subreaper, end_children
from assay.stack.ports import Held
from assay.stack.prefect import prefect_server, prefect_urls, prefect_worker
from assay.stack.preflight import preflight
from assay.stack.record import Stack, lock_home, write_stack
from assay.stack.supervisor import Stopped, Supervisor, stop_signals

PATIENCE = 180.0  # seconds until a component must answer


@dataclass(frozen=True, slots=True)
class Ports:
    """Loopback ports; None: any free one, and for OPA a private socket alone."""

    mlflow: int | None = None
    prefect: int | None = None
    opa: int | None = None


def run_stack(
    home: Home,
    ports: Ports = Ports(),
    *,
    worker: bool = True,
    policies: Path = REPOSITORY / "policies",
    deployments: Path = REPOSITORY / "prefect.yaml",
    out: TextIO = sys.stdout,
) -> None:
    """Make the home what it lacks, start everything, and stay until SIGTERM, SIGINT or SIGHUP.

    This process is taken for the stack's own: whatever it has started is ended when this returns.

    Args:
        home: The installation's folder; what is in it is kept.
        ports: Where to listen.
        worker: Whether scheduled runs are run.
        policies: Sources of the policy.
        deployments: The prefect.yaml that the worker deploys.
        out: Gets one line of JSON, `mlflow`, `prefect`, `home` and `pid`, once all answer.

    Raises:
        InputError: The home is in use, a port is taken, or keys, policy or deployments are wrong.
        Refused: What `preflight` refuses (`unsafe`); nothing was started or written.
        Unavailable: A component does not start or ends; the message has the end of its log.
    """
    if not sys.platform.startswith("linux"):
        raise Unavailable("linux_only", f"expected Linux, found {sys.platform}")
    preflight(home, os.environ)
    os.umask(0o077)  # for every component: what they write is their owner's alone
    home.create()
    become_subreaper()
    with lock_home(home), stop_signals() as stopping:
        home.stack.unlink(missing_ok=True)
        try:
            with (
                tempfile.TemporaryDirectory(prefix="assay-", ignore_cleanup_errors=True) as made,
                Supervisor(REPOSITORY, _logs(home), Path(made), stopping) as components,
            ):
                start = _Start(home, ports, components, Path(made))
                start.everything(worker, policies, deployments, out)
                components.watch()
        except Stopped:
            pass
        finally:
            home.stack.unlink(missing_ok=True)
            end_children()


def _logs(home: Home) -> Path:
    folder = home.root / "logs"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


class _Start:
    """The order in which things start: the slow ones first, each next to the others."""

    def __init__(self, home: Home, ports: Ports, components: Supervisor, scratch: Path) -> None:
        self._home = home
        self._components = components
        self._scratch = scratch
        self._opa_port = ports.opa
        settings = load_settings(home)
        self._mlflow_port = Held(ports.mlflow, settings.host)
        self._prefect_port = Held(ports.prefect)
        self._mlflow = settings.server_url(self._mlflow_port.port)
        self._api, self._pages = prefect_urls(self._prefect_port.port)

    def everything(self, worker: bool, policies: Path, deployments: Path, out: TextIO) -> None:
        """Start all of it, wait until all answer, and say so."""
        establish(self._home)
        self._components.start(prefect_server(self._home, self._prefect_port.port))
        policy = put_in_force(self._home, policies, int(time.time()))
        prepare_server(self._home, policy)
        self._components.start(self._mlflow_server())
        name = f"assay-{os.getpid()}"
        if worker:
            self._components.start(self._worker(policy, name, deployments))
        sealed = sealed_in_force(self._home, int(time.time()))
        opa = OpaServer(sealed.bundle(), port=self._opa_port, scratch=self._scratch)
        self._components.keep(opa)
        self._await("mlflow", lambda: is_up(self._home, self._mlflow))
        set_up_users(self._mlflow, self._home, policy)
        self._await("prefect", lambda: probe.is_ok(f"{self._api}/health"))
        self._say(self._record(opa), out, worker and name)

    def _mlflow_server(self) -> Component:
        command = tuple(server_command(self._home, self._mlflow_port.port))
        return Component("mlflow", command, server_environment(self._home, os.environ))

    def _worker(self, policy: Policy, name: str, deployments: Path) -> Component:
        owners = sorted({row.owner for row in policy.rules.models.values()})
        if len(owners) != 1:
            raise Unavailable("no_worker", f"expected one owner of all models, found {owners}")
        registry = mlflow_client(self._home, self._mlflow, owners[0])
        return prefect_worker(self._home, self._api, registry, name, deployments)

    def _await(self, name: str, answers: Callable[[], bool]) -> None:
        self._components.wait_for(name, answers, PATIENCE)

    def _record(self, opa: OpaServer) -> Stack:
        return Stack(
            mlflow=self._mlflow,
            prefect=self._api,
            prefect_ui=self._pages,
            opa_socket=str(opa.socket),
            opa_token_file=str(opa.token_file),
            pid=os.getpid(),
            home=str(self._home.root),
        )

    def _say(self, stack: Stack, out: TextIO, worker: str | bool) -> None:
        """Let others find the stack once all of it answers."""
        self._mlflow_port.release()
        self._prefect_port.release()
        if isinstance(worker, str):
            self._await("worker", lambda: probe.worker_is_online(self._api, worker))
        write_stack(self._home, stack)
        told = {"mlflow": stack.mlflow, "prefect": stack.prefect_ui}
        out.write(json.dumps({**told, "home": stack.home, "pid": stack.pid}) + "\n")
        out.flush()
