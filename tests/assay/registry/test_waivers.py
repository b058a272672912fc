"""A waiver at a running server: two signers, one gate, one payload, in sight, and until a day."""

from __future__ import annotations

import base64
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay.errors import EvidenceError
from assay.evidence.decision import Waiver
from assay.evidence.decisions import sign_waiver
from assay.evidence.digest import digest_folder
from assay.evidence.dsse import countersign
from assay.evidence.keys import public_text
from assay.evidence.statement import Subject
from assay.evidence.trust import Trust
from assay.home import REPOSITORY
from assay.ledger import Ledger
from assay.registry.gate import Gate
from assay.registry.keyring import entrust, list_keys
from assay.serving.champion import Champion, load_champion
from assay.serving.export import export_bundle
from assay.serving.offline import verify_bundle
from tests.assay.registry.line import Line, own_line
from tests.assay.registry.site import Logged
from tests.assay.serving.promoted import save_small_model

SIGNERS = [Ed25519PrivateKey.from_private_bytes(letter * 32) for letter in (b"a", b"b", b"c")]


def raised(folder: Path) -> Path:
    """The project's policy, with bars that the evidence misses and that may be waived."""
    shutil.copytree(REPOSITORY / "policies", folder)
    table = json.loads((folder / "data.json").read_text())
    tier = table["tiers"]["standard"]
    for bar in tier["bars"]:
        if bar["measurement"] == "auc":
            bar["bar"] = 0.9999
    tier["waivable"] = {"utility": 3600}
    (folder / "data.json").write_text(json.dumps(table))
    return folder


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    root = tmp_path_factory.mktemp("waivers")
    with own_line(root / "home", raised(root / "policies")) as made:
        keys = [public_text(key) for key in SIGNERS[:2]]
        entrust(Gate(made.evidenced.home), "waiver", keys, int(time.time()))
        yield made


def denied(line: Line, folder: Path, seed: int) -> tuple[Logged, Subject]:
    """A version of a payload of its own that its utility alone keeps back."""
    save_small_model(folder, seed)
    line.look(folder)
    version = line.register(folder)
    assert line.submit(version, line.bundle(folder)).status == 200
    assert line.tags(version)["gate.allowed"] == "false"
    assert line.approve(version).code == "below_bar"
    return version, Subject("credit", digest_folder(folder))


def written(subject: Subject, lasts: int = 600, **changed: Any) -> bytes:
    now = int(time.time())
    waiver = Waiver(subject, "utility", "the old model is worse", now, now + lasts)
    first, second = SIGNERS[:2]
    return countersign(sign_waiver(replace(waiver, **changed), first), second)


def champion(line: Line, trust: Trust | None = None) -> Champion:
    home = line.evidenced.home
    with line.site.signed_in("auditor"):
        return load_champion("credit", trust=trust or home.trust, tracking_uri=line.site.url)


@pytest.fixture(scope="module")
def version(line: Line, tmp_path_factory: pytest.TempPathFactory) -> tuple[Logged, Subject]:
    return denied(line, tmp_path_factory.mktemp("first") / "payload", 1)


def test_a_waiver_that_does_not_count_changes_nothing(
    line: Line, version: tuple[Logged, Subject]
) -> None:
    target, subject = version
    ledger, tags = Ledger.of(line.evidenced.home), line.tags(target)
    head = len(ledger.entries("waiver")), len(ledger.entries("decision"))
    first, _, stranger = SIGNERS
    now = int(time.time())
    one = Waiver(subject, "utility", "alone", now, now + 60)
    for envelope, code in (
        (sign_waiver(one, first), "waiver_signers"),
        (countersign(sign_waiver(one, first), stranger), "waiver_signers"),
        (written(replace(subject, digest=f"sha256:{'0' * 64}")), "waiver_subject"),
        (written(subject, gate="stress"), "waiver_forbidden"),
        (written(subject, gate="utilty"), "waiver_gate"),
        (written(subject, lasts=3601), "waiver_endless"),
        (written(subject, issued_at=now - 60, expires_at=now - 1), "waiver_expired"),
        (written(subject, issued_at=now + 600, expires_at=now + 700), "waiver_future"),
        (b"{}", "malformed"),
        (b"", "malformed"),
    ):
        answer = line.waive(target, envelope)
        assert (answer.status, answer.code) == (403, code), answer.text
    assert line.waive(target, written(subject), "gate").code == "not_approver"
    assert line.waive(target, written(subject), "auditor").status == 403
    assert (len(ledger.entries("waiver")), len(ledger.entries("decision"))) == head
    assert line.tags(target) == tags


