"""Asking the registry's server for audits, as the gate's user; the server decides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from assay.errors import EvidenceError, Unavailable
from assay.evidence.plain import from_plain
from assay.handshake import unanswered
from assay.home import Home
from assay.policy.rules import load_policy
from assay.registry.finding import Finding
from assay.registry.users import GATE, read_password
from assay.registry.wire import open_session
from assay.registry.words import hear

_TIMEOUT = 300.0  # seconds; every version that was ever champion may be judged while it lasts


class Asker:
    """The gate's user at one server; no proxy, no redirect.

    Args:
        url: The server.
        home: Holds the gate's password.

    Raises:
        InputError: It does not, or the settings cannot be read.
    """

    def __init__(self, url: str, home: Home) -> None:
        self._url = url.rstrip("/")
        self._home = home
        self._session = open_session(home)
        self._session.auth = (GATE, read_password(home, GATE))

    def models(self) -> tuple[str, ...]:
        """Every model that the registry or the policy knows, sorted.

        Raises:
            InputError: There is no policy to read.
            Unavailable: The server does not answer.
        """
        return tuple(sorted({*load_policy(self._home.policy).rules.models, *self._registered()}))

    def audit(self, model: str) -> Finding:
        """What the server found of one model's champion, and did about it.

        Raises:
            Unavailable: It could not tell: it or a part of it does not answer. Nothing moved.
        """
        said = self._ask("POST", f"assay/audits/{quote(model, safe='')}")
        try:
            return from_plain(Finding, said)
        except EvidenceError as error:
            raise Unavailable("mlflow_unavailable", error.message) from None

    def _registered(self) -> Iterator[str]:
        page = ""
        while True:
            query = {"max_results": "100", "page_token": page}
            said = self._ask("GET", "api/2.0/mlflow/registered-models/search", params=query)
            yield from (row["name"] for row in said.get("registered_models", []))
            page = said.get("next_page_token", "")
            if not page:
                return

    def _ask(self, method: str, path: str, **content: Any) -> Any:
        try:
            answer = self._session.request(
                method, f"{self._url}/{path}", timeout=_TIMEOUT, allow_redirects=False, **content
            )
            if answer.ok:
                return answer.json()
        except (OSError, ValueError) as error:
            raise unanswered("mlflow_unavailable", self._url, error) from None
        if ours := hear(answer.text):
            raise Unavailable(*ours)
        told = f"expected an answer to {path}, found {answer.status_code}"
        raise Unavailable("mlflow_unavailable", told)
