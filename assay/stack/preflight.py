"""What no stack is started over: plaintext beyond this machine, known passwords, open keys."""

from __future__ import annotations

import ipaddress
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from assay.errors import InputError, Refused
from assay.handshake import UNVERIFIED, is_on
from assay.home import Home
from assay.registry.launch import bucket_variables
from assay.settings import Settings, load_settings
from assay.stack.rehearsal import rehearse

PRIVATE = 0o077  # permission bits that nobody else may have
# MLflow's own: `_validate_password`, and what it says of MLFLOW_CRYPTO_KEK_PASSPHRASE.
SHORTEST_PASSWORD, SHORTEST_SECRET = 12, 32  # characters
# What MLflow, PostgreSQL and their container images come with, and what is typed in their place.
KNOWN = frozenset({"password1234", "password", "postgres", "mlflow", "admin", "changeme", "secret"})


def _names_all(value: str) -> bool:
    return "*" in value


# Most reach no component of ours, but whoever set one meant to, and other clients obey it.
FLAGS: Mapping[str, Callable[[str], bool]] = {
    UNVERIFIED: is_on,
    "MLFLOW_S3_IGNORE_TLS": is_on,
    "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": is_on,
    "MLFLOW_SERVER_ALLOWED_HOSTS": _names_all,
    "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": _names_all,
    "PREFECT_API_TLS_INSECURE_SKIP_VERIFY": is_on,
    "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": _names_all,
    "PYTHONHTTPSVERIFY": lambda value: value.strip() == "0",  # PEP 493; some Pythons obey it
    "SSLKEYLOGFILE": bool,  # Python writes every session's keys there
}


def preflight(home: Home, environment: Mapping[str, str]) -> int | None:
    """Let an installation pass that is safe to start; nothing is written.

    Args:
        home: It need not exist yet.
        environment: The caller's.

    Returns:
        When the first certificate of the settings ends, Unix seconds; None: they name none.

    Raises:
        InputError: The settings cannot be read.
        Refused: `unsafe`, with every finding: where, expected, found, what to do.
    """
    settings = load_settings(home)
    ends, absent = None, list(_absent(settings))
    found = [*absent, *_plaintext(settings), *_flags(environment), *_known(home, settings)]
    found += [*_open(home, settings), *_bucket(settings, environment)]
    if settings.tls and not absent:
        try:
            ends = rehearse(settings.tls, settings.name)
        except InputError as error:
            found.append(error.message)
    if found:
        raise Refused("unsafe", "; also: ".join(found))
    return ends


def exposed(paths: Iterable[Path]) -> list[Path]:
    """Those that others on this machine may read or write."""
    return [path for path in paths if stat.S_IMODE(path.stat().st_mode) & PRIVATE]


def _plaintext(settings: Settings) -> Iterator[str]:
    if settings.tls is None and not _is_loopback(settings.host):
        yield f"host: expected loopback or `tls`, found {settings.host} without; name certificates"
    for key, url in _databases(settings):
        if not _stays_or_verifies(url):
            yield (
                f"{key}: expected one host on loopback or sslmode=verify-full, found neither; "
                "add ?sslmode=verify-full&sslrootcert=FILE to the URL"
            )


def _databases(settings: Settings) -> Iterator[tuple[str, str]]:
    named = (("ledger", settings.ledger), ("database", settings.database))
    return ((key, url) for key, url in named if url is not None)


def _stays_or_verifies(url: str) -> bool:
    """As libpq reads it: `host` and `hostaddr` of the query outrank the host before them."""
    parts, asked = urlsplit(url), _asked(url)
    hosts = [*asked.get("host", []), *asked.get("hostaddr", [])] or [parts.hostname or ""]
    local = all(host.startswith("/") or _is_loopback(host) for host in hosts)
    return asked.get("sslmode") == ["verify-full"] or (local and "service" not in asked)


def _asked(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query, keep_blank_values=True)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bucket(settings: Settings, environment: Mapping[str, str]) -> Iterator[str]:
    try:
        if settings.artifacts:
            bucket_variables(environment)
    except InputError as error:
        yield error.message


def _flags(environment: Mapping[str, str]) -> Iterator[str]:
    for name, is_unsafe in FLAGS.items():
        if name in environment and is_unsafe(environment[name]):
            yield f"{name}: expected it unset, found a value that opens what is closed; unset it"


def _known(home: Home, settings: Settings) -> Iterator[str]:
    for path, shortest in (
        *((path, SHORTEST_PASSWORD) for path in home.credentials.glob("*.password")),
        *((path, SHORTEST_SECRET) for path in home.keys.glob("*.secret")),
    ):
        secret = path.read_text(encoding="utf-8", errors="replace").strip()
        if len(secret) < shortest or secret in {*KNOWN, path.stem}:
            yield (
                f"{path}: expected {shortest} characters or more that are no default, found fewer "
                "or a default; write a random one, and give it to the account"
            )
    for key, url in _databases(settings):
        parts = urlsplit(url)
        told = [unquote(parts.password or ""), *_asked(url).get("password", [])]
        if {*told} & {*KNOWN, unquote(parts.username or "")}:
            yield f"{key}: expected a password that is no default, found one; give the role another"


def _open(home: Home, settings: Settings) -> Iterator[str]:
    tls = settings.tls
    named = [path for path in (tls.key, tls.client) if path and path.exists()] if tls else []
    kept = [path for folder in (home.keys, home.credentials) for path in folder.glob("*")]
    kept = [path for path in kept if path.is_file()]
    for path in exposed([*named, *kept]):
        yield (
            f"{path}: expected mode 600, found {stat.S_IMODE(path.stat().st_mode):o}; "
            "chmod 600 it, and consider it known"
        )


def _absent(settings: Settings) -> Iterator[str]:
    for key, path in settings.tls or ():
        if isinstance(path, Path) and not (path.is_file() and os.access(path, os.R_OK)):
            yield f"tls.{key}: expected a file to read at {path}, found none; name one"
