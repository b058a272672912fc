"""Only an answer that can be believed is one, and there is never a late one."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from assay.errors import Unavailable
from assay.home import REPOSITORY
from assay.policy.answer import read_answer
from assay.policy.bundle import build_policy
from assay.policy.client import MAX_ANSWER, ask
from assay.policy.opa import MAX_QUESTION, OpaServer
from tests.assay.policy.stub import Behaviour, Stub, response
from tests.policies.question import NONCE, digest, passing_question, table

REVISION = digest("policy")
GATES = ["utility"]
DECISION: dict[str, Any] = {
    "schema": 1,
    "allow": True,
    "violations": [],
    "required": GATES,
    "proven": GATES,
    "waived": [],
    "nonce": NONCE,
}
DEADLINE = 0.5  # seconds
SLACK = 1.5  # seconds that a busy machine may take to notice
QUESTION = {"nonce": NONCE}


def answer(decision: object = DECISION, revision: object = REVISION) -> dict[str, Any]:
    bundles = {"bundle.tar.gz": {"revision": revision}, "access": {}}
    return {"provenance": {"version": "1.22.2", "bundles": bundles}, "result": decision}


def body(found: object) -> bytes:
    return json.dumps(found).encode()


def sends(raw: bytes) -> Behaviour:
    return lambda wire, _: wire.sendall(raw)


def drips(before: bytes, drop: bytes) -> Behaviour:
    """A byte now and then keeps each single read alive for ever."""

    def drip(wire: socket.socket, _: bytes) -> None:
        wire.sendall(before)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            wire.sendall(drop)
            time.sleep(0.02)

    return drip


def hangs(wire: socket.socket, _: bytes) -> None:
    with suppress(OSError):
        wire.settimeout(20)
        wire.recv(1)


@pytest.fixture
def stub(tmp_path: Path) -> Callable[[Behaviour], Stub]:
    return lambda behaviour: Stub(tmp_path, behaviour)


def put(path: Path, deadline: float = DEADLINE, **question: object) -> dict[str, Any]:
    asked = {**QUESTION, **question}
    return ask(path, "token", asked, policy_digest=REVISION, deadline=deadline)


def test_believes_an_answer_to_this_question_by_this_policy(stub: Any) -> None:
    with stub(sends(response(body(answer())))) as server:
        assert put(server.path, deadline=5) == DECISION
    (request,) = server.requests
    head = request.decode().splitlines()
    assert head[0] == (
        "POST /v1/data/promotion/decision?provenance=true&strict-builtin-errors=true HTTP/1.1"
    )
    assert "Authorization: Bearer token" in head


def test_a_denial_is_an_answer(stub: Any) -> None:
    denied = {**DECISION, "allow": False, "proven": []}
    with stub(sends(response(body(answer(denied))))) as server:
        assert put(server.path, deadline=5) == denied


TRUE = body(answer())
TWICE = TRUE.replace(b'"allow": true', b'"allow": false, "allow": true')
HEAD = b"HTTP/1.1 200 OK\r\n"
MISBEHAVIOURS: dict[str, Behaviour] = {
    "status drip": drips(b"HTTP/1.1 200 ", b"O"),
    "header drip": drips(HEAD + b"X: ", b"x"),
    "many headers drip": drips(HEAD, b"X: x\r\n"),
    "continue drip": drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body drip": drips(HEAD + b"Content-Type: application/json\r\n\r\n", b" "),
    "chunk drip": drips(
        HEAD + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"1\r\n \r\n",
    ),
    "hang": hangs,
    "closed at once": lambda wire, _: None,
    "closed in the head": sends(HEAD),
    "closed in the body": sends(response(TRUE)[:-1]),
    "closed before the length": sends(response(TRUE)[:-1].replace(b"Content-Length", b"X")),
    "no HTTP": sends(b"allow"),
    "redirect": sends(response(TRUE, status="302 Found\r\nLocation: http://opa/allow")),
    "moved": sends(response(TRUE, status="301 Moved\r\nLocation: /v1/data/promotion/decision")),
    "error with an allowance": sends(response(TRUE, status="500 Internal Server Error")),
    "unauthorized": sends(response(b"{}", status="401 Unauthorized")),
    "created": sends(response(TRUE, status="201 Created")),
    "HTML": sends(response(b"<p>allow</p>", kind="text/html")),
    "JSON as text": sends(response(TRUE, kind="text/plain")),
    "duplicate keys": sends(response(TWICE)),
    "NaN": sends(response(TRUE.replace(b'"schema": 1', b'"schema": NaN'))),
    "infinity": sends(response(TRUE.replace(b'"schema": 1', b'"schema": 1e999'))),
    "deep": sends(response(b"[" * 5000)),
    "huge": sends(response(b" " * (MAX_ANSWER + 1) + TRUE)),
    "not UTF-8": sends(response(b"\xff" + TRUE)),
    "empty": sends(response(b"")),
    "undefined": sends(response(b"{}")),
    "null": sends(response(b"null")),
    "true": sends(response(b"true")),
    "list": sends(response(body([answer()]))),
    "undefined decision": sends(response(body({"provenance": answer()["provenance"]}))),
    "decision is true": sends(response(body(answer(True)))),
    "wrong nonce": sends(response(body(answer({**DECISION, "nonce": "0" * 32})))),
    "no nonce": sends(response(body(answer({"allow": True})))),
    "other revision": sends(response(body(answer(revision=digest("other"))))),
    "no revision": sends(response(body(answer(revision=None)))),
    "no provenance": sends(response(body({"result": DECISION}))),
    "provenance is text": sends(response(body({**answer(), "provenance": REVISION}))),
    "gzip": sends(response(TRUE).replace(b"Content-Length", b"Content-Encoding: gzip\r\nX")),
}


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_closes_within_its_deadline(stub: Any, name: str) -> None:
    with stub(MISBEHAVIOURS[name]) as server:
        started = time.monotonic()
        with pytest.raises(Unavailable) as closed:
            put(server.path)
        assert time.monotonic() - started < DEADLINE + SLACK
    assert closed.value.code == "opa_unavailable"
    assert len(server.requests) == 1  # neither retried nor redirected


LIES: dict[str, dict[str, Any]] = {
    "violations": {"violations": [{"gate": "utility", "code": "stale", "measurement": "auc"}]},
    "nothing proven": {"proven": []},
    "nothing required": {"required": [], "proven": []},
    "a gate less": {"required": ["stress"], "proven": ["stress"]},
    "waived": {"waived": ["utility"]},
    "allow as text": {"allow": "true"},
    "allow as number": {"allow": 1},
    "another schema": {"schema": 2},
}


@pytest.mark.parametrize("name", LIES)
def test_a_liar_allows_nothing(stub: Any, name: str) -> None:
    with stub(sends(response(body(answer(DECISION | LIES[name]))))) as server:
        found = put(server.path, deadline=5)
    with pytest.raises(Unavailable):
        read_answer(found, nonce=NONCE, required=frozenset(GATES))


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"nonce": ""},
        {"nonce": 7},
        {"nonce": NONCE, "x": float("nan")},
        {"nonce": NONCE, "x": "x" * MAX_QUESTION},
        {"nonce": NONCE, "x": object()},
    ],
    ids=["none", "empty", "number", "NaN", "huge", "object"],
)
def test_does_not_ask_what_has_no_answer(stub: Any, question: dict[str, Any]) -> None:
    with stub(sends(response(TRUE))) as server, pytest.raises(Unavailable):
        ask(server.path, "token", question, policy_digest=REVISION)
    assert server.requests == []


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        put(tmp_path / "nobody")


def test_a_backlog_that_is_full_is_nobody(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "full"))
        listener.listen(0)
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            with suppress(BlockingIOError):
                one.connect(str(tmp_path / "full"))
        with pytest.raises(Unavailable):
            put(tmp_path / "full")
        for one in waiting:
            one.close()


def test_a_hostile_environment_changes_nothing(
    stub: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / ".netrc").write_text("machine opa login x password y")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with stub(sends(response(TRUE))) as server:
        assert put(server.path, deadline=5) == DECISION
    assert b"Authorization: Bearer token" in server.requests[0]


@pytest.fixture(scope="module")
def opa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpaServer]:
    folder = tmp_path_factory.mktemp("policy")
    build_policy(REPOSITORY / "policies", folder)
    with OpaServer(folder) as server:
        yield server


def put_to(opa: OpaServer, question: dict[str, Any], deadline: float = 10) -> dict[str, Any]:
    return ask(opa.socket, opa.token, question, policy_digest=opa.policy_digest, deadline=deadline)


def test_genuine_opa_allows_what_clears_every_bar(opa: OpaServer) -> None:
    question = passing_question(table())
    found = put_to(opa, question)
    gates = {bar["gate"] for bar in table()["tiers"]["standard"]["bars"]}
    assert read_answer(found, nonce=NONCE, required=frozenset(gates)).allow


def test_genuine_opa_names_what_it_denies(opa: OpaServer) -> None:
    question = passing_question(table())
    del question["evidence"]["membership"]
    found = put_to(opa, question)
    assert found["allow"] is False
    reasons = {tuple(reason.values()) for reason in found["violations"]}
    assert ("missing", "membership", "tpr_at_fpr") in reasons


def test_each_question_has_its_own_answer(opa: OpaServer) -> None:
    for n in range(5):
        question = {**passing_question(table()), "nonce": f"{n:032}"}
        assert put_to(opa, question)["nonce"] == question["nonce"]


def test_genuine_opa_under_another_policy_is_not_believed(opa: OpaServer) -> None:
    with pytest.raises(Unavailable, match="another's"):
        ask(
            opa.socket,
            opa.token,
            passing_question(table()),
            policy_digest=digest("another"),
            deadline=10,
        )


def test_an_error_inside_of_a_denial_is_no_leave(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "policies", tmp_path / "policies")
    with (tmp_path / "policies" / "gates" / "utility.rego").open("a") as gate:
        gate.write('deny contains {"code": "late", "measurement": "n"} if to_number(input.nonce)')
    build_policy(tmp_path / "policies", tmp_path / "built")
    with OpaServer(tmp_path / "built") as opa, pytest.raises(Unavailable, match="500"):
        put_to(opa, passing_question(table()))


def test_a_question_as_large_as_is_asked_is_read(opa: OpaServer) -> None:
    question = passing_question(table())
    question["evidence"]["utility"]["config"]["note"] = "x" * (MAX_QUESTION // 2 - 20_000)
    assert put_to(opa, question)["allow"] is True


@pytest.mark.parametrize("token", ["", "token", "line\nbreak"])
def test_genuine_opa_answers_nobody_without_the_token(opa: OpaServer, token: str) -> None:
    with pytest.raises(Unavailable):
        ask(
            opa.socket,
            token,
            passing_question(table()),
            policy_digest=opa.policy_digest,
            deadline=10,
        )
