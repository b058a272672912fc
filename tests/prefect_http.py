"""Prefect's API, asked plainly; a busy one is asked again, as Prefect's own clients do."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any


def ask(api: str, path: str, body: object = None) -> Any:
    """The answer's JSON to a GET, or to a POST of a body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{api}{path}", data, headers={"Content-Type": "application/json"}
    )
    for pause in (0.2, 0.5, 1, 2, 4, 8, 0):
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            if error.code != http.client.SERVICE_UNAVAILABLE or not pause:
                raise
        time.sleep(pause)
    raise AssertionError


def start_run(api: str, deployment: str, parameters: dict[str, Any] | None = None) -> str:
    """Ask for a run of a deployment, `flow/name`; its id."""
    found = ask(api, f"/deployments/name/{deployment}")
    body = {"parameters": parameters or {}, "state": {"type": "SCHEDULED"}}
    run: str = ask(api, f"/deployments/{found['id']}/create_flow_run", body)["id"]
    return run


def run_of(api: str, run: str, until: Callable[[dict[str, Any]], bool], within: float) -> Any:
    """A run once a condition holds of it, or as it is when the time is over."""
    end = time.monotonic() + within
    while not until(found := ask(api, f"/flow_runs/{run}")) and time.monotonic() < end:
        time.sleep(0.2)
    return found


def has_ended(run: dict[str, Any]) -> bool:
    """Whether a run is final."""
    return run["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
