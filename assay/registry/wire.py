"""How this installation's clients reach the registry's server: whom they believe, what they show.

Only `tls` of the settings says so: no proxy, netrc or CA bundle of the caller's environment does.
"""

from __future__ import annotations

import requests

from assay.handshake import reason, unanswered
from assay.home import Home
from assay.settings import load_settings

_TIMEOUT = 5.0  # seconds


def open_session(home: Home) -> requests.Session:
    """A session that believes the settings' authority alone, and shows their client certificate.

    Raises:
        InputError: The settings cannot be read.
    """
    session = requests.Session()
    session.trust_env = False
    if tls := load_settings(home).tls:
        session.verify = str(tls.authority)
        session.cert = str(tls.client) if tls.client else None
    return session


def tls_environment(home: Home) -> dict[str, str]:
    """The same for MLflow's own client, which reads it from its environment.

    Raises:
        InputError: The settings cannot be read.
    """
    settings = load_settings(home)
    if (tls := settings.tls) is None:
        return {}
    direct = f"127.0.0.1,localhost,{settings.name}"
    shown = {"MLFLOW_TRACKING_CLIENT_CERT_PATH": str(tls.client)} if tls.client else {}
    return {
        **shown,
        "MLFLOW_TRACKING_SERVER_CERT_PATH": str(tls.authority),
        "NO_PROXY": direct,
        "no_proxy": direct,
    }


def is_up(home: Home, url: str) -> bool:
    """Whether the server answers.

    Raises:
        Unavailable: `tls_refused`: it does, and one side does not believe the other.
    """
    try:
        with open_session(home) as session:
            return session.get(f"{url}/health", timeout=_TIMEOUT, allow_redirects=False).ok
    except OSError as error:
        if reason(error):
            raise unanswered("mlflow_unavailable", url, error) from None
        return False
