"""HOME/settings.yaml: where an installation keeps what one machine would keep in its home.

Without the file everything is in the home.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, unquote

from pydantic import AfterValidator, Field, ValidationError, model_validator

from assay.errors import InputError
from assay.home import Home
from assay.plain_yaml import read_mapping
from assay.strict import Strict, explain

# One form, so that what looks like a host is never a piece of a password.
_URL = re.compile(
    r"postgresql://(?P<user>[^:@/?#\s]+)(?::(?P<password>[^:@/?#\s]+))?"
    r"@(?P<place>[^@/?#\s]*/[A-Za-z0-9_-]+)(?P<rest>\?[^@#\s]+)?"
)

_PRINTED = re.compile(r"(?:[!-$&-~]|%[0-9A-Fa-f]{2})+")


def _plain_url(text: str) -> str:
    if not _PRINTED.fullmatch(text) or not _URL.fullmatch(text):
        raise ValueError(
            "expected postgresql://USER[:PASSWORD]@HOST[:PORT]/DATABASE[?OPTION=VALUE], "
            "special characters as %XX"
        )
    return text


PostgresUrl = Annotated[str, AfterValidator(_plain_url), Field(max_length=1000)]


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("expected an absolute path: each process has a working folder of its own")
    return path


PemFile = Annotated[Path, Field(strict=False), AfterValidator(_absolute)]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$", max_length=253)]


class Tls(Strict):
    """How the registry's server shows who it is, and whom it answers.

    Attributes:
        certificate: PEM file of the server's certificate, followed by what it was signed by.
        key: PEM file of its private key, without a passphrase.
        authority: PEM file of the authorities that this installation's clients believe.
        name: By which clients call the server, as its certificate has it; None: `host`.
        clients: PEM file of authorities: only who shows a certificate of theirs is answered.
        client: PEM file of certificate and key that this installation's own clients show.
    """

    certificate: PemFile
    key: PemFile
    authority: PemFile
    name: HostName | None = None
    clients: PemFile | None = None
    client: PemFile | None = None

    @model_validator(mode="after")
    def _answers_its_own(self) -> Tls:
        if self.clients and not self.client:
            raise ValueError("expected `client` beside `clients`: ours would not be answered")
        return self


class Settings(Strict):
    """Where an installation's parts are; what is left out is in the home.

    Attributes:
        ledger: URL of the PostgreSQL database that holds the ledger.
        database: URL of the PostgreSQL database that MLflow keeps.
        artifacts: `s3://BUCKET/PREFIX` of the artifacts.
        host: IPv4 address or name that the registry's server listens on.
        tls: Its certificates; without them it speaks plain HTTP, which is for loopback alone.
    """

    ledger: PostgresUrl | None = None
    database: PostgresUrl | None = None
    artifacts: (
        Annotated[str, Field(pattern=r"^s3://[a-z0-9][a-z0-9.-]+(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$")]
        | None
    ) = None
    host: HostName = "127.0.0.1"
    tls: Tls | None = None

    @property
    def name(self) -> str:
        """By which clients call the registry's server."""
        return (self.tls and self.tls.name) or self.host

    def server_url(self, port: int) -> str:
        """Where the registry's server is."""
        return f"{'https' if self.tls else 'http'}://{self.name}:{port}"


def load_settings(home: Home) -> Settings:
    """The installation's settings.

    Raises:
        InputError: `bad_settings`: the file says something else, or cannot be read.
    """
    if not home.settings.exists():
        return Settings()
    try:
        found = Settings.model_validate(read_mapping(home.settings))
    except ValidationError as error:
        raise InputError("bad_settings", explain(home.settings, error, Settings)) from None
    if stat.S_IMODE(home.settings.stat().st_mode) & 0o077 and any(
        url and _holds_password(url) for url in (found.ledger, found.database)
    ):
        told = f"expected 0600 for {home.settings}, which holds a password; chmod 600 it"
        raise InputError("bad_settings", told)
    return found


def user_of(url: str) -> str:
    """The role that a PostgreSQL URL of the settings signs in as."""
    return unquote(_parts(url)["user"])


def as_user(url: str, user: str) -> str:
    """The same database for another role, whose password libpq finds: PGPASSWORD, or ~/.pgpass."""
    return f"postgresql://{quote(user, safe='')}@{_parts(url)['place']}{_parts(url)['rest'] or ''}"


def shown_url(url: str) -> str:
    """Whose, where and which, without password and options."""
    return f"postgresql://{_parts(url)['user']}@{_parts(url)['place']}"


def _holds_password(url: str) -> bool:
    return _parts(url)["password"] is not None or "password=" in (_parts(url)["rest"] or "")


def _parts(url: str) -> re.Match[str]:
    match = _URL.fullmatch(url)
    if match is None:
        raise InputError("bad_settings", "expected a PostgreSQL URL as the settings have it")
    return match
