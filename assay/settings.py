"""HOME/settings.yaml: where an installation keeps what one machine would keep in its home.

Without the file everything is on this machine: SQLite, a folder, loopback.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from assay.errors import InputError
from assay.home import Home
from assay.plain_yaml import read_mapping
from assay.strict import Strict, explain

PostgresUrl = Annotated[str, Field(pattern=r"^postgresql://[!-~]+$", max_length=1000)]


class Tls(Strict):
    """How the registry's server proves who it is, and who it lets in.

    Attributes:
        certificate: PEM file of the server's certificate and what it was signed by.
        key: PEM file of its private key.
        clients: PEM file of authorities; only clients with a certificate of theirs are answered.
        authority: PEM file of the authorities that this installation's clients believe.
    """

    certificate: Path = Field(strict=False)
    key: Path = Field(strict=False)
    authority: Path = Field(strict=False)
    clients: Path | None = Field(default=None, strict=False)


class Settings(Strict):
    """Where an installation's parts are; what is left out is in the home.

    Attributes:
        ledger: URL of the PostgreSQL database that holds the ledger.
        database: URL of the PostgreSQL database that MLflow keeps.
        artifacts: `s3://BUCKET/PREFIX` of the artifacts.
        host: Address that the registry's server listens on.
        tls: Its certificates.
    """

    ledger: PostgresUrl | None = None
    database: PostgresUrl | None = None
    artifacts: (
        Annotated[str, Field(pattern=r"^s3://[a-z0-9][a-z0-9.-]+(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$")]
        | None
    ) = None
    host: str = "127.0.0.1"
    tls: Tls | None = None


def load_settings(home: Home) -> Settings:
    """The installation's settings.

    Raises:
        InputError: `bad_settings`: the file says something else, or cannot be read.
    """
    if not home.settings.exists():
        return Settings()
    try:
        return Settings.model_validate(read_mapping(home.settings))
    except ValidationError as error:
        raise InputError("bad_settings", explain(home.settings, error, Settings)) from None
