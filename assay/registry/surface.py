"""What the server answers at all: writes that somebody has thought about, and nothing else.

The table is an allow-list, so that a route which a newer MLflow brings is closed until somebody
classifies it. Gateway, assistant and jobs run other people's code and prompts: closed for reading
too.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from assay.errors import Refused
from assay.registry.words import say

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_API = r"/(?:ajax-)?api/[0-9]\.0"
_CLOSED = re.compile(
    rf"(?:{_API}/mlflow)?/(?:assistant|gateway|gateway-proxy|mcp-servers?)(?:/.*)?"
    rf"|{_API}(?:/mlflow)?/jobs(?:/.*)?",
    re.DOTALL,
)
# Why each family may be written to.
_OPEN = {
    # Runs and their numbers decide nothing: the gate recomputes.
    "tracking": r"/mlflow/experiments/(?:create|delete|restore|update|search|search-datasets"
    r"|set-experiment-tag|delete-experiment-tag)"
    r"|/mlflow/runs/(?:create|delete|restore|update|search|log-metric|log-parameter|log-batch"
    r"|log-model|log-inputs|outputs|set-tag|delete-tag)"
    r"|/mlflow/metrics/get-history-bulk-interval",
    # A logged model's bytes are sealed once a version rests on them.
    "logged models": r"/mlflow/logged-models(?:/search|/m-[0-9a-f]+(?:/params|/tags(?:/[^/]+)?)?)?",
    # The gated store answers each of these.
    "registry": r"/mlflow/registered-models/(?:create|rename|update|delete|search"
    r"|get-latest-versions|set-tag|delete-tag|alias)"
    r"|/mlflow/model-versions/(?:create|update|delete|search|transition-stage|set-tag|delete-tag)"
    r"|/mlflow/webhooks(?:/[^/]+)?(?:/test)?",
    # The sealed repository answers each of these.
    "artifacts": r"/mlflow-artifacts/artifacts/.+|/mlflow/upload-artifact",
    # The pages read these by POST.
    "reading": r"/mlflow/(?:traces|datasets|issues)/search|/mlflow/traces/metrics",
    # MLflow's own administration; an administrator still passes no gate, and so may not give an
    # approver another password, or delete and make one anew. Passwords are the home's.
    "people": r"/mlflow/users/(?:create|create-ui|permissions/grant"
    r"|permissions/revoke)"
    r"|/mlflow/roles/(?:create|update|delete|assign|unassign|permissions/(?:add|remove|update))",
}
_WRITES = re.compile(
    rf"{_API}(?:{'|'.join(_OPEN.values())})|/graphql"
    # An audit, which only the gate's user may ask for.
    r"|/assay/audits/[^/]+",
    re.DOTALL,
)


def is_served(method: str, path: str) -> bool:
    """Whether a request may reach MLflow."""
    if _CLOSED.fullmatch(path):
        return False
    return method in _READS or _WRITES.fullmatch(path) is not None


class Surface:
    """Outermost ASGI layer: a request that is not served ends here, with a text."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is served; a web socket is not."""
        kind = scope["type"]
        if kind == "lifespan" or (kind == "http" and is_served(scope["method"], scope["path"])):
            await self._app(scope, receive, send)
        elif kind == "http":
            text = say(Refused("not_served", "expected a route that this server offers")).encode()
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": text})
        else:
            await send({"type": "websocket.close", "code": 1008})
