"""A genuine OPA as a private child: a fresh socket, an empty environment, and it dies with us.

Its folder is new and 0700, because an OPA that is given another one's socket takes it over in
silence. Its environment is empty, because variables are flags to it, and one of them turns
verification off. The kernel ends it with its parent (PDEATHSIG); that signal belongs to the
thread that forked, so a thread is kept for as long as the child lives. Linux only.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from assay.evidence.jws import ALGORITHM
from assay.policy.archive import SignedBundle
from assay.policy.binary import check_opa, find_opa, unavailable
from assay.policy.bundle import BUNDLE
from assay.policy.seal import trial_bundle

MAX_QUESTION = 256 * 1024  # bytes that OPA reads of one question
MAX_SOCKET = 107  # bytes of a Unix socket's path, sun_path
SYSTEM = "/usr/bin:/bin"
# The shell becomes OPA; should our process have died before PDEATHSIG was set, it does not.
GUARD = 'test "$PPID" = "$0" && exec env -i "$@"'


class OpaServer:
    """One OPA that answers questions about one built policy, until it is stopped.

    Whoever asks needs the token; OPA itself is told only the token's digest, in a bundle beside
    the policy's, so that the policy is the same on every server.

    Attributes:
        socket: Unix socket, 0600.
        token_file: File with the token, 0600.
        policy_digest: Revision that every answer has to name.

    Example:
        with OpaServer(sealed_in_force(home, now).bundle()) as opa:
            ask(opa.socket, opa.token, question, policy_digest=opa.policy_digest)
    """

    socket: Path
    token_file: Path
    policy_digest: str

    def __init__(
        self,
        policy: SignedBundle | Path,
        *,
        binary: Path | None = None,
        port: int | None = None,
        scratch: Path | None = None,
        patience: float = 15.0,
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            policy: What was verified, and the key by which OPA verifies it again; or the folder
                of a built policy that need not rule anywhere, as `trial_bundle` has it.
            binary: The OPA to run; by default the one that `find_opa` finds.
            port: Loopback port to listen on as well.
            scratch: Where its own folder is made; by default where temporary files go.
            patience: Seconds until it has to be ready.
        """
        self._policy = policy
        self._binary = binary
        self._port = port
        self._scratch = scratch
        self._patience = patience
        self._token = secrets.token_urlsafe(32)
        self._folder: Path | None = None
        self._keeper: threading.Thread | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._forked, self._gone = threading.Event(), threading.Event()

    @property
    def token(self) -> str:
        """What a caller sends as its bearer token."""
        return self._token

    @property
    def pid(self) -> int | None:
        """Process id while OPA runs."""
        return self._child.pid if self._child and not self._gone.is_set() else None

    def start(self) -> Self:
        """Start OPA and wait until it answers with the policy loaded.

        Raises:
            Unavailable: `opa_unavailable`, with OPA's own reason; nothing is left behind.
        """
        if self._keeper is not None:
            raise unavailable("expected a new OpaServer, found one that was started before")
        binary = self._binary or find_opa()
        check_opa(binary)
        try:
            self._prepare()
            self._keeper = threading.Thread(
                target=self._keep, args=[binary], name="opa-keeper", daemon=True
            )
            self._keeper.start()
            self._wait()
        except OSError as error:
            self.stop()
            raise unavailable(f"expected a folder for OPA, found {error}") from None
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End OPA and remove its folder; a second time it does nothing."""
        if self._keeper is not None:
            self._forked.wait()
            if self._child:
                self._child.kill()  # it holds nothing that has to be flushed
                self._gone.wait()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _prepare(self) -> None:
        """A fresh folder with a copy of the policy, the token and the token's digest."""
        given = self._policy
        self._bundle = trial_bundle(given) if isinstance(given, Path) else given
        self.policy_digest = self._bundle.digest
        self._folder = folder = Path(tempfile.mkdtemp(prefix="assay-opa-", dir=self._scratch))
        self.socket, self.token_file = folder / "socket", folder / "token"
        if len(os.fsencode(self.socket)) > MAX_SOCKET:
            raise unavailable(f"expected a shorter folder than {folder.parent} for a socket")
        (folder / BUNDLE).write_bytes(self._bundle.content)
        self.token_file.touch(mode=0o600)
        self.token_file.write_text(self._token, encoding="ascii")
        known = {"token_sha256": hashlib.sha256(self._token.encode("ascii")).hexdigest()}
        (folder / "access").mkdir()
        (folder / "access" / "data.json").write_text(json.dumps({"access": known}))
        (folder / "access" / ".manifest").write_text(json.dumps({"roots": ["access"]}))

    def _command(self, binary: Path) -> Iterator[str]:
        assert self._folder is not None
        yield from ("setpriv", "--pdeathsig", "KILL", "sh", "-c", GUARD, str(os.getpid()))
        yield from (str(binary.absolute()), "run", "--server", "--log-level", "error")
        yield from ("--addr", f"unix://{self.socket}", "--unix-socket-perm", "600")
        if self._port is not None:
            yield from ("--addr", f"127.0.0.1:{self._port}")
        yield from ("--authentication", "token", "--authorization", "basic")
        yield from ("--skip-version-check", "--skip-verify=false")
        for limit in ("max_length", "gzip.max_length"):
            yield from ("--set", f"server.decoding.{limit}={MAX_QUESTION}")
        # Ours, and unsigned: with a root of its own it adds a digest and can replace nothing.
        yield from ("--set", f"bundles.access.resource={(self._folder / 'access').as_uri()}")
        # On the command line, where nobody can put another key in its place.
        yield from ("--verification-key", self._bundle.key, "--signing-alg", ALGORITHM)
        yield from ("--scope", self._bundle.digest, "--bundle", BUNDLE)

    def _keep(self, binary: Path) -> None:
        """Own the child from its birth to its end, in this one thread."""
        assert self._folder is not None
        try:
            with (self._folder / "log").open("wb") as log:
                self._child = subprocess.Popen(
                    list(self._command(binary)),
                    cwd=self._folder,
                    env={"PATH": SYSTEM},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C ends us first, and we end it
                )
        except OSError as error:
            (self._folder / "log").write_text(f"{error}")
        self._forked.set()
        if self._child:
            self._child.wait()
        self._gone.set()

    def _wait(self) -> None:
        deadline = time.monotonic() + self._patience
        refusal = ""
        while time.monotonic() < deadline and not self._gone.wait(0.01):
            refusal = self._refusal()
            if not refusal:
                return
        told = self._printed() if self._gone.is_set() else refusal
        raise unavailable(f"expected OPA to load policy {self.policy_digest[:23]}, found {told}")

    def _refusal(self) -> str:
        """Why OPA is not ready; empty once it answers and has activated every bundle."""
        try:
            with socket.socket(socket.AF_UNIX) as wire:
                wire.settimeout(1)
                wire.connect(os.fsencode(self.socket))
                connection = http.client.HTTPConnection("opa")
                connection.sock = wire
                headers = {"Authorization": f"Bearer {self._token}"}
                connection.request("GET", "/health?bundles", headers=headers)
                with connection.getresponse() as answer:
                    if answer.status != http.client.OK:
                        return _line(answer.read(4096))
            if self._port is not None:  # it opens the two one after the other
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            return ""
        except (OSError, http.client.HTTPException) as error:
            return f"no answer ({error})"

    def _printed(self) -> str:
        """The end of what OPA printed, as one line without the folder's name."""
        assert self._folder is not None
        told = (self._folder / "log").read_bytes()
        return _line(told.replace(os.fsencode(self._folder) + b"/", b"")) or "nothing"


def _line(told: bytes) -> str:
    return " ".join(told.decode(errors="replace").split())[-600:]
