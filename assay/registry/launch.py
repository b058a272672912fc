"""How MLflow's server is started so that the gate is in it."""

from __future__ import annotations

import shlex
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from assay.errors import InputError
from assay.home import ENVIRONMENT, Home
from assay.policy.rules import Policy
from assay.registry.names import SCHEME
from assay.registry.users import ADMIN, make_passwords, read_password, users_of, write_secret
from assay.settings import Settings, load_settings

APP = "assay"
_ENDPOINT = "MLFLOW_S3_ENDPOINT_URL"
# What it may inherit to reach a bucket: who it is, where, and whom it believes.
_BUCKET = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_PROFILE",
        "AWS_CA_BUNDLE",
        _ENDPOINT,
        "MLFLOW_S3_EXPECTED_BUCKET_OWNER",
    }
)
# What a server may inherit. MLFLOW_* of the caller's is not among it: it could undo the rest.
_INHERITED = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "USER", "LD_LIBRARY_PATH"}
)


def server_folder(home: Home) -> Path:
    """Databases, artifacts and settings of MLflow's server."""
    return home.root / "mlflow"


def prepare_server(home: Home, policy: Policy) -> None:
    """Make the server's folder, settings, secrets and everybody's password; once is enough.

    Raises:
        InputError: MLflow's database is elsewhere, and guards nothing (`not_gated`).
        Unavailable: It does not answer.
    """
    if (url := load_settings(home).database) is not None:
        from assay.registry.guard import guard_secret, require_guarded  # slow: it loads MLflow's

        require_guarded(url, guard_secret(home))
    folder = server_folder(home)
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "artifacts").mkdir(mode=0o700, exist_ok=True)
    make_passwords(home, users_of(policy))
    for secret in ("session", "kek"):
        write_secret(_secret_file(home, secret))
    settings = {
        "default_permission": "READ",
        # Beside the home, wherever the registry is: who writes it gives an approver a password.
        "database_uri": f"sqlite:///{folder / 'users.db'}",
        "admin_username": ADMIN,
        "authorization_function": "mlflow.server.auth:authenticate_request_basic_auth",
        "grant_default_workspace_access": "false",
        # Without it every request hashes the password several times, 260-700 ms.
        "auth_cache_ttl_seconds": "60",
    }
    lines = [f"{key} = {value}".replace("%", "%%") for key, value in settings.items()]
    (folder / "users.ini").write_text("\n".join(["[mlflow]", *lines, ""]), encoding="utf-8")


def server_command(home: Home, port: int, python: str = sys.executable) -> list[str]:
    """The command that serves this home where its settings say, by default on loopback.

    Args:
        home: After `prepare_server`.
        port: A free TCP port.
        python: The interpreter that Assay and MLflow are installed in.
    """
    folder, settings = server_folder(home), load_settings(home)
    return [
        python,
        "-m",
        "mlflow",
        "server",
        "--app-name",
        APP,
        *_stores(home),
        "--artifacts-destination",
        f"sealed+{load_settings(home).artifacts or f'file://{folder}/artifacts'}",
        "--host",
        settings.host,
        "--port",
        str(port),
        # One process: promotions are serialized in it, and a failing start ends the command.
        "--workers",
        "1",
        *_tls_options(settings, port),
    ]


def _tls_options(settings: Settings, port: int) -> list[str]:
    """The server's certificates, and the one name by which browsers may call it.

    Python's `ssl`, which uvicorn takes, speaks TLS 1.2 or later.
    """
    if (tls := settings.tls) is None:
        return []
    options = ["--ssl-certfile", str(tls.certificate), "--ssl-keyfile", str(tls.key)]
    # A client that only keeps its connection open holds up no end.
    options += ["--timeout-graceful-shutdown", "3"]  # seconds
    if tls.clients:
        required = str(int(ssl.CERT_REQUIRED))
        options += ["--ssl-ca-certs", str(tls.clients), "--ssl-cert-reqs", required]
    called = ["--allowed-hosts", f"{settings.name},{settings.name}:{port}"]
    called += ["--cors-allowed-origins", settings.server_url(port)]
    return ["--uvicorn-opts", shlex.join(options), *called]


def _stores(home: Home) -> list[str]:
    """Where MLflow's rows are; a URL with a password is for the environment, not for `ps`."""
    if load_settings(home).database is not None:
        return []
    file = f"sqlite:///{server_folder(home) / 'mlflow.db'}"
    return ["--backend-store-uri", file, "--registry-store-uri", f"{SCHEME}{file}"]


def server_environment(home: Home, inherited: Mapping[str, str]) -> dict[str, str]:
    """The server's whole environment.

    Args:
        home: After `prepare_server`.
        inherited: The caller's environment; a few harmless names of it are kept, and those that
            reach a bucket where the settings name one.

    Raises:
        InputError: The home has no password for the administrator; a bucket beyond this machine
            is reached without TLS (`plaintext`).
    """
    settings = load_settings(home)
    url = settings.database
    elsewhere = {"MLFLOW_BACKEND_STORE_URI": url, "MLFLOW_REGISTRY_STORE_URI": f"{SCHEME}{url}"}
    return {
        **(elsewhere if url else {}),
        **(bucket_variables(inherited) if settings.artifacts else {}),
        **{name: inherited[name] for name in _INHERITED & inherited.keys()},
        ENVIRONMENT: str(home.root),
        "MLFLOW_AUTH_CONFIG_PATH": str(server_folder(home) / "users.ini"),
        "MLFLOW_AUTH_ADMIN_USERNAME": ADMIN,
        "MLFLOW_AUTH_ADMIN_PASSWORD": read_password(home, ADMIN),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": write_secret(_secret_file(home, "session")),
        "MLFLOW_CRYPTO_KEK_PASSPHRASE": write_secret(_secret_file(home, "kek")),
        "MLFLOW_BASIC_AUTH_FAIL_CLOSED": "true",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_ENABLE_WORKSPACES": "false",
        "MLFLOW_ENABLE_AI_GATEWAY": "false",
        "MLFLOW_ENABLE_REMOTE_ASSISTANT": "false",
        "MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX": r"\Amodels:/m-[0-9a-f]{32}\Z",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "PYTHONWARNINGS": "ignore",
    }


def bucket_variables(inherited: Mapping[str, str]) -> dict[str, str]:
    """What of the caller's environment reaches a bucket.

    Raises:
        InputError: A bucket beyond this machine, without TLS (`plaintext`).
    """
    endpoint = urlsplit(inherited.get(_ENDPOINT, "https:"))
    if endpoint.scheme != "https" and endpoint.hostname not in ("127.0.0.1", "::1", "localhost"):
        told = f"{_ENDPOINT}: expected https://, found {endpoint.scheme or 'another'}; name such"
        raise InputError("plaintext", told)
    return {name: inherited[name] for name in _BUCKET & inherited.keys()}


def _secret_file(home: Home, name: str) -> Path:
    return home.keys / f"mlflow-{name}.secret"
