"""OPA is genuine, alone, speaks to nobody without the token, and never outlives us."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from assay.errors import Unavailable
from assay.evidence.canonical import canonical
from assay.home import REPOSITORY
from assay.policy.binary import find_opa
from assay.policy.bundle import Sources, build_policy
from assay.policy.client import ask
from assay.policy.opa import MAX_QUESTION, OpaServer
from tests.assay.policy.built import write_built
from tests.policies.question import digest, passing_question, table


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policy")
    build_policy(REPOSITORY / "policies", folder)
    return folder


@pytest.fixture(scope="module")
def opa(policy: Path) -> Iterator[OpaServer]:
    with OpaServer(policy) as server:
        yield server


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def allows(opa: OpaServer) -> bool:
    question = passing_question(table())
    found = ask(opa.socket, opa.token, question, policy_digest=opa.policy_digest, deadline=10)
    return found["allow"] is True


def request(
    opa: OpaServer, method: str, path: str, body: bytes = b"", token: str | None = None
) -> int:
    """The status that OPA answers with."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(10)
        wire.connect(str(opa.socket))
        connection = http.client.HTTPConnection("opa")
        connection.sock = wire
        sent = {"Authorization": f"Bearer {opa.token if token is None else token}"}
        connection.request(method, path, body, sent if token != "" else {})
        with connection.getresponse() as answer:
            return answer.status


def test_only_its_owner_can_reach_it(opa: OpaServer) -> None:
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (opa.socket, opa.token_file)}
    assert modes == {opa.socket: 0o600, opa.token_file: 0o600}
    assert stat.S_IMODE(opa.socket.parent.stat().st_mode) == 0o700
    assert opa.token_file.read_text() == opa.token
    assert len(opa.token) >= 32


def test_it_knows_no_token_but_its_digest(opa: OpaServer) -> None:
    files = [path for path in opa.socket.parent.rglob("*") if path.is_file()]
    holding = [path for path in files if opa.token.encode() in path.read_bytes()]
    assert holding == [opa.token_file]
    command = Path(f"/proc/{opa.pid}/cmdline").read_bytes()
    assert opa.token.encode() not in command


