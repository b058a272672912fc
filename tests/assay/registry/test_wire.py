"""The registry's wire is verified at both ends: by the server's options, and by every client."""

from __future__ import annotations

import os
import shlex
import socket
import ssl
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from assay.errors import AssayError, InputError, Unavailable
from assay.home import Home
from assay.registry.asking import Asker
from assay.registry.launch import server_command
from assay.registry.users import GATE, make_passwords
from assay.registry.wire import is_up, open_session
from assay.serving.fetch import fetch
from assay.stack.environment import mlflow_client
from assay.stack.pipeline import environment
from assay.stack.ports import Held
from tasks.promotion.client import registry
from tests.assay.registry.site import PATIENCE, serving
from tests.certificates import LOCAL, Authority, lay_out, write_tls

# It answers whoever reaches it.
APP = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        head = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b"{}"})
"""


@dataclass(frozen=True)
class Wire:
    """A server, as uvicorn runs it by our options, and the installation's own certificates."""

    folder: Path
    tls: dict[str, Path]
    port: int

    @property
    def url(self) -> str:
        return f"https://{LOCAL}:{self.port}"

    def client(self, name: str, **changes: Path | None) -> Home:
        """A home whose settings say something else of the certificates; None: nothing."""
        home = Home(self.folder / name).create()
        make_passwords(home, [GATE])
        told = {**self.tls, **changes}
        write_tls(home, {key: path for key, path in told.items() if path})
        return home


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    folder = tmp_path_factory.mktemp("wire")
    (folder / "app.py").write_text(APP)
    held = Held()
    made = Wire(folder, lay_out(folder / "tls"), held.port)
    held.release()
    home = made.client("home")
    command = server_command(home, made.port)
    options = shlex.split(command[command.index("--uvicorn-opts") + 1])
    where = ["--host", LOCAL, "--port", str(made.port), "--app-dir", str(folder), "app:app"]
    at_once = ["--timeout-graceful-shutdown", "0"]  # clients keep their connections
    run = [sys.executable, "-m", "uvicorn", *options, *at_once, *where]
    with serving(run, {"PATH": os.environ["PATH"]}, folder) as log:
        end = time.monotonic() + PATIENCE
        while not is_up(home, made.url):
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.02)
        yield made


def ask_session(home: Home, url: str) -> None:
    with open_session(home) as session:
        session.get(url, timeout=10).raise_for_status()


def ask_audit(home: Home, url: str) -> None:
    Asker(url, home).audit("credit")


def ask_mlflow(home: Home, url: str, **more: str) -> None:
    with environment({**mlflow_client(home, url, GATE), **ONCE, **more}), registry() as client:
        client.search_registered_models()


def ask_payload(home: Home, url: str, **more: str) -> None:
    with environment({**mlflow_client(home, url, GATE), **ONCE, **more}):
        fetch("credit", "champion", url)


Ask = Callable[..., None]
ONCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
Refused = (AssayError, OSError)


def test_who_believes_and_is_believed_is_answered(wire: Wire) -> None:
    home = wire.client("right")
    ask_session(home, wire.url)
    ask_mlflow(home, wire.url)
    with pytest.raises(Unavailable, match="mlflow_unavailable"):  # {} is no finding
        ask_audit(home, wire.url)


@pytest.mark.parametrize("ask", [ask_audit, ask_mlflow, ask_payload])
def test_a_client_believes_the_declared_authority_alone(wire: Wire, ask: Ask) -> None:
    another = Authority.make(wire.folder / "tls", "another").file
    home = wire.client("unbelieving", authority=another)
    with pytest.raises(Unavailable, match=r"tls_refused.*unable to get local issuer certificate"):
        ask(home, wire.url)
    elsewhere = wire.url.replace(LOCAL, "localhost")
    with pytest.raises(Unavailable, match=r"tls_refused.*certificate is not valid for 'localhost'"):
        ask(wire.client("right"), elsewhere)


@pytest.mark.parametrize("ask", [ask_session, ask_mlflow])
@pytest.mark.parametrize("shown", ["none", "another's"])
def test_the_server_answers_nobody_without_a_certificate_that_it_asks_for(
    wire: Wire, ask: Ask, shown: str
) -> None:
    folder = wire.folder / "tls"
    changes: dict[str, Path | None] = {"clients": None, "client": None}
    if shown == "another's":
        changes = {"client": Authority.make(folder, "another").issue_joined("stranger")}
    with pytest.raises(Refused):
        ask(wire.client("stranger", **changes), wire.url)


def test_plain_http_is_not_answered(wire: Wire) -> None:
    assert not is_up(wire.client("right"), wire.url.replace("https", "http"))
    with pytest.raises(requests.ConnectionError):
        requests.get(wire.url.replace("https", "http"), timeout=10)


def test_nothing_older_than_tls_1_2_is_spoken(wire: Wire) -> None:
    def speak(version: ssl.TLSVersion) -> str | None:
        context = ssl.create_default_context(cafile=wire.tls["authority"])
        context.load_cert_chain(wire.tls["client"])
        context.set_ciphers("ALL:@SECLEVEL=0")  # or OpenSSL would not even ask
        with warnings.catch_warnings(action="ignore"):
            context.minimum_version = context.maximum_version = version
        with (
            socket.create_connection((LOCAL, wire.port)) as plain,
            context.wrap_socket(plain, server_hostname=LOCAL) as spoken,
        ):
            return spoken.version()

    assert speak(ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    with pytest.raises(ssl.SSLError):
        speak(ssl.TLSVersion.TLSv1_1)


@pytest.mark.parametrize("ask", [ask_mlflow, ask_payload])
def test_verification_is_never_off(wire: Wire, ask: Ask) -> None:
    with pytest.raises(InputError, match=r"unsafe.*MLFLOW_TRACKING_INSECURE_TLS"):
        ask(wire.client("right"), wire.url, MLFLOW_TRACKING_INSECURE_TLS="true")
