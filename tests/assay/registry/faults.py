"""What can be wrong around the registry's server, as data: how it is made so, and undone."""

from __future__ import annotations

import json
import resource
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from assay.home import ENVIRONMENT, Home
from assay.policy.opa import OpaServer
from tests.assay.policy.stub import Stub, response
from tests.assay.registry.line import Line, point_at
from tests.assay.registry.site import Logged
from tests.assay.registry.test_promotion import without

LITTLE = 4096  # bytes of a file that a full disk still takes


@dataclass(frozen=True)
class Stage:
    """A gated server, its OPA, its processes, and two versions that take turns as champion."""

    line: Line
    opa: OpaServer
    pids: tuple[int, ...]
    versions: tuple[Logged, Logged]

    @property
    def root(self) -> Path:
        """The home's folder."""
        return self.line.evidenced.home.root


@dataclass(frozen=True)
class Fault:
    """Something that is wrong.

    Attributes:
        lasts: Makes it so while it lasts.
        harmless: Acts that do not need what is wrong, and succeed.
        slow: Somebody waits for seconds.
    """

    name: str
    lasts: Callable[[Stage], AbstractContextManager[object]]
    harmless: frozenset[str] = frozenset()
    slow: bool = False


def answering(behave: Callable[[socket.socket], object]) -> Callable[[Stage], object]:
    """Instead of OPA something else listens."""

    @contextmanager
    def lasts(stage: Stage) -> Iterator[None]:
        folder = stage.opa.token_file.parent
        with Stub(folder, lambda wire, _request: behave(wire)) as stub:
            try:
                point_at(stage.line.evidenced.home, stub.path, stage.opa.token_file)
                yield
            finally:
                stub.path.unlink()
                point_at(stage.line.evidenced.home, stage.opa.socket, stage.opa.token_file)

    return lasts


def drip(wire: socket.socket) -> None:
    """A byte now and then: each read is in time, the answer never."""
    for byte in response(b'{"result": {}}' + b" " * 100):
        wire.sendall(bytes([byte]))
        time.sleep(0.1)


@contextmanager
def nobody(stage: Stage) -> Iterator[None]:
    """Nothing listens where OPA was."""
    home = stage.line.evidenced.home
    point_at(home, stage.opa.token_file.parent / "nobody", stage.opa.token_file)
    try:
        yield
    finally:
        point_at(home, stage.opa.socket, stage.opa.token_file)


def gone(name: str) -> Callable[[Stage], object]:
    """A file or folder of the home is not there."""
    return lambda stage: without(stage.root / name)


def instead(name: str, content: bytes) -> Callable[[Stage], object]:
    """A file of the home holds something else."""

    @contextmanager
    def lasts(stage: Stage) -> Iterator[None]:
        path = stage.root / name
        with without(path):
            path.write_bytes(content)
            path.chmod(0o600)
            try:
                yield
            finally:
                path.unlink()

    return lasts


@contextmanager
def no_log(stage: Stage) -> Iterator[None]:
    """Nothing can be written to the access log."""
    path = stage.root / "access.log"
    with without(path):
        path.mkdir()
        try:
            yield
        finally:
            path.rmdir()


@contextmanager
def full(stage: Stage) -> Iterator[None]:
    """No file of the server's grows: whatever it writes is answered as on a full disk."""
    most = resource.prlimit(stage.pids[0], resource.RLIMIT_FSIZE)[1]
    for pid in stage.pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (LITTLE, most))
    try:
        yield
    finally:
        for pid in stage.pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))


def held(name: str) -> Callable[[Stage], object]:
    """Somebody else holds a database and does not let go."""

    @contextmanager
    def lasts(stage: Stage) -> Iterator[None]:
        with closing(sqlite3.connect(stage.root / name, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            try:
                yield
            finally:
                other.execute("ROLLBACK")

    return lasts


def _html(wire: socket.socket) -> None:
    wire.sendall(response(b"<html>200 OK</html>"))


def _empty(wire: socket.socket) -> None:
    wire.sendall(response(json.dumps({"result": {"allow": True}}).encode()))


REVIEWED = frozenset({"review"})  # a word is noted without asking OPA anything
FAULTS = (
    Fault("OPA is not there", nobody, REVIEWED),
    Fault("OPA says nothing", answering(lambda _wire: time.sleep(3)), REVIEWED),
    Fault("OPA drips", answering(drip), REVIEWED),
    Fault("OPA answers with a page", answering(_html), REVIEWED),
    Fault("OPA only allows", answering(_empty), REVIEWED),
    Fault("no ledger", gone("ledger.db")),
    Fault("another ledger's bytes", instead("ledger.db", b"SQLite format 3\0")),
    Fault("no policy", gone("policy/policy.json")),
    Fault("no seal", gone("policy/seal.json")),
    Fault("an edited table", instead("policy/data.json", b"{}")),
    Fault("no trust", gone("trust.json")),
    Fault("no gate's key", gone("keys/gate.pem"), REVIEWED),
    Fault("no promoter's key", gone("keys/promoter.pem"), frozenset({"review", "submit"})),
    Fault("no sealed rows", gone("sealed/outcomes"), REVIEWED),
    Fault("no kept evidence", gone("evidence"), REVIEWED),
    Fault("no line can be logged", no_log, REVIEWED),
    Fault("a full disk", full),
    Fault("the ledger is held", held("ledger.db"), slow=True),
    Fault("the registry's database is held", held("mlflow/mlflow.db"), slow=True),
)


def server_pids(home: Home) -> tuple[int, ...]:
    """The processes that serve a home: their environment names it."""
    mark = f"{ENVIRONMENT}={home.root}".encode()
    found = (int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and _says(p, mark))
    return tuple(found)


def _says(process: Path, mark: bytes) -> bool:
    try:
        return mark in (process / "environ").read_bytes().split(b"\0")
    except OSError:  # another's process, or one that ended
        return False
