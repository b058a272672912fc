"""The registry as one user sees it: few requests, and a refusal is told in the server's words."""

from __future__ import annotations

import re
from typing import Any

import requests

from assay.errors import Refused, Unavailable
from assay.evidence.decision import GateDecision
from assay.evidence.decisions import decision_of, public_of
from assay.evidence.dsse import verify
from assay.evidence.public import PublicDecision
from assay.evidence.trust import Trust
from assay.home import Home
from assay.registry.names import CHAMPION, DECISION
from assay.registry.users import read_password
from assay.stack.record import read_stack

_TIMEOUT = 120.0  # seconds; a click is judged while it waits
_REFUSAL = re.compile(r"\[assay\] refused, code (\w+): (.*)", re.DOTALL)


class Registry:
    """MLflow's REST API, with a user's password from the home; no proxy, no redirect."""

    def __init__(self, home: Home, user: str) -> None:
        self.home = home
        self.user = user
        self.url = read_stack(home).mlflow.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = (user, read_password(home, user))

    def version(self, model: str, version: str) -> dict[str, Any]:
        """A version's row.

        Raises:
            Refused: There is none, or the user may not see it.
        """
        query = {"name": model, "version": version}
        row: dict[str, Any] = self._json("GET", "model-versions/get", params=query)["model_version"]
        return row

    def newest(self) -> tuple[str, str]:
        """Model and version that were registered last.

        Raises:
            Refused: Nothing is registered yet.
        """
        return self._found({"order_by": "creation_timestamp DESC", "max_results": "1"})

    def of_run(self, run: str) -> tuple[str, str]:
        """Model and version of an MLflow run.

        Raises:
            Refused: The run registered none.
        """
        return self._found({"filter": f"run_id='{run}'"})

    def public(self, model: str, version: str) -> PublicDecision:
        """What everybody may read of the decision, its signature verified.

        Raises:
            Refused: Nothing was decided.
            EvidenceError: The gate did not sign it, or signed it of another version.
        """
        said = {tag["key"]: tag["value"] for tag in self.version(model, version).get("tags", [])}
        if DECISION not in said:
            raise Refused("not_submitted", f"expected a decision on {model}/{version}, found none")
        view = public_of(verify(said[DECISION].encode(), self._gate()))
        if (view.model, view.version) != (model, version):
            raise Refused("wrong_subject", "expected a decision on this version, found another's")
        return view

    def sealed(self, model: str, version: str) -> GateDecision:
        """The whole decision, for an approver or the auditor.

        Raises:
            Refused: Anybody else, or nothing was decided.
            EvidenceError: The gate did not sign it.
        """
        answer = self._ask("GET", f"assay/decisions/{model}/{version}")
        return decision_of(verify(answer.content, self._gate()))

    def promote(self, model: str, version: str) -> None:
        """The alias click.

        Raises:
            Refused: With the gate's own words.
        """
        click = {"name": model, "alias": CHAMPION, "version": version}
        self._json("POST", "registered-models/alias", json=click)

    def _gate(self) -> Any:
        return Trust.load(self.home.trust).role("gate")

    def _found(self, query: dict[str, str]) -> tuple[str, str]:
        rows = self._json("GET", "model-versions/search", params=query).get("model_versions", [])
        if not rows:
            raise Refused("no_version", "expected a registered version, found none")
        return rows[0]["name"], str(rows[0]["version"])

    def _json(self, method: str, path: str, **content: Any) -> Any:
        return self._ask(method, f"api/2.0/mlflow/{path}", **content).json()

    def _ask(self, method: str, path: str, **content: Any) -> requests.Response:
        try:
            answer = self._session.request(
                method, f"{self.url}/{path}", timeout=_TIMEOUT, allow_redirects=False, **content
            )
        except requests.RequestException as error:
            raise Unavailable(
                "mlflow_unavailable", f"expected MLflow at {self.url}, found {type(error).__name__}"
            ) from None
        if answer.ok:
            return answer
        if answer.status_code >= 500:
            raise Unavailable(
                "mlflow_unavailable", f"expected MLflow to answer, found {answer.status_code}"
            )
        raise _refusal(answer)


def _refusal(answer: requests.Response) -> Refused:
    """The server's text, without MLflow's wrapping."""
    try:
        text = str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        text = answer.text
    if ours := _REFUSAL.search(text):
        return Refused(ours[1], ours[2].strip())
    return Refused("refused", f"MLflow answered {answer.status_code}: {text.strip()[:300]}")
