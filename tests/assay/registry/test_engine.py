"""OPA down, silent, lying or denying: an answer in time, and never an allowance."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from assay.ledger import Ledger, record_policy
from assay.policy.bundle import BUNDLE
from assay.policy.opa import OpaServer
from assay.policy.rules import load_policy
from tests.assay.policy.stub import Stub, response
from tests.assay.policy.submission import answer
from tests.assay.registry.line import Line, point_at
from tests.assay.registry.site import Logged

Said = Callable[[dict[str, Any]], dict[str, Any]]


@contextmanager
def asking(line: Line, opa: OpaServer, said: Said | None) -> Iterator[None]:
    """The server asks this instead of OPA; None never answers."""
    home = line.evidenced.home

    def behave(wire: socket.socket, request: bytes) -> None:
        if said is None:
            time.sleep(3)
        else:
            question = json.loads(request.partition(b"\r\n\r\n")[2])["input"]
            wire.sendall(response(json.dumps(said(question)).encode()))

    with Stub(opa.token_file.parent, behave) as stub:
        try:
            point_at(home, stub.path, opa.token_file)
            yield
        finally:
            point_at(home, opa.socket, opa.token_file)
            stub.path.unlink()


@pytest.fixture
def told(line: Line) -> Callable[..., dict[str, Any]]:
    """What OPA would say if it allowed, with changes."""
    policy = load_policy(line.evidenced.home.policy)

    def say(question: dict[str, Any], revision: str = policy.digest, **changes: Any) -> Any:
        provenance = {"bundles": {BUNDLE: {"revision": revision}}}
        return {"result": answer(policy, question, **changes), "provenance": provenance}

    return say


def _codes(line: Line, version: Logged) -> str:
    """The click's refusal, which tells every reason."""
    before = line.aliases(), line.tags(version)
    answered = line.approve(version)
    assert answered.status == 403
    assert (line.aliases(), line.tags(version)) == before
    return answered.text


def test_a_liar_that_allows_everything_promotes_nothing(
    line: Line, opa: OpaServer, payload: Path, told: Said
) -> None:
    with asking(line, opa, told):
        version = line.register(payload)
        assert line.submit(version, line.bundle(payload, utility=b"{}")).status == 200
        assert line.tags(version)["gate.allowed"] == "false"
        assert "code malformed" in _codes(line, version)


def test_an_honest_version_passes_the_same_stub(
    line: Line, opa: OpaServer, payload: Path, told: Said
) -> None:
    with asking(line, opa, told):
        version = line.register(payload)
        assert line.submit(version, line.bundle(payload)).status == 200
    assert line.tags(version)["gate.allowed"] == "true"


@pytest.mark.parametrize(
    "changes",
    [
        {"revision": f"sha256:{'1' * 64}"},
        {"nonce": "another"},
        {"allow": "true"},
        {"allow": 1},
        {"required": []},
        {"proven": []},
        {"waived": ["utility"]},
        {"schema": 2},
    ],
    ids=str,
)
def test_an_answer_that_is_not_to_be_believed_promotes_nothing(
    line: Line,
    opa: OpaServer,
    submitted: Logged,
    told: Callable[..., dict[str, Any]],
    changes: dict[str, Any],
) -> None:
    with asking(line, opa, lambda question: told(question, **changes)):
        assert "code opa_unavailable" in _codes(line, submitted)


def test_what_opa_denies_is_denied(
    line: Line, opa: OpaServer, submitted: Logged, told: Callable[..., dict[str, Any]]
) -> None:
    violation = {"gate": "stress", "code": "below_bar", "measurement": "worst_drop"}
    with asking(line, opa, lambda question: told(question, violations=[violation])):
        text = _codes(line, submitted)
    assert "code opa_denied" in text
    assert "stress" in text


def test_a_silent_engine_is_an_answer_in_time(
    line: Line, opa: OpaServer, submitted: Logged
) -> None:
    with asking(line, opa, None):
        begun = time.monotonic()
        assert "code opa_unavailable" in _codes(line, submitted)
        assert time.monotonic() - begun < 20


def test_under_a_policy_that_is_not_the_newest_nothing_moves(
    line: Line, submitted: Logged, champion: Logged, tmp_path: Path
) -> None:
    """As after a built folder was restored: neither a click nor an audit is answered."""
    home = line.evidenced.home
    kept = shutil.copy(home.ledger, tmp_path / "kept")
    before = line.aliases()
    record_policy(Ledger.of(home), 2**50, f"sha256:{'1' * 64}", int(time.time()))
    try:
        assert line.approve(submitted).code == "policy_not_in_force"
        audited = line.site.ask("gate", "POST", "/assay/audits/credit")
        assert (audited.status, audited.code) == (503, "policy_not_in_force")
    finally:
        shutil.copy(kept, home.ledger)
    assert line.aliases() == before


def test_an_engine_that_is_down_leaves_a_denial_that_can_be_mended(
    line: Line, opa: OpaServer, payload: Path
) -> None:
    version, bundle = line.register(payload), line.bundle(payload)
    stack = line.evidenced.home.stack
    told = stack.read_bytes()
    stack.unlink()
    try:
        assert line.submit(version, bundle).status == 200
        assert line.tags(version)["gate.allowed"] == "false"
        assert "code opa_unavailable" in _codes(line, version)
    finally:
        stack.write_bytes(told)
    assert line.submit(version, bundle).status == 200
    assert line.tags(version)["gate.allowed"] == "true"
