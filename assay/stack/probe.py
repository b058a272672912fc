"""Whether a component answers, asked without proxies and redirects."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from assay.stack.prefect import POOL

TIMEOUT = 5.0  # seconds


def _request(url: str, body: object = None) -> tuple[int, bytes]:
    """Status and content of a GET, or of a POST of a body as JSON; status 0 is no answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT)
    try:
        if body is None:
            connection.request("GET", parts.path)
        else:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", parts.path, json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def is_ok(url: str) -> bool:
    """Whether a GET answers 200."""
    return _request(url)[0] == http.client.OK


def worker_is_online(api: str, name: str) -> bool:
    """Whether Prefect sees the worker of this name."""
    status, content = _request(f"{api}/work_pools/{POOL}/workers/filter", {})
    workers: Any = json.loads(content) if status == http.client.OK else []
    return any(worker["name"] == name and worker["status"] == "ONLINE" for worker in workers)
