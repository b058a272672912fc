"""The click: everything is verified anew, a refusal moves nothing, the ledger tells what moved."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from assay.evidence.decisions import promotion_of, sign_promotion
from assay.evidence.digest import digest_folder
from assay.evidence.dsse import verify
from assay.evidence.kept import kept_bundle
from assay.evidence.keys import load_key
from assay.home import Home
from assay.ledger import Ledger, next_sequence, record_promotion, unsettled
from assay.policy.seal import seal_policy
from assay.registry.launch import server_folder
from assay.serving.champion import load_champion
from tests.assay.registry.line import Line
from tests.assay.registry.site import Answer, Logged
from tests.assay.serving.promoted import small_model

ROWS = pd.DataFrame({"late": [0, 2, -1], "bill": [1.0, 30.0, 400.0]})


@pytest.fixture(scope="module")
def champion(line: Line, payload: Path) -> Logged:
    """A version that was just promoted, whatever other modules did to theirs."""
    version = line.register(payload)
    assert line.submit(version, line.bundle(payload)).status == 200
    assert line.approve(version).status == 200
    return version


@contextmanager
def amended(home: Home, change: Callable[[dict[str, Any]], object]) -> Iterator[None]:
    """Another policy while it lasts, signed by whoever may."""
    path, seal = home.policy / "data.json", home.policy / "seal.json"
    before = path.read_bytes(), seal.read_bytes()
    data = json.loads(before[0])
    change(data)
    path.write_text(json.dumps(data))
    seal_policy(home.policy, home, int(time.time()))
    try:
        yield
    finally:
        path.write_bytes(before[0])
        seal.write_bytes(before[1])


@contextmanager
def without(path: Path) -> Iterator[None]:
    """The same, without a file."""
    with tempfile.TemporaryDirectory(dir=path.parent.parent) as scratch:
        aside = path.rename(Path(scratch) / "aside")
        try:
            yield
        finally:
            aside.rename(path)


def _standing(line: Line, *targets: Logged) -> list[object]:
    return [line.aliases(), *(line.tags(target) for target in targets)]


def _refused(line: Line, target: Logged, who: str = "approver") -> Answer:
    """A refused click, which moved nothing and is in the ledger."""
    before = _standing(line, target)
    answer = line.approve(target, who)
    assert answer.status == 403, answer.text
    assert _standing(line, target) == before
    last = Ledger.of(line.evidenced.home).entries()[-1]
    assert (last.kind, last.body["code"]) == ("refused", answer.code)
    return answer


def _champion(line: Line, **asked: Any) -> Any:
    with line.site.signed_in("auditor"):
        return load_champion(
            "credit", trust=line.evidenced.home.trust, tracking_uri=line.site.url, **asked
        )


def test_an_approver_s_click_makes_a_champion(line: Line, champion: Logged) -> None:
    tags = line.tags(champion)
    promotion = promotion_of(
        verify(tags["gate.promotion"].encode(), line.evidenced.trust.role("promoter"))
    )
    assert line.aliases()["champion"] == champion.version == promotion.version
    assert tags["gate.approved_by"] == promotion.approver == "approver"
    loaded = _champion(line)
    assert np.array_equal(loaded.model.score(ROWS), small_model().score(ROWS))
    assert loaded.promotion == promotion


def test_the_ledger_tells_the_promotion(line: Line, champion: Logged) -> None:
    entries = Ledger.of(line.evidenced.home).entries()
    kinds = [entry.kind for entry in entries if entry.kind not in ("look", "refused")]
    start = len(kinds) - kinds[::-1].index("committed") - 5
    told = ["intent", "decision", "answer", "promotion", "committed"]
    assert kinds[start : start + 5] == told


def test_the_next_champion_moves_the_previous_one(
    line: Line, champion: Logged, payload: Path
) -> None:
    sequence = _champion(line).promotion.sequence
    version = line.register(payload)
    assert line.submit(version, line.bundle(payload)).status == 200
    assert line.approve(version).status == 200
    assert line.aliases()["champion"] == version.version
    assert line.aliases()["previous"] == champion.version
    assert _champion(line, floor=sequence + 1).promotion.previous == champion.version
    # A rollback is a promotion too: the older version is verified anew, and numbered on.
    assert line.approve(champion).status == 200
    assert _champion(line).promotion.sequence == sequence + 2
    assert line.aliases()["champion"] == champion.version


def test_the_page_shows_the_refusal_s_text(line: Line, submitted: Logged) -> None:
    with (
        line.site.signed_in("trainer") as client,
        pytest.raises(MlflowException, match="not_approver: expected approver to promote credit"),
    ):
        client.set_registered_model_alias("credit", "champion", submitted.version)
    body = {"name": "credit", "version": submitted.version, "alias": "champion"}
    page = "/ajax-api/2.0/mlflow/registered-models/alias"
    answer = line.site.ask("trainer", "POST", page, body)
    assert "[assay] refused, code not_approver" in answer.json["message"]


def test_who_registered_a_version_does_not_approve_it(line: Line, submitted: Logged) -> None:
    def hand_over(data: dict[str, Any]) -> None:
        data["models"]["credit"].update(owner="someone", approvers=["approver", "trainer"])

    before = _standing(line, submitted)
    with amended(line.evidenced.home, hand_over):
        answer = line.approve(submitted, "trainer")
    assert (answer.status, answer.code) == (403, "own_version")
    assert _standing(line, submitted) == before


def test_a_flipped_byte_is_noticed_at_the_click(line: Line, submitted: Logged) -> None:
    artifacts = server_folder(line.evidenced.home) / "artifacts" / submitted.root
    weights = artifacts / "data" / "payload" / "weights.safetensors"
    raw = weights.read_bytes()
    weights.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    try:
        assert _refused(line, submitted).code == "wrong_subject"
    finally:
        weights.write_bytes(raw)


def test_deleted_evidence_is_noticed_at_the_click(line: Line, submitted: Logged) -> None:
    bundle = line.tags(submitted)["assay.submit"]
    with without(kept_bundle(line.evidenced.home, bundle) / "robustness.json"):
        answer = _refused(line, submitted)
    assert answer.code == "missing"
    assert "robustness" in answer.text


def test_exchanged_evidence_is_noticed_at_the_click(line: Line, submitted: Logged) -> None:
    folder = kept_bundle(line.evidenced.home, line.tags(submitted)["assay.submit"])
    with without(folder / "utility.json"):
        shutil.copy(folder / "fairness.json", folder / "utility.json")
        assert _refused(line, submitted).code == "duplicate"
        (folder / "utility.json").unlink()


def test_outcome_tables_must_still_be_there(line: Line, submitted: Logged) -> None:
    outcomes = line.evidenced.evidence["utility"].materials["outcomes:predictions"][7:]
    with without(line.evidenced.home.sealed_outcomes / f"{outcomes}.parquet"):
        assert _refused(line, submitted).code == "outcomes_missing"


def test_today_s_policy_counts(line: Line, submitted: Logged) -> None:
    def tighten(data: dict[str, Any]) -> None:
        for bar in data["tiers"]["standard"]["bars"]:
            if bar["measurement"] == "auc":
                bar["bar"] = 0.99

    with amended(line.evidenced.home, tighten):
        answer = _refused(line, submitted)
    assert answer.code == "below_bar"
    assert "utility" in answer.text


def test_a_model_that_the_policy_dropped_is_refused(line: Line, submitted: Logged) -> None:
    with amended(line.evidenced.home, lambda data: data["models"].pop("credit")):
        answer = line.approve(submitted)
    assert (answer.status, answer.code) == (403, "unknown_model")


def test_a_policy_that_cannot_be_read_promotes_nothing(line: Line, submitted: Logged) -> None:
    before = _standing(line, submitted)
    with without(line.evidenced.home.policy / "policy.json"):
        answer = line.approve(submitted)
    assert (answer.status, answer.code) == (403, "no_policy")
    assert _standing(line, submitted) == before


@pytest.mark.parametrize("name", ["keys/promoter.pem", "keys/gate.pem", "trust.json", "ledger.db"])
def test_without_a_key_trust_or_ledger_nothing_moves(
    line: Line, submitted: Logged, name: str
) -> None:
    before = _standing(line, submitted)
    with without(line.evidenced.home.root / name):
        assert line.approve(submitted).status == 403
        assert _standing(line, submitted) == before


def test_an_interrupted_promotion_is_void_and_its_number_spent(
    line: Line, champion: Logged, submitted: Logged
) -> None:
    home = line.evidenced.home
    ledger = Ledger.of(home)
    role = line.evidenced.trust.role("promoter")
    last = promotion_of(verify(ledger.entries("promotion")[-1].body["envelope"].encode(), role))
    due = next_sequence(ledger, "credit")
    lost = replace(last, version=champion.version, sequence=due, promoted_at=int(time.time()))
    entry = record_promotion(ledger, lost, sign_promotion(lost, load_key(home, "promoter")))
    # The machine stopped here: signed and noted, and no alias moved.
    assert line.approve(submitted).status == 200
    assert [e.body for e in ledger.entries("void")][-1] == {"promotion": entry.seq}
    assert _champion(line).promotion.sequence == due + 1
    assert not unsettled(ledger, "credit")


def test_what_holds_an_alias_stays(line: Line, champion: Logged) -> None:
    version = line.aliases()["champion"]
    for who in ("admin", "gate"):
        body = {"name": "credit", "version": version}
        answer = line.site.api(who, "DELETE", "model-versions/delete", body)
        assert (answer.status, answer.code) == (403, "holds_alias"), answer.text
    answer = line.site.api("gate", "DELETE", "registered-models/delete", {"name": "credit"})
    assert (answer.status, answer.code) == (403, "holds_alias")
    assert line.aliases()["champion"] == version


def test_an_upload_that_began_before_the_registration_is_refused(line: Line, payload: Path) -> None:
    """A slow PUT into a logged model ends after its version was registered."""
    with line.site.signed_in("trainer"):
        from tests.assay.registry.site import log_model

        logged = log_model(line.site, "credit", payload)

    def slowly() -> Iterator[bytes]:
        yield b"{"
        time.sleep(0.3)
        line.site.api("trainer", "POST", "model-versions/create", logged.version_request())
        yield b"}"

    path = f"/api/2.0/mlflow-artifacts/artifacts/{logged.root}/data/payload/model.json"
    folder = server_folder(line.evidenced.home) / "artifacts" / logged.root
    before = digest_folder(folder)
    answer = line.site.ask("trainer", "PUT", path, slowly())
    assert (answer.status, answer.code) == (403, "sealed_artifact")
    assert digest_folder(folder) == before


def test_two_clicks_at_once_take_two_numbers(line: Line, payload: Path) -> None:
    versions = [line.register(payload) for _ in range(2)]
    for version in versions:
        assert line.submit(version, line.bundle(payload)).status == 200
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(line.approve, versions * 2))
    assert [answer.status for answer in answers] == [200] * 4
    ledger = Ledger.of(line.evidenced.home)
    role = line.evidenced.trust.role("promoter")
    signed = [
        promotion_of(verify(entry.body["envelope"].encode(), role))
        for entry in ledger.entries("promotion")
    ]
    assert [promotion.sequence for promotion in signed] == list(range(1, len(signed) + 1))
    assert line.aliases()["champion"] == signed[-1].version
    assert _champion(line).promotion == signed[-1]
