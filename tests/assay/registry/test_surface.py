"""A write route that nobody has classified is closed, whatever MLflow brings."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import MutableMapping
from typing import Any

import pytest

from assay.registry.surface import Surface, is_served

# Run apart: MLflow's application is made from the environment, once per process.
_WALK = """
import json, warnings
warnings.simplefilter("ignore")
from mlflow.server import app, auth
served = auth.create_app(app)
rules = [(rule.rule, method) for rule in app.url_map.iter_rules() for method in rule.methods]
rules += [(r.path, m) for r in served.routes if getattr(r, "methods", None) for m in r.methods]
print(json.dumps(sorted(set(rules))))
"""
# Every write route of MLflow 3.17.2 that is served, and who guards it (assay/registry/surface.py).
SERVED = set(
    """
experiments/create experiments/delete experiments/restore experiments/update experiments/search
experiments/search-datasets experiments/set-experiment-tag experiments/delete-experiment-tag
runs/create runs/delete runs/restore runs/update runs/search runs/log-metric runs/log-parameter
runs/log-batch runs/log-model runs/log-inputs runs/outputs runs/set-tag runs/delete-tag
logged-models logged-models/search logged-models/<id> logged-models/<id>/params
logged-models/<id>/tags logged-models/<id>/tags/<id>
registered-models/create registered-models/rename registered-models/update
registered-models/delete registered-models/get-latest-versions registered-models/set-tag
registered-models/delete-tag registered-models/alias
model-versions/create model-versions/update model-versions/delete model-versions/transition-stage
model-versions/set-tag model-versions/delete-tag
webhooks webhooks/<id> webhooks/<id>/test
mlflow-artifacts/artifacts/<path> upload-artifact
users/create users/create-ui
users/permissions/grant users/permissions/revoke
roles/create roles/update roles/delete roles/assign roles/unassign
roles/permissions/add roles/permissions/remove roles/permissions/update
traces/search traces/metrics datasets/search issues/search /graphql
""".split()  # noqa: SIM905
)


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    variables = {
        **os.environ,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "x" * 40,
        "MLFLOW_AUTH_ADMIN_PASSWORD": "y" * 40,
        "_MLFLOW_SGI_NAME": "uvicorn",
    }
    done = subprocess.run(
        [sys.executable, "-c", _WALK],
        env=variables,
        cwd=tmp_path_factory.mktemp("walk"),
        capture_output=True,
        text=True,
        check=True,
    )
    return [(rule, method) for rule, method in json.loads(done.stdout.splitlines()[-1])]


def _concrete(rule: str) -> str:
    """A path that the rule matches."""
    path = re.sub(r"<path:[^>]*>|\{[^}]*:path\}", "1/x", rule)
    path = re.sub(r"<[^>]*model_id>", "m-" + "0" * 32, path)
    return re.sub(r"<[^>]*>|\{[^}]*\}", "abc", path)


def _shown(rule: str) -> str:
    """The rule without its prefix and its parameters' names."""
    path = re.sub(r"<path:[^>]*>|\{[^}]*:path\}", "<path>", rule)
    path = re.sub(r"<(?!path>)[^>]*>|\{[^}]*\}", "<id>", path)
    return re.sub(r"^/(?:ajax-)?api/\d\.0/(?:mlflow/)?", "", path)


def test_every_served_write_route_is_classified(routes: list[tuple[str, str]]) -> None:
    writes = [(rule, m) for rule, m in routes if m not in ("GET", "HEAD", "OPTIONS")]
    assert len(writes) > 200
    served = {_shown(rule) for rule, method in writes if is_served(method, _concrete(rule))}
    assert served == SERVED


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/2.0/mlflow/registered-models/alias/more"),
        ("POST", "/api/2.0/mlflow/registered-models/alias\n"),
        ("POST", "//api/2.0/mlflow/registered-models/alias"),
        ("POST", "/x/api/2.0/mlflow/runs/create"),
        ("BREW", "/"),
        ("GET", "/ajax-api/3.0/mlflow/assistant"),
        ("GET", "/gateway/x"),
        ("GET", "/api/3.0/mlflow/mcp-servers/x"),
        ("POST", "/api/3.0/mlflow/jobs/x"),
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/"),
    ],
)
def test_unknown_writes_and_other_people_s_code_are_closed(method: str, path: str) -> None:
    assert not is_served(method, path)


@pytest.mark.parametrize(
    "path", ["/", "/health", "/api/2.0/mlflow/runs/get", "/static-files/x.js", "/jobs"]
)
def test_reading_is_served(path: str) -> None:
    assert is_served("GET", path)


def test_what_is_not_served_never_reaches_mlflow() -> None:
    reached: list[str] = []
    sent: list[MutableMapping[str, Any]] = []

    async def app(scope: MutableMapping[str, Any], _receive: Any, _send: Any) -> None:
        reached.append(scope["type"])

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, Any]:
        return {}

    surface = Surface(app)
    for scope in (
        {"type": "http", "method": "POST", "path": "/gateway/x"},
        {"type": "websocket", "path": "/"},
        {"type": "lifespan"},
        {"type": "http", "method": "GET", "path": "/"},
    ):
        asyncio.run(surface(scope, receive, send))
    assert reached == ["lifespan", "http"]
    assert [message.get("status") or message.get("code") for message in sent] == [403, None, 1008]
