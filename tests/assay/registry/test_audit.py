"""The audit: what does not verify any more loses the alias, and the ledger tells of it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.errors import EvidenceError, Refused
from assay.evidence.decision import Demotion, Promotion
from assay.evidence.decisions import decision_of, demotion_of, sign_promotion
from assay.evidence.dsse import verify
from assay.evidence.kept import kept_bundle
from assay.evidence.keys import load_key
from assay.home import Home
from assay.ledger import Ledger, next_sequence, record_promotion, standing
from assay.policy.opa import OpaServer
from assay.registry.launch import server_folder
from assay.serving.champion import Champion, load_champion
from tests.assay.registry.line import Line
from tests.assay.registry.site import Answer, Logged
from tests.assay.registry.test_promotion import amended, without


def ask(line: Line, user: str | None = "gate", model: str = "credit") -> Answer:
    return line.site.ask(user, "POST", f"/assay/audits/{model}")


def found(line: Line) -> dict[str, Any]:
    """What an audit finds, after which the alias is where it says."""
    answer = ask(line)
    assert answer.status == 200, answer.text
    told: dict[str, Any] = answer.json
    assert told["champion"] == line.aliases().get("champion", "")
    return told


def found_once(line: Line) -> dict[str, Any]:
    """The same, and a second audit finds nothing to do."""
    told = found(line)
    again = found(line)
    assert (again["outcome"], again["champion"]) in (("well", told["champion"]), ("vacant", ""))
    return told


def champion(line: Line, **asked: Any) -> Champion:
    with line.site.signed_in("auditor"):
        return load_champion(
            "credit", trust=line.evidenced.home.trust, tracking_uri=line.site.url, **asked
        )


def seated(line: Line, version: Logged) -> Promotion:
    """A click, and what it signed."""
    answer = line.approve(version)
    assert answer.status == 200, answer.text
    return champion(line).promotion


def signed(line: Line, entry: Any) -> Demotion:
    role = line.evidenced.trust.role("promoter")
    return demotion_of(verify(entry.body["envelope"].encode(), role))


@contextmanager
def flipped(line: Line, version: Logged) -> Iterator[None]:
    """One byte of the payload is another while it lasts."""
    artifacts = server_folder(line.evidenced.home) / "artifacts" / version.root
    weights = artifacts / "data" / "payload" / "weights.safetensors"
    raw = weights.read_bytes()
    weights.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    try:
        yield
    finally:
        weights.write_bytes(raw)


def raw(home: Home, *statements: str) -> None:
    """Somebody writes into the database who lends the triggers their function."""
    with closing(sqlite3.connect(server_folder(home) / "mlflow.db", timeout=30)) as connection:
        connection.create_function("assay_may_write", 2, lambda _kind, _name: 1)
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def raw_alias(home: Home, alias: str, version: str) -> None:
    row = f"('{alias}', {version}, 'credit', 'default')"
    raw(home, f"INSERT OR REPLACE INTO registered_model_aliases VALUES {row}")


@pytest.fixture(scope="module")
def versions(line: Line, payload: Path) -> tuple[Logged, Logged]:
    """An older and a newer version that the gate allows, each with evidence of its own."""
    made = []
    for age in (120, 60):
        version = line.register(payload)
        bundle = line.bundle(payload, int(time.time()) - age)
        assert line.submit(version, bundle).status == 200
        made.append(version)
    return made[0], made[1]


@pytest.fixture
def older(versions: tuple[Logged, Logged]) -> Logged:
    return versions[0]


@pytest.fixture
def newer(versions: tuple[Logged, Logged], line: Line, payload: Path) -> Logged:
    """Champion after the older one, whatever was demoted before."""
    older, newer = versions
    wanted = {"champion": newer.version, "previous": older.version}
    if not wanted.items() <= line.aliases().items():
        for version in versions:
            if "gate.decision" not in line.tags(version):
                assert line.submit(version, line.bundle(payload)).status == 200
            seated(line, version)
    return newer


def test_a_champion_that_verifies_stays(line: Line, newer: Logged) -> None:
    ledger = Ledger.of(line.evidenced.home)
    before = line.tags(newer), line.aliases(), ledger.head()
    assert found(line) == {
        "model": "credit",
        "outcome": "well",
        "found": newer.version,
        "champion": newer.version,
        "code": "ok",
        "told": f"champion {newer.version} verifies",
        "entry": 0,
    }
    assert (line.tags(newer), line.aliases(), ledger.head()) == before


def test_the_champion_is_no_challenger(line: Line, payload: Path) -> None:
    version = line.register(payload)
    assert line.submit(version, line.bundle(payload)).status == 200
    assert line.aliases()["challenger"] == version.version
    seated(line, version)
    assert "challenger" not in line.aliases()


def test_another_s_challenger_stays_one(line: Line, payload: Path, newer: Logged) -> None:
    version = line.register(payload)
    assert line.submit(version, line.bundle(payload)).status == 200
    seated(line, newer)
    assert line.aliases()["challenger"] == version.version


def test_nobody_but_the_gate_may_ask(line: Line, newer: Logged) -> None:
    raw_alias(line.evidenced.home, "champion", "99")
    for user in ("trainer", "approver", "auditor", "admin"):
        answer = ask(line, user)
        assert (answer.status, answer.code) == (403, "not_gate")
    assert line.aliases()["champion"] == "99"
    assert found(line)["champion"] == newer.version


def test_nobody_at_all_may_not_ask(line: Line) -> None:
    assert ask(line, None).status == 401
    assert ask(line, model="unheard-of").status == 404


def test_an_alias_that_was_moved_by_hand_is_put_back(
    line: Line, older: Logged, newer: Logged
) -> None:
    home = line.evidenced.home
    ledger = Ledger.of(home)
    before = champion(line).promotion
    raw_alias(home, "champion", older.version)
    told = found_once(line)
    assert (told["outcome"], told["code"]) == ("restored", "moved")
    assert (told["found"], told["champion"]) == (older.version, newer.version)
    assert line.aliases()["previous"] == older.version
    after = champion(line, floor=before.sequence + 1).promotion
    # A number of its own, the gate as approver, and not a second longer than the approver gave.
    assert after == replace(
        before,
        approver="gate",
        sequence=before.sequence + 1,
        decision_digest=after.decision_digest,
        promoted_at=after.promoted_at,
    )
    entry = ledger.entries("demotion")[-1]
    assert entry.seq == told["entry"]
    demotion = signed(line, entry)
    assert (demotion.version, demotion.successor) == (newer.version, newer.version)
    assert (demotion.found, demotion.sequence) == (older.version, before.sequence)
    assert (demotion.code, demotion.by) == ("moved", "gate")
    kinds = [e.kind for e in ledger.entries() if e.seq >= entry.seq]
    assert kinds == ["demotion", "decision", "answer", "promotion", "committed", "committed"]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM registered_model_aliases WHERE name = 'credit'",
        "UPDATE registered_model_aliases SET version = 99 WHERE alias = 'previous'",
        "DELETE FROM model_version_tags WHERE key = 'gate.promotion' AND version = {}",
        "UPDATE model_version_tags SET value = '1' WHERE key = 'gate.decision' AND version = {}",
    ],
)
def test_whatever_was_written_by_hand_is_put_back(
    line: Line, older: Logged, newer: Logged, statement: str
) -> None:
    raw(line.evidenced.home, statement.format(newer.version))
    told = found(line)
    assert (told["outcome"], told["champion"]) == ("restored", newer.version)
    assert champion(line).promotion.version == newer.version
    assert line.aliases()["previous"] == older.version


def test_an_older_promotion_is_not_put_back(line: Line, newer: Logged) -> None:
    old = line.tags(newer)["gate.promotion"], line.tags(newer)["gate.decision"]
    sequence = seated(line, newer).sequence
    for key, envelope in zip(("gate.promotion", "gate.decision"), old, strict=True):
        where = f"key = '{key}' AND version = {newer.version}"
        raw(
            line.evidenced.home,
            f"UPDATE model_version_tags SET value = '{envelope}' WHERE {where}",
        )
    with pytest.raises(EvidenceError, match="rolled_back"):
        champion(line, floor=sequence)
    told = found(line)
    assert (told["outcome"], told["code"]) == ("restored", "rolled_back")
    assert champion(line).promotion.sequence == sequence + 1


def test_a_flipped_byte_rolls_back_to_the_version_before(
    line: Line, older: Logged, newer: Logged
) -> None:
    before = champion(line).promotion
    withdrawn = line.tags(newer)
    with flipped(line, newer):
        told = found_once(line)
        assert (told["outcome"], told["code"]) == ("rolled back", "swapped")
        assert (told["found"], told["champion"]) == (newer.version, older.version)
    after = champion(line, floor=before.sequence + 1).promotion
    assert (after.version, after.sequence) == (older.version, before.sequence + 1)
    assert (after.approver, after.previous) == ("gate", "")
    assert "previous" not in line.aliases()
    tags = line.tags(newer)
    assert tags["gate.allowed"] == "false"
    assert tags["gate.demoted"].startswith("swapped: expected the payload that was promoted")
    assert not {"gate.promotion", "gate.decision"} & tags.keys()
    # The demoted one is put back by hand, with everything that it carried, and its bytes mended.
    raw_alias(line.evidenced.home, "champion", newer.version)
    with pytest.raises(EvidenceError, match="unsigned"):
        champion(line)
    for key in ("gate.promotion", "gate.decision"):
        row = f"('{key}', '{withdrawn[key]}', 'credit', {newer.version}, 'default')"
        columns = "(key, value, name, version, workspace)"
        raw(line.evidenced.home, f"INSERT INTO model_version_tags {columns} VALUES {row}")
    with pytest.raises(EvidenceError, match="rolled_back"):
        champion(line, floor=after.sequence)
    assert found(line)["champion"] == older.version


def test_what_an_approver_rejects_is_not_gone_back_to(
    line: Line, older: Logged, newer: Logged
) -> None:
    assert line.review(older, "reject: it was too slow").status == 200
    try:
        with flipped(line, newer):
            told = found_once(line)
        assert (told["code"], told["found"]) == ("swapped", newer.version)
        assert told["champion"] != older.version
    finally:
        assert line.review(older, "approve: fast enough").status == 200


def test_a_rejection_takes_no_champion_down(line: Line, newer: Logged) -> None:
    assert line.review(newer, "reject: not again").status == 200
    try:
        assert found(line)["outcome"] == "well"
    finally:
        assert line.review(newer, "approve: well then").status == 200


@pytest.mark.parametrize("whole", [True, False], ids=["all of it", "one file"])
def test_without_its_evidence_a_champion_is_demoted(
    line: Line, older: Logged, newer: Logged, whole: bool
) -> None:
    kept = kept_bundle(line.evidenced.home, line.tags(newer)["assay.submit"])
    with without(kept if whole else kept / "robustness.json"):
        told = found(line)
    assert (told["outcome"], told["champion"]) == ("rolled back", older.version)
    assert told["code"] == ("not_a_folder" if whole else "missing")
    assert line.tags(newer)["gate.allowed"] == "false"


def tighten(data: dict[str, Any]) -> None:
    for bar in data["tiers"]["standard"]["bars"]:
        if bar["measurement"] == "auc":
            bar["bar"] = 0.99


def shorten(data: dict[str, Any]) -> None:
    data["tiers"]["standard"]["decision_expiry_s"] = 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (tighten, "not_allowed"),
        (shorten, "expired"),
        (lambda data: data["models"].pop("credit"), "unknown_model"),
    ],
    ids=["tightened", "shortened", "without the model"],
)
def test_under_a_stricter_policy_nothing_is_champion(
    line: Line, newer: Logged, change: Callable[[dict[str, Any]], object], code: str
) -> None:
    home = line.evidenced.home
    before = champion(line).promotion
    time.sleep(max(0, before.promoted_at + 1 - time.time()))
    with amended(home, change):
        told = found(line)
        assert ask(line).json["outcome"] == "vacant"
    assert (told["outcome"], told["code"], told["champion"]) == ("removed", code, "")
    assert not {"champion", "previous"} & line.aliases().keys()
    demotion = signed(line, Ledger.of(home).entries("demotion")[-1])
    assert (demotion.successor, demotion.sequence) == ("", before.sequence)
    assert standing(Ledger.of(home), "credit") is None
    with pytest.raises(Refused, match="no_champion"):
        champion(line)
    # Nothing sealed is told: neither the gate nor its verdict.
    assert "utility" not in json.dumps(told)
    assert found(line)["outcome"] == "vacant"
    # Nothing stood, so nothing is gone back to.
    raw_alias(home, "champion", newer.version)
    assert (found(line)["code"], line.aliases().get("champion")) == ("moved", None)


def test_after_a_removal_numbers_go_on(line: Line, newer: Logged, payload: Path) -> None:
    before = champion(line).promotion.sequence
    with amended(line.evidenced.home, tighten):
        assert found(line)["outcome"] == "removed"
    # The auditor reads which gate it was; the version's owner may bring evidence again.
    answer = line.site.ask("auditor", "GET", f"/assay/decisions/credit/{newer.version}")
    sealed = decision_of(verify(answer.text.encode(), line.evidenced.trust.role("gate")))
    assert sealed.gates["utility"].code == "below_bar"
    assert line.submit(newer, line.bundle(payload)).status == 200
    after = seated(line, newer)
    assert (after.sequence, after.previous) == (before + 1, "")
    assert "gate.demoted" not in line.tags(newer)


def test_a_promotion_that_has_ended_is_not_renewed(
    line: Line, older: Logged, newer: Logged, payload: Path
) -> None:
    """The last one of each version ended a second ago, as an approver's clicks of then say."""
    home = line.evidenced.home
    now, ledger = int(time.time()), Ledger.of(home)
    for version in (older, newer):
        said = seated(line, version)
        ended = replace(said, sequence=next_sequence(ledger, "credit"), expires_at=now - 1)
        ended = replace(ended, promoted_at=min(said.promoted_at, now - 1))
        envelope = sign_promotion(ended, load_key(home, "promoter"))
        entry = record_promotion(ledger, ended, envelope)
        ledger.append("committed", {"promotion": entry.seq})
        where = f"key = 'gate.promotion' AND version = {version.version}"
        raw(home, f"UPDATE model_version_tags SET value = '{envelope.decode()}' WHERE {where}")
    with pytest.raises(EvidenceError, match="expired"):
        champion(line)
    told = found(line)
    assert (told["code"], told["found"]) == ("expired", newer.version)
    assert told["champion"] not in (older.version, newer.version)


