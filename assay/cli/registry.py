"""The registry as one user sees it: few requests, and a refusal is told in the server's words."""

from __future__ import annotations

import re
from typing import Any

import requests

from assay.errors import AssayError, InputError, Refused, Unavailable
from assay.evidence.decision import GateDecision
from assay.evidence.decisions import decision_of, public_of
from assay.evidence.dsse import verify
from assay.evidence.public import PublicDecision
from assay.evidence.trust import Trust
from assay.handshake import unanswered
from assay.home import Home
from assay.ledger import Review
from assay.registry.names import APPROVAL, CHAMPION, DECISION, REVIEWED, WAIVE
from assay.registry.users import read_password
from assay.registry.wire import open_session
from assay.registry.words import hear
from assay.stack.record import read_stack

_TIMEOUT = 120.0  # seconds; a click is judged while it waits
PREFECT_RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
VERSION_PAGE = re.compile(r"/models/([^/]+)/versions/(\d+)")


class Registry:
    """MLflow's REST API, with a user's password from the home; no proxy, no redirect."""

    def __init__(self, home: Home, user: str) -> None:
        self.home = home
        self.user = user
        self.url = read_stack(home).mlflow.rstrip("/")
        self._session = open_session(home)
        self._auth = (user, read_password(home, user))

    def version(self, model: str, version: str) -> dict[str, Any]:
        """A version's row.

        Raises:
            InputError: There is none.
            Refused: The user may not see it.
        """
        query = {"name": model, "version": version}
        row: dict[str, Any] = self._json("GET", "model-versions/get", params=query)["model_version"]
        return row

    def newest(self) -> tuple[str, str]:
        """Model and version that were registered last.

        Raises:
            InputError: Nothing is registered yet.
        """
        return self._found({"order_by": "creation_timestamp DESC", "max_results": "1"})

    def of_run(self, run: str) -> tuple[str, str]:
        """Model and version that a run was about.

        Args:
            run: Prefect's id of it, which `assay run` prints, or MLflow's.

        Raises:
            InputError: There is no such run, or it is about no version (`no_version`).
            Refused: It stopped before there was a decision (`stopped`); its page is the message.
        """
        if PREFECT_RUN.fullmatch(run):
            return self._of_flow_run(run)
        return self._found({"filter": f"run_id='{run}'"})

    def _of_flow_run(self, run: str) -> tuple[str, str]:
        """By the artifacts that it left."""
        asked = {"flow_runs": {"id": {"any_": [run]}}}
        address = f"{read_stack(self.home).prefect}/artifacts/filter"
        answer = self._send("POST", address, json=asked)
        if not answer.ok:
            raise Unavailable(
                "unavailable", f"expected an answer of {address}, found {answer.status_code}"
            )
        left = {str(found["key"]): str(found["data"]) for found in answer.json()}
        for key, data in left.items():
            if key.startswith("version-") and (named := VERSION_PAGE.search(data)):
                return named[1], named[2]
        pages = [data for key, data in left.items() if key.startswith("decision-")]
        if pages:
            raise Refused(
                "stopped", f"expected a decision of run {run}, found that it stopped:\n\n{pages[0]}"
            )
        raise InputError(
            "no_version", f"expected a run that is about a version, found none at {run}"
        )

    def public(self, model: str, version: str) -> PublicDecision:
        """What everybody may read of the decision, its signature verified.

        Raises:
            Refused: Nothing was decided.
            EvidenceError: The gate did not sign it, or signed it of another version.
        """
        said = self._tags(model, version)
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

    def review(self, model: str, version: str, review: Review) -> None:
        """Say yes or no to a version's evidence, and why.

        Raises:
            Refused: With the gate's own words.
        """
        said = {"name": model, "version": version, "key": APPROVAL, "value": str(review)}
        self._json("POST", "model-versions/set-tag", json=said)

    def waive(self, model: str, version: str, envelope: str) -> None:
        """Hand in a waiver.

        Raises:
            Refused: With the gate's own words.
        """
        said = {"name": model, "version": version, "key": WAIVE, "value": envelope}
        self._json("POST", "model-versions/set-tag", json=said)

    def reviews(self, model: str, version: str) -> dict[str, str]:
        """User -> what they say of a version's evidence, as its tags show it."""
        tags = self._tags(model, version).items()
        return {k.removeprefix(REVIEWED): said for k, said in tags if k.startswith(REVIEWED)}

    def _tags(self, model: str, version: str) -> dict[str, str]:
        return {tag["key"]: tag["value"] for tag in self.version(model, version).get("tags", [])}

    def _gate(self) -> Any:
        return Trust.load(self.home.trust).role("gate")

    def _found(self, query: dict[str, str]) -> tuple[str, str]:
        rows = self._json("GET", "model-versions/search", params=query).get("model_versions", [])
        if not rows:
            raise InputError("no_version", "expected a registered version, found none")
        return rows[0]["name"], str(rows[0]["version"])

    def _json(self, method: str, path: str, **content: Any) -> Any:
        return self._ask(method, f"api/2.0/mlflow/{path}", **content).json()

    def _ask(self, method: str, path: str, **content: Any) -> requests.Response:
        answer = self._send(method, f"{self.url}/{path}", auth=self._auth, **content)
        if not answer.ok:
            raise _refusal(answer)
        return answer

    def _send(self, method: str, url: str, **content: Any) -> requests.Response:
        """One request; whatever is not answered, or by a broken server, is unavailable."""
        try:
            answer = self._session.request(
                method, url, timeout=_TIMEOUT, allow_redirects=False, **content
            )
        except OSError as error:
            raise unanswered("unavailable", url, error) from None
        if answer.status_code >= 500:
            told = f"expected an answer of {url}, found {answer.status_code}"
            raise Unavailable("unavailable", told)
        return answer


def _refusal(answer: requests.Response) -> AssayError:
    """The server's text, without MLflow's wrapping."""
    try:
        text = str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        text = answer.text
    if ours := hear(text):
        return Refused(*ours)
    if answer.status_code == requests.codes.not_found:
        return InputError("no_version", text.strip()[:300])
    return Refused("refused", f"MLflow answered {answer.status_code}: {text.strip()[:300]}")