def test_a_waived_version_is_promoted_in_everybodys_sight(
    line: Line, version: tuple[Logged, Subject], tmp_path: Path
) -> None:
    target, subject = version
    envelope = written(subject)
    answer = line.waive(target, envelope, "trainer")
    assert answer.status == 200, answer.text
    tags = line.tags(target)
    assert tags["gate.allowed"] == "true"
    assert tags["gate.waived.utility"].endswith(" UTC: the old model is worse")
    assert {key for key in tags if key.startswith("gate.waived.")} == {"gate.waived.utility"}
    # One gate of one payload, once: neither again nor longer.
    assert line.waive(target, envelope).code == "already_allowed"
    payload = _again(tmp_path)
    twin = line.register(payload)
    assert line.submit(twin, line.bundle(payload)).status == 200
    assert line.tags(twin)["gate.allowed"] == "true"  # the payload is waived, not a number
    assert line.approve(target).status == 200
    promoted = champion(line)
    assert promoted.decision.waivers == {"utility": envelope.decode()}
    assert promoted.expires_at == json.loads(_payload(envelope))["predicate"]["expires_at"]
    assert line.site.ask("gate", "POST", "/assay/audits/credit").json["outcome"] == "well"
    _verified_far_away(line, tmp_path / "bundle.tar", envelope)
    # Whoever trusts no signers, or others, has no champion.
    believed = line.evidenced.trust
    strangers = believed.with_public("waiver", [public_text(key) for key in SIGNERS[1:]])
    for trust in (believed, strangers):
        with pytest.raises(EvidenceError, match="waiver_signers"):
            champion(line, trust)


def _again(folder: Path) -> Path:
    """The first version's payload."""
    save_small_model(folder / "payload", 1)
    return folder / "payload"


def _payload(envelope: bytes) -> bytes:
    return base64.b64decode(json.loads(envelope)["payload"])


def _verified_far_away(line: Line, file: Path, envelope: bytes) -> None:
    home, now = line.evidenced.home, int(time.time())
    with line.site.signed_in("auditor"):
        export_bundle(home, "credit", file, now=now, tracking_uri=line.site.url)
    outcomes = home.sealed_outcomes
    found = verify_bundle(file, now=now, trust=Trust.load(home.trust), outcomes=outcomes)
    assert found.recomputed
    assert found.decision.waivers == {"utility": envelope.decode()}
    with pytest.raises(EvidenceError, match="waiver_signers"):
        verify_bundle(file, now=now, trust=line.evidenced.trust)


def test_a_gate_of_a_payload_is_waived_once(line: Line, tmp_path: Path) -> None:
    target, subject = denied(line, tmp_path / "payload", 2)
    assert line.waive(target, written(subject, lasts=2)).status == 200
    time.sleep(2.1)
    answer = line.submit(target, line.bundle(tmp_path / "payload"))
    assert answer.code == "already_allowed"
    assert line.approve(target).code == "below_bar"
    again = line.register(tmp_path / "payload")
    assert line.submit(again, line.bundle(tmp_path / "payload")).status == 200
    tags = line.tags(again)
    assert tags["gate.allowed"] == "false"
    assert "gate.waived.utility" not in tags
    assert line.waive(again, written(subject)).code == "waiver_stacked"


def test_signers_come_into_trust_and_never_below_two(line: Line) -> None:
    gate = Gate(line.evidenced.home)
    listed = [found for found in list_keys(gate) if found.role == "waiver"]
    assert len(listed) == 2
    assert all(found.well for found in listed)


@pytest.mark.slow
def test_a_champion_falls_back_when_its_waiver_ends(line: Line, tmp_path: Path) -> None:
    target, subject = denied(line, tmp_path / "payload", 3)
    assert line.waive(target, written(subject, lasts=30)).status == 200
    assert line.approve(target).status == 200
    ends = champion(line).expires_at
    time.sleep(max(0, ends - time.time()) + 1)
    with pytest.raises(EvidenceError, match="expired"):
        champion(line)
    found = line.site.ask("gate", "POST", "/assay/audits/credit").json
    assert (found["code"], found["found"]) == ("expired", target.version)
    assert line.aliases().get("champion") != target.version
