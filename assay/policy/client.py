"""One question to OPA, one answer that can be believed, within one deadline."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
import urllib3
from opa_client.opa import OpaClient
from requests.adapters import HTTPAdapter

from assay.errors import EvidenceError
from assay.evidence.canonical import canonical, parse
from assay.policy.binary import unavailable
from assay.policy.bundle import BUNDLE
from assay.policy.opa import MAX_QUESTION

PACKAGE, RULE = "promotion", "decision"
MAX_ANSWER = 1024 * 1024  # bytes
DEADLINE = 2.0  # seconds from the question to the last byte of the answer
# An error inside of a builtin is otherwise no value, and no value is no denial.
_PARAMETERS = {"provenance": "true", "strict-builtin-errors": "true"}
_HEADERS = ("Content-Type", "Content-Encoding")


def ask(
    path: Path,
    token: str,
    question: Mapping[str, Any],
    *,
    policy_digest: str,
    deadline: float = DEADLINE,
) -> dict[str, Any]:
    """The policy's decision on this very question, allowing or not.

    Args:
        path: OPA's Unix socket.
        token: Its bearer token.
        question: Plain JSON with a `nonce` that was never asked before.
        policy_digest: Revision of the policy that has to answer.
        deadline: Seconds, in total.

    Returns:
        The decision, whose nonce is the question's; `read_answer` says whether it is coherent.

    Raises:
        Unavailable: `opa_unavailable`: no answer in time, or one that is not to be believed.
    """
    nonce = question.get("nonce")
    if not isinstance(nonce, str) or not nonce:
        raise unavailable("expected a question with a nonce; it was not asked")
    try:
        size = len(canonical(question))
    except EvidenceError as error:
        raise unavailable(f"question: {error.message}; it was not asked") from None
    if size > MAX_QUESTION // 2:
        raise unavailable(f"expected a question below {MAX_QUESTION // 2} bytes; it was not asked")
    answer = _exchange(_Wire(path, deadline), token, question)
    bundles = _object(_object(answer, "provenance"), "bundles")
    if _object(bundles, BUNDLE).get("revision") != policy_digest:
        raise unavailable(f"expected an answer by policy {policy_digest}, found another's")
    decision = _object(answer, "result")
    if decision.get("nonce") != nonce:
        raise unavailable("expected an answer to this question, found another's")
    return decision


def _exchange(wire: _Wire, token: str, question: Mapping[str, Any]) -> dict[str, Any]:
    """Ask through OPA's client, over a connection that lives for this question alone."""
    client = _Client(wire, token)
    watchdog = threading.Timer(wire.deadline, wire.cut)
    watchdog.daemon = True
    watchdog.start()
    try:
        answer: Any = client.query_rule(dict(question), PACKAGE, RULE, _PARAMETERS)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        late = f"no answer within {wire.deadline:g} s" if wire.late else type(error).__name__
        raise unavailable(f"expected OPA to answer, found {late}") from None
    finally:
        watchdog.cancel()
        client.close_connection()
    if not isinstance(answer, dict):
        raise unavailable("expected an object from OPA, found another answer")
    return answer


class _Client(OpaClient):
    """OPA's client with one connection, and without proxies, redirects, retries or leniency."""

    def __init__(self, wire: _Wire, token: str) -> None:
        self._wire, self._token = wire, token
        super().__init__(host="opa", retries=0, timeout=wire.deadline)

    def _init_session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.max_redirects = 0
        session.headers.update(
            {"Authorization": f"Bearer {self._token}", "Accept-Encoding": "identity"}
        )
        session.adapters.clear()
        session.mount("http://", self._wire)
        return session


class _Wire(HTTPAdapter):
    """A transport over one Unix connection, which a watchdog can cut from another thread."""

    def __init__(self, path: Path, deadline: float) -> None:
        super().__init__(max_retries=0)
        self.deadline = deadline
        self.late = False
        self._socket: socket.socket | None = None
        wire = self

        class Connection(urllib3.connection.HTTPConnection):
            """Connects to the socket, whatever host is named."""

            def connect(self) -> None:
                self.sock = wire._connect(path)

        self._pool = urllib3.HTTPConnectionPool("opa", maxsize=1)
        self._pool.ConnectionCls = Connection

    def cut(self) -> None:
        """End the exchange; whoever waits for a byte gets the end of the stream."""
        self.late = True
        if self._socket is not None:
            with contextlib.suppress(OSError):  # never connected, or closed already
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the exchange and give everything back."""
        self.cut()
        if self._socket is not None:
            self._socket.close()
        self._pool.close()
        super().close()

    def _connect(self, path: Path) -> socket.socket:
        self._socket = wire = socket.socket(socket.AF_UNIX)
        wire.settimeout(self.deadline)
        wire.connect(os.fsencode(path))
        if self.late:
            raise TimeoutError
        return wire

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> Any:
        """The one pool, without a proxy."""
        return self._pool

    def send(self, request: Any, *_: Any, timeout: Any = None, **__: Any) -> requests.Response:
        """Send, and read the whole answer here, strictly, before anybody parses it.

        Raises:
            Unavailable: Another status or type, too long, cut short, or no strict JSON.
        """
        response = super().send(request, stream=True, timeout=timeout)
        with contextlib.closing(response.raw) as stream:
            told = (response.status_code, *map(response.headers.get, _HEADERS))
            if told != (requests.codes.ok, "application/json", None):
                raise unavailable(f"expected status 200 and JSON from OPA, found {str(told)[:120]}")
            body = stream.read(MAX_ANSWER + 1, decode_content=False)
            if self.late:
                raise TimeoutError
            if stream.length_remaining:
                raise unavailable("expected a whole answer from OPA, found a part")
        try:
            parse(body, limit=MAX_ANSWER)
        except EvidenceError as error:
            raise unavailable(f"OPA's answer: {error.message}") from None
        response.raw = io.BytesIO(body)
        return response


def _object(found: Mapping[str, Any], key: str) -> dict[str, Any]:
    inner = found.get(key)
    if not isinstance(inner, dict):
        raise unavailable(f"expected {key} in OPA's answer, found {type(inner).__name__}")
    return inner