def test_a_gate_that_lacks_something_alarms_and_moves_nothing(
    line: Line, older: Logged, newer: Logged
) -> None:
    """Also where the alias is wrong: who cannot tell right from wrong reverts nothing."""
    raw_alias(line.evidenced.home, "champion", older.version)
    before = line.aliases(), line.tags(newer), line.tags(older)
    for name, code in {
        "policy/policy.json": "no_policy",
        "trust.json": "unreadable",
        "keys/promoter.pem": "no_key",
        "ledger.db": "no_ledger",
        "sealed/outcomes": "disk_unavailable",
        "stack.json": "opa_unavailable",
    }.items():
        with without(line.evidenced.home.root / name):
            answer = ask(line)
        assert (answer.status, answer.code) == (503, code), answer.text
    assert (line.aliases(), line.tags(newer), line.tags(older)) == before
    assert found(line)["champion"] == newer.version


def test_without_opa_the_alias_is_left_alone(line: Line, newer: Logged) -> None:
    home = line.evidenced.home
    before, head = line.aliases(), Ledger.of(home).head()
    kept = home.stack.read_bytes()
    with OpaServer(home.policy) as stopped:
        told = {"opa_socket": str(stopped.socket), "opa_token_file": str(stopped.token_file)}
        token = stopped.token_file.read_bytes()
    gone = home.root / "gone.token"
    gone.write_bytes(token)
    try:
        home.stack.write_text(json.dumps({**told, "opa_token_file": str(gone)}))
        with flipped(line, newer):
            answer = ask(line)
    finally:
        home.stack.write_bytes(kept)
        gone.unlink()
    assert (answer.status, answer.code) == (503, "opa_unavailable")
    assert (line.aliases(), Ledger.of(home).head()) == (before, head)