def test_its_environment_is_empty(policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPA_RUN_SKIP_VERIFY", "true")
    monkeypatch.setenv("OPA_RUN_ADDR", "127.0.0.1:0")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with OpaServer(policy) as server:
        assert Path(f"/proc/{server.pid}/environ").read_bytes() == b""
        assert allows(server)


def test_it_listens_nowhere_else(opa: OpaServer) -> None:
    assert inet_sockets(opa) == set()


def test_a_port_is_on_loopback_and_asks_for_the_token(policy: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with OpaServer(policy, port=port) as server:
        assert inet_sockets(server) == {f"0100007F:{port:04X}"}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/health")
        assert connection.getresponse().status == 401
        connection.close()
        assert allows(server)


def inet_sockets(opa: OpaServer) -> set[str]:
    """Local addresses of the process's TCP sockets, as /proc writes them."""
    inodes = set()
    for descriptor in Path(f"/proc/{opa.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # a connection that was just closed
            inodes.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/{opa.pid}/net/{name}").read_text().splitlines()[1:]
    ]
    return {row[1] for row in rows if row[9] in inodes}


CLOSED = [
    ("GET", "/v1/data"),
    ("GET", "/v1/data/access"),
    ("GET", "/v1/data/promotion/decision"),
    ("POST", "/v1/data"),
    ("POST", "/v1/data/promotion"),
    ("POST", "/v1/data/promotion/allow"),
    ("POST", "/v1/data/promotion/decision/allow"),
    ("POST", "/v1/data/promotion//decision"),
    ("POST", "/v1/data/promotion%2Fdecision"),
    ("POST", "/v1/data/access/token_sha256"),
    ("POST", "/v0/data/promotion/decision"),
    ("POST", "/"),
    ("POST", "/v1/query"),
    ("GET", "/v1/query?q=x=opa.runtime()"),
    ("POST", "/v1/compile"),
    ("GET", "/v1/policies"),
    ("PUT", "/v1/policies/mine"),
    ("DELETE", "/v1/policies/gates/utility.rego"),
    ("PUT", "/v1/data/models"),
    ("PATCH", "/v1/data/models"),
    ("DELETE", "/v1/data/models"),
    ("GET", "/v1/config"),
    ("GET", "/v1/status"),
    ("GET", "/metrics"),
    ("GET", "/debug/pprof"),
]


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_every_other_door_is_closed(opa: OpaServer, method: str, path: str) -> None:
    assert request(opa, method, path, b"{}") in (401, 404)


@pytest.mark.parametrize("token", ["", "token", "Bearer"])
def test_the_door_is_closed_without_the_token(opa: OpaServer, token: str) -> None:
    question = json.dumps({"input": passing_question(table())}).encode()
    assert request(opa, "POST", "/v1/data/promotion/decision", question, token) == 401
    assert request(opa, "GET", "/health", token=token) == 401


def test_a_question_that_is_too_large_is_not_read(opa: OpaServer) -> None:
    head = (
        "POST /v1/data/promotion/decision HTTP/1.1\r\nHost: opa\r\n"
        f"Authorization: Bearer {opa.token}\r\nContent-Length: {MAX_QUESTION + 1}\r\n\r\n"
    )
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(10)
        wire.connect(str(opa.socket))
        wire.sendall(head.encode())
        assert wire.recv(64).startswith(b"HTTP/1.1 400 ")


def test_it_prints_nothing(policy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with OpaServer(policy) as server:
        assert allows(server)
    assert capfd.readouterr() == ("", "")


def test_it_ends_and_leaves_nothing(policy: Path) -> None:
    server = OpaServer(policy).start()
    pid = server.pid
    assert pid is not None
    server.stop()
    server.stop()
    assert server.pid is None
    assert not alive(pid)
    assert not server.socket.parent.exists()


def test_it_is_started_once(policy: Path) -> None:
    with OpaServer(policy) as server, pytest.raises(Unavailable):
        server.start()


def test_what_never_started_stops(policy: Path) -> None:
    OpaServer(policy).stop()


def test_two_at_once_have_two_tokens(policy: Path, opa: OpaServer) -> None:
    with OpaServer(policy) as other:
        assert other.token != opa.token
        assert request(opa, "GET", "/health", token=other.token) == 401
        assert allows(other)
        assert allows(opa)


def test_it_outlives_the_thread_that_started_it(policy: Path) -> None:
    server = OpaServer(policy)
    starter = threading.Thread(target=server.start)
    starter.start()
    starter.join()
    time.sleep(0.1)
    assert allows(server)
    server.stop()


PARENT = """
import sys, time
from pathlib import Path
from assay.policy.opa import OpaServer
opa = OpaServer(Path(sys.argv[1])).start()
print(opa.pid, opa.socket.parent, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_dies_with_its_parent(policy: Path, how: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(policy)]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline().split()[0])
        assert alive(pid)
        parent.send_signal(how)
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert not alive(pid)


def test_an_opa_that_is_gone_is_no_answer(policy: Path) -> None:
    with OpaServer(policy) as server:
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        started = time.monotonic()
        with pytest.raises(Unavailable):
            while time.monotonic() - started < 5:
                allows(server)


def test_an_opa_that_hangs_is_no_answer_until_it_goes_on(policy: Path) -> None:
    with OpaServer(policy) as server:
        assert server.pid is not None
        os.kill(server.pid, signal.SIGSTOP)
        with pytest.raises(Unavailable, match="within"):
            question = passing_question(table())
            ask(server.socket, server.token, question, policy_digest="", deadline=0.3)
        os.kill(server.pid, signal.SIGCONT)
        assert allows(server)


def script(folder: Path, text: str) -> Path:
    path = folder / "opa"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path


BINARIES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "absent": (lambda folder: folder / "opa", "No such file"),
    "a folder": (lambda folder: folder, "Permission denied"),
    "no program": (lambda folder: script(folder, "exit 1"), "no OPA"),
    "something else": (lambda folder: script(folder, "echo Version: two"), "no OPA"),
    "failing": (lambda folder: script(folder, "echo Version: 9.9.9; exit 1"), "no OPA"),
    "too old": (lambda folder: script(folder, "echo Version: 1.22.1"), "1.22.1"),
    "much too old": (lambda folder: script(folder, "echo Version: 0.70.0"), "0.70.0"),
    "dying": (
        lambda folder: script(
            folder, 'case $1 in version) echo "Version: 1.22.2";; *) echo oh no; exit 2;; esac'
        ),
        "oh no",
    ),
}


@pytest.mark.parametrize("name", BINARIES)
def test_no_genuine_opa_is_unavailable(policy: Path, tmp_path: Path, name: str) -> None:
    make, reason = BINARIES[name]
    with pytest.raises(Unavailable, match=reason) as refused:
        OpaServer(policy, binary=make(tmp_path)).start()
    assert refused.value.code == "opa_unavailable"


def test_no_opa_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match=r"found none; run `make setup`"):
        find_opa(tmp_path)
    script(tmp_path, "echo Version: 1.21.9")
    with pytest.raises(Unavailable, match=r"1\.21\.9"):
        find_opa(tmp_path)


def test_an_old_opa_of_ours_gives_way_to_a_newer_one_on_the_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    genuine = find_opa()
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin", "echo Version: 1.21.9")
    monkeypatch.setenv("PATH", str(genuine.parent))
    assert find_opa(tmp_path) == genuine


def sources(**changed: bytes | None) -> Sources:
    """The repository's policy, with modules replaced or left out."""
    root = REPOSITORY / "policies"
    modules = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*.rego")
        if not path.name.endswith("_test.rego")
    }
    kept = {path: text for path, text in {**modules, **changed}.items() if text is not None}
    return Sources(kept, table(), digest("capabilities"))


POLICIES: dict[str, tuple[Sources, str]] = {
    "a syntax error": (sources(**{"promotion.rego": b"package promotion\nx :="}), "unexpected eof"),
    "an unknown function": (
        sources(**{"promotion.rego": b"package promotion\nx := f(1)"}),
        "undefined function",
    ),
    "no word on who may ask": (sources(**{"system/authz.rego": None}), "authorization policy"),
    "outside of its roots": (sources(**{"mine.rego": b"package mine\nx := 1"}), "roots"),
}


@pytest.mark.parametrize("name", POLICIES)
def test_says_why_opa_does_not_take_a_policy(tmp_path: Path, name: str) -> None:
    found, reason = POLICIES[name]
    write_built(tmp_path, found)
    with pytest.raises(Unavailable, match=reason) as refused:
        OpaServer(tmp_path, patience=2).start()
    assert refused.value.code == "opa_unavailable"


def test_a_policy_by_hand_is_taken_when_it_is_whole(tmp_path: Path) -> None:
    write_built(tmp_path, sources())
    with OpaServer(tmp_path) as server:
        assert allows(server)


def test_a_bundle_whose_contents_changed_does_not_run(policy: Path, tmp_path: Path) -> None:
    honest = sources()
    loose = honest.modules["gates/utility.rego"].replace(b"deny contains", b"x contains")
    write_built(tmp_path, sources(**{"gates/utility.rego": loose}), manifest=honest.manifest)
    with pytest.raises(Unavailable, match="revision of its contents"):
        OpaServer(tmp_path).start()


def test_a_table_that_changed_beside_its_bundle_does_not_run(tmp_path: Path) -> None:
    write_built(tmp_path, sources())
    loose = table()
    loose["tiers"]["standard"]["looks"] = 1
    (tmp_path / "data.json").write_bytes(canonical(loose))
    with pytest.raises(Unavailable, match="one build"):
        OpaServer(tmp_path).start()


@pytest.mark.parametrize("name", ["bundle.tar.gz", "data.json", "policy.json"])
def test_half_a_policy_does_not_run(tmp_path: Path, name: str) -> None:
    write_built(tmp_path, sources())
    (tmp_path / name).unlink()
    with pytest.raises(Unavailable, match="No such file"):
        OpaServer(tmp_path).start()


def test_a_folder_whose_name_is_too_long_for_a_socket(policy: Path, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    with pytest.raises(Unavailable, match="shorter folder"):
        OpaServer(policy, scratch=long).start()
    assert list(long.iterdir()) == []


def test_a_folder_that_is_not_there(policy: Path, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="expected a folder"):
        OpaServer(policy, scratch=tmp_path / "nowhere").start()
