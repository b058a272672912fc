"""A real `mlflow server` of a home of its own, and what its users ask of it."""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mlflow
import requests
from mlflow import MlflowClient

from assay.home import REPOSITORY, Home
from assay.policy.rules import Policy, load_policy
from assay.registry.launch import prepare_server, server_command, server_environment
from assay.registry.users import read_password, set_up_users
from assay.registry.wire import is_up, open_session, tls_environment
from assay.settings import load_settings
from assay.stack.component import Component, Running
from assay.stack.ports import Held

with warnings.catch_warnings(action="ignore"):  # MLflow warns of its own types while it loads
    import mlflow.pyfunc

PATIENCE = 120.0  # seconds; two cores may be busy with something else


@dataclass(frozen=True)
class Answer:
    """Status and text of one request."""

    status: int
    text: str

    @property
    def code(self) -> str:
        """The refusal's word; empty when it is no refusal of ours."""
        after = self.text.partition("[assay] refused, code ")[2]
        return after.partition(":")[0]

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.text)


@dataclass(frozen=True)
class Site:
    """One server; `home` is None for a vanilla one."""

    url: str
    home: Home | None
    log: Path

    def ask(
        self, user: str | None, method: str, path: str, body: Any = None, **more: Any
    ) -> Answer:
        """One HTTP request as a user, or as nobody."""
        auth = (user, read_password(self.home, user)) if user and self.home else None
        headers = {} if auth else {"Authorization": ""}
        with open_session(self.home) if self.home else requests.Session() as session:
            session.trust_env = False
            content = {"json": body} if isinstance(body, dict | None) else {"data": body}
            answer = session.request(
                method,
                f"{self.url}{path}",
                auth=auth,
                timeout=60,
                headers=headers,
                **content,
                **more,
            )
        return Answer(answer.status_code, answer.text)

    def api(self, user: str | None, method: str, path: str, body: Any = None) -> Answer:
        """One request to MLflow's REST API, such as `runs/create`."""
        return self.ask(user, method, f"/api/2.0/mlflow/{path}", body)

    @contextmanager
    def signed_in(self, user: str) -> Iterator[MlflowClient]:
        """MLflow's own client as a user; what logs models in this block is that user too."""
        credentials = {
            "MLFLOW_TRACKING_URI": self.url,
            "MLFLOW_REGISTRY_URI": self.url,
            "MLFLOW_TRACKING_USERNAME": user,
            "MLFLOW_TRACKING_PASSWORD": read_password(self.home, user) if self.home else "",
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
            **(tls_environment(self.home) if self.home else {}),
        }
        with environment(credentials):
            yield MlflowClient(tracking_uri=self.url, registry_uri=self.url)


@dataclass(frozen=True)
class Logged:
    """A registered version and what it rests on."""

    model: str
    version: str
    run_id: str
    model_id: str
    experiment_id: str

    @property
    def root(self) -> str:
        """Where its artifacts are, inside the artifact repository."""
        return f"{self.experiment_id}/models/{self.model_id}/artifacts"

    def version_request(self) -> dict[str, str]:
        """What registers it."""
        return {
            "name": self.model,
            "source": f"models:/{self.model_id}",
            "run_id": self.run_id,
            "model_id": self.model_id,
        }

    def filled(self, text: str) -> str:
        """A text with {model}, {version}, {root} and the like replaced."""
        return text.format(root=self.root, **vars(self))


def log_model(site: Site, model: str, payload: Path) -> Logged:
    """Log a payload as the pipeline does, as whoever is signed in; no version rests on it yet."""
    mlflow.set_tracking_uri(site.url)
    experiment = mlflow.set_experiment(model)
    with mlflow.start_run() as run:
        info = mlflow.pyfunc.log_model(
            name="model",
            loader_module="assay.serving.loader",
            data_path=str(payload),
            pip_requirements=["mlflow==3.17.2"],
        )
    return Logged(model, "", run.info.run_id, info.model_id, experiment.experiment_id)


def log_payload(site: Site, user: str, model: str, payload: Path) -> Logged:
    """Log a payload and register it."""
    with site.signed_in(user) as client:
        logged = log_model(site, model, payload)
        if site.home is None and not client.search_registered_models():
            client.create_registered_model(model)
        made = client.create_model_version(**logged.version_request())
    return replace(logged, version=str(made.version))


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """These variables while it lasts."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextmanager
def serving(command: list[str], variables: Mapping[str, str], folder: Path) -> Iterator[Path]:
    """Run a server until the block ends; nothing of it is left then."""
    running = Running(Component("mlflow", tuple(command), variables), REPOSITORY, folder)
    try:
        yield running.log
    finally:
        running.ask_to_stop()
        running.wait()


def wait_until_up(home: Home, url: str, log: Path) -> None:
    """Return once the server answers; of a vanilla one `home` is any."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if is_up(home, url):
            return
        time.sleep(0.05)
    raise AssertionError(f"no server at {url}:\n{log.read_text()[-4000:]}")


@contextmanager
def gated_site(home: Home) -> Iterator[Site]:
    """The gated server of a home whose policy is built, its users and models set up."""
    policy: Policy = load_policy(home.policy)
    prepare_server(home, policy)
    held = Held()
    held.release()
    url = load_settings(home).server_url(held.port)
    command = server_command(home, held.port)
    with serving(command, server_environment(home, os.environ), home.root) as log:
        wait_until_up(home, url, log)
        set_up_users(url, home, policy)
        yield Site(url, home, log)


@contextmanager
def vanilla_site(folder: Path) -> Iterator[Site]:
    """MLflow as it comes: the control that shows what an attempt would have done."""
    held = Held()
    held.release()
    url = f"http://127.0.0.1:{held.port}"
    command = [
        *(
            sys.executable,
            "-m",
            "mlflow",
            "server",
            "--host",
            "127.0.0.1",
            "--port",
            str(held.port),
        ),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--workers", "1"),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]
    variables = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with serving(command, variables, folder) as log:
        wait_until_up(Home(folder), url, log)
        yield Site(url, None, log)