@pytest.mark.parametrize("forgotten", ["promotion", "rejection"])
def test_by_a_ledger_that_knows_less_than_the_registry_nothing_is_decided(
    line: Line, older: Logged, newer: Logged, tmp_path: Path, forgotten: str
) -> None:
    """Also where only a word was said since the copy was made, and whatever is appended to it."""
    home = line.evidenced.home
    copy, today = tmp_path / "copy.db", tmp_path / "today.db"
    shutil.copy(home.ledger, copy)
    if forgotten == "promotion":
        seated(line, older)
    else:
        assert line.review(newer, "reject: a feed is missing").status == 200
    shutil.copy(home.ledger, today)
    before = line.aliases(), line.tags(older), line.tags(newer)
    try:
        shutil.copy(copy, home.ledger)
        for grown in (0, 20):
            for _ in range(grown):
                Ledger.of(home).append("word", {})
            for answer in (ask(line), line.approve(older), line.review(newer, "approve: it is")):
                assert (answer.status in (403, 503), answer.code) == (True, "ledger_behind")
        assert (line.aliases(), line.tags(older), line.tags(newer)) == before
    finally:
        shutil.copy(today, home.ledger)
    if forgotten == "rejection":
        assert line.review(newer, "approve: it is there").status == 200
    assert found(line)["outcome"] == "well"
