"""The people and services of one server: passwords, accounts, models and grants."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from assay.errors import InputError, Unavailable
from assay.handshake import unanswered
from assay.home import Home
from assay.policy.rules import Policy
from assay.registry.wire import open_session

ADMIN = "admin"
GATE = "gate"
AUDITOR = "auditor"
EDIT = "EDIT"
_TIMEOUT = 60.0  # seconds


def password_file(home: Home, user: str) -> Path:
    """Where a user's password is kept."""
    return home.credentials / f"{user}.password"


def read_password(home: Home, user: str) -> str:
    """A user's password.

    Raises:
        InputError: There is no such file.
    """
    try:
        return password_file(home, user).read_text(encoding="ascii").strip()
    except OSError as error:
        raise InputError(
            "no_credentials",
            f"expected {password_file(home, user)}, found {error.strerror}; "
            "start the home with `assay up`",
        ) from None


def users_of(policy: Policy) -> tuple[str, ...]:
    """Everybody who has an account: owners and approvers of the policy, auditor, gate, admin."""
    named = [who for row in policy.rules.models.values() for who in (row.owner, *row.approvers)]
    return tuple(dict.fromkeys([ADMIN, GATE, AUDITOR, *named]))


def make_passwords(home: Home, users: Iterable[str]) -> None:
    """Write a random password file, readable by its owner alone, for each user without one."""
    for user in users:
        write_secret(password_file(home, user))


def write_secret(path: Path) -> str:
    """A random secret in a 0600 file, made once."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32), encoding="ascii")
    return path.read_text(encoding="ascii").strip()


def set_up_users(url: str, home: Home, policy: Policy) -> None:
    """Create accounts, the policy's models, and the right to edit them for owner and approvers.

    Doing it again changes nothing. MLflow gives a model's creator every right on it: that is the
    gate. It asks for the right to edit both for registering and for aliases; the gated store
    tells the two apart.

    Args:
        url: The server.
        home: Holds every user's password.
        policy: Names the models, their owners and approvers.

    Raises:
        InputError: A password is missing, or an account exists with another one.
        Unavailable: The server does not answer as MLflow does.
    """
    admin = _Client(url, home, ADMIN)
    for user in users_of(policy):
        if user != ADMIN:
            _ensure_account(admin, url, home, user)
    gate = _Client(url, home, GATE)
    for name, row in policy.rules.models.items():
        if gate.get("2.0/mlflow/registered-models/get", {"name": name}) is None:
            gate.post("2.0/mlflow/registered-models/create", {"name": name})
        for user in (row.owner, *row.approvers):
            _ensure_grant(admin, user, name)


def _ensure_account(admin: _Client, url: str, home: Home, user: str) -> None:
    if admin.get("2.0/mlflow/users/get", {"username": user}) is None:
        account = {"username": user, "password": read_password(home, user)}
        admin.post("2.0/mlflow/users/create", account)
    _Client(url, home, user).get("2.0/mlflow/users/current", {})


def _ensure_grant(admin: _Client, user: str, model: str) -> None:
    what = {"username": user, "resource_type": "registered_model", "resource_id": model}
    if admin.get("3.0/mlflow/users/permissions/get", what)["permission"] != EDIT:
        admin.post("3.0/mlflow/users/permissions/grant", {**what, "permission": EDIT})


class _Client:
    """One user's requests to MLflow's API; no proxy, no redirect."""

    def __init__(self, url: str, home: Home, user: str) -> None:
        self._url = url.rstrip("/")
        self._user = user
        self._session = open_session(home)
        self._session.auth = (user, read_password(home, user))

    def get(self, path: str, query: Mapping[str, str]) -> Any:
        """The answer's JSON; None when there is no such thing."""
        return self._ask("GET", path, params=query)

    def post(self, path: str, body: Mapping[str, str]) -> Any:
        """The answer's JSON."""
        return self._ask("POST", path, json=body)

    def _ask(self, method: str, path: str, **content: Any) -> Any:
        try:
            answer = self._session.request(
                method,
                f"{self._url}/api/{path}",
                timeout=_TIMEOUT,
                allow_redirects=False,
                **content,
            )
        except OSError as error:
            raise unanswered("mlflow_unavailable", self._url, error) from None
        if method == "GET" and answer.status_code == 404:
            return None
        if answer.status_code == 401:
            raise InputError(
                "wrong_password", f"expected the home's password of {self._user}, found another"
            )
        if not answer.ok:
            raise Unavailable(
                "mlflow_unavailable",
                f"expected {path} to succeed as {self._user}, found {answer.status_code}",
            )
        return answer.json()
