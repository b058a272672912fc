"""A submission is judged by the server, or refused with a text; nobody else writes the verdict."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import mlflow
import pytest

from assay.evidence.decision import GateDecision
from assay.evidence.decisions import decision_of, public_of
from assay.evidence.digest import digest_bytes
from assay.evidence.dsse import verify
from assay.evidence.kept import kept_bundle, read_evidence
from assay.evidence.values import Bound
from assay.ledger import Ledger, find_decision
from tests.assay.policy.submission import digest
from tests.assay.registry.line import Line
from tests.assay.registry.site import Logged, Site
from tests.assay.serving.promoted import save_small_model

WEEK = 7 * 86_400


def _sealed(line: Line, target: Logged) -> GateDecision:
    answer = line.site.ask("auditor", "GET", f"/assay/decisions/credit/{target.version}")
    assert answer.status == 200, answer.text
    return decision_of(verify(answer.text.encode(), line.evidenced.trust.role("gate")))


def _codes(decision: GateDecision) -> set[str]:
    gates = {result.code for result in decision.gates.values()}
    return (gates | {denial.partition(":")[0] for denial in decision.denials}) - {"ok"}


def test_honest_evidence_makes_a_challenger(line: Line, submitted: Logged, payload: Path) -> None:
    version = line.register(payload)
    assert line.submit(version, line.bundle(payload)).status == 200
    assert line.tags(version)["gate.allowed"] == "true"
    assert line.aliases()["challenger"] == version.version
    tags = line.tags(submitted)
    public = public_of(verify(tags["gate.decision"].encode(), line.evidenced.trust.role("gate")))
    assert public.allowed
    assert (public.model, public.version) == ("credit", submitted.version)
    assert {f"gate.{gate}" for gate in public.gates} < set(tags)
    assert tags["gate.utility"].startswith("INSUFFICIENT on development rows: auc 0.9")


def test_the_sealed_decision_is_kept_and_noted(line: Line, submitted: Logged) -> None:
    sealed = _sealed(line, submitted)
    assert sealed.allowed
    home = line.evidenced.home
    kept = read_evidence(kept_bundle(home, sealed.bundle_digest))
    assert kept.digest == sealed.bundle_digest == line.tags(submitted)["assay.submit"]
    noted = Ledger.of(home).entries("decision")
    assert any(
        entry.body["version"] == submitted.version and entry.body["allowed"] for entry in noted
    )
    assert find_decision(Ledger.of(home), digest("ask"), int(time.time())) is not None


def test_no_sealed_number_is_public(line: Line, submitted: Logged) -> None:
    told = " ".join(line.tags(submitted).values())
    sealed = _sealed(line, submitted)
    bounds = [
        bar.value
        for gate in sealed.gates.values()
        for bar in gate.bars
        if gate.gate != "overfitting"  # it rests on the release, which nobody sealed
        and isinstance(bar.value, Bound)
        and bar.value.lower not in (0.0, 1.0)
    ]
    assert len(bounds) > 10
    public = public_of(
        verify(line.tags(submitted)["gate.decision"].encode(), line.evidenced.trust.role("gate"))
    )
    shown = told + repr(public)
    assert not [bound for bound in bounds if repr(bound.lower) in shown]


@pytest.mark.parametrize(
    ("kind", "change", "code"),
    [
        ("robustness", None, "missing"),
        ("training", None, "missing"),
        ("utility", b"{}", "malformed"),
        ("utility", b"\x00" * 100, "malformed"),
        ("fairness", {"started_at": 0, "finished_at": 1}, "stale"),
        ("fairness", {"finished_at": 4_000_000_000}, "future"),
        ("stress", {"measurements": {}}, "recomputed_differently|missing"),
    ],
)
def test_spoilt_evidence_leaves_a_signed_denial(
    line: Line, registered: Logged, payload: Path, kind: str, change: Any, code: str
) -> None:
    version = line.register(payload)
    before = line.aliases()
    answer = line.submit(version, line.bundle(payload, **{kind: change}))
    assert answer.status == 200, answer.text
    assert line.tags(version)["gate.allowed"] == "false"
    assert _codes(_sealed(line, version)) & set(code.split("|"))
    assert line.aliases() == before
    assert line.approve(version).status == 403


def test_evidence_of_another_payload_is_denied(line: Line, payload: Path, tmp_path: Path) -> None:
    save_small_model(tmp_path / "payload", seed=5)
    version = line.register(tmp_path / "payload")
    assert line.submit(version, line.bundle(payload)).status == 200
    assert "wrong_subject" in _codes(_sealed(line, version))


def test_a_look_that_nobody_noted_is_denied(line: Line, tmp_path: Path) -> None:
    save_small_model(tmp_path / "payload", seed=6)
    version = line.register(tmp_path / "payload")
    assert line.submit(version, line.bundle(tmp_path / "payload")).status == 200
    assert "look_missing" in _codes(_sealed(line, version))


def test_a_denied_version_may_be_submitted_again_and_an_allowed_one_not(
    line: Line, payload: Path
) -> None:
    version = line.register(payload)
    assert line.submit(version, line.bundle(payload, utility=b"{}")).status == 200
    assert line.tags(version)["gate.allowed"] == "false"
    good = line.bundle(payload)
    assert line.submit(version, good).status == 200
    assert line.tags(version)["gate.allowed"] == "true"
    again = line.submit(version, line.bundle(payload, utility=b"{}"))
    assert (again.status, again.code) == (403, "already_allowed")
    assert line.tags(version)["gate.allowed"] == "true"


def test_what_cannot_be_judged_is_refused_and_leaves_nothing(line: Line, payload: Path) -> None:
    version = line.register(payload)
    good = line.bundle(payload)
    refused = {
        "bundle_changed": (good.files(), digest_bytes(b"other")),
        "foreign_file": ({**good.files(), "x.pkl": b"\x80\x04"}, good.digest),
    }
    for code, (files, said) in refused.items():
        line.upload(version, files)
        answer = line.submit(version, good, said)
        assert (answer.status, answer.code) == (403, code), answer.text
    assert set(line.tags(version)) == {"gate.registered_by"}


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"utility.json": b"{}"}, "evidence_missing"),
        ({"spec.json": b"[]"}, "malformed"),
        ({"spec.json": b"{}", "utility.json": b"x" * (1 << 21)}, "too_large"),
        ({"spec.json": b'{"a":1,"a":2}'}, "malformed"),
    ],
)
def test_what_is_no_bundle_is_refused(
    line: Line, payload: Path, files: dict[str, bytes], code: str
) -> None:
    version = line.register(payload)
    line.upload(version, files)
    body = {"name": "credit", "version": version.version, "key": "assay.submit"}
    answer = line.site.api(
        "trainer", "POST", "model-versions/set-tag", {**body, "value": digest_bytes(b"x")}
    )
    assert (answer.status, answer.code) == (403, code), answer.text
    assert set(line.tags(version)) == {"gate.registered_by"}
    shown = f"artifacts/list?run_id={version.run_id}&path=assay"
    listed = line.site.api("auditor", "GET", shown)
    assert listed.status == 200 and "files" not in json.loads(listed.text), listed.text


def test_a_wrapper_that_carries_code_is_refused(site: Site, line: Line, payload: Path) -> None:
    code = payload.parent / "extra.py"
    code.write_text("raise SystemExit\n")
    with site.signed_in("trainer") as client:
        mlflow.set_tracking_uri(site.url)
        experiment = mlflow.set_experiment("credit")
        with mlflow.start_run() as run:
            info = mlflow.pyfunc.log_model(
                name="model",
                loader_module="assay.serving.loader",
                data_path=str(payload),
                code_paths=[str(code)],
                pip_requirements=["mlflow==3.17.2"],
            )
        made = client.create_model_version(
            "credit", info.model_uri, run.info.run_id, model_id=info.model_id
        )
    version = Logged(
        "credit", str(made.version), run.info.run_id, info.model_id, experiment.experiment_id
    )
    answer = line.submit(version, line.bundle(payload))
    assert (answer.status, answer.code) == (403, "bad_wrapper")
    assert set(line.tags(version)) == {"gate.registered_by"}


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [
        (None, 401, ""),
        ("trainer", 403, "not_reader"),
        ("admin", 403, "not_reader"),
        ("gate", 403, "not_reader"),
        ("approver", 200, ""),
        ("auditor", 200, ""),
    ],
)
def test_sealed_numbers_are_for_approver_and_auditor(
    line: Line, submitted: Logged, who: str | None, status: int, code: str
) -> None:
    answer = line.site.ask(who, "GET", f"/assay/decisions/credit/{submitted.version}")
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("mortgage/1", ""),
        ("credit/01", "bad_version"),
        ("nobody/1", "unknown_model"),
        ("credit/..%2f1", ""),
    ],
)
def test_no_other_decision_is_served(line: Line, path: str, code: str) -> None:
    answer = line.site.ask("auditor", "GET", f"/assay/decisions/{path}")
    assert answer.status in (403, 404)
    assert answer.code == code


def test_a_version_without_submission_has_no_decision(line: Line, registered: Logged) -> None:
    answer = line.site.ask("auditor", "GET", f"/assay/decisions/credit/{registered.version}")
    assert (answer.status, answer.code) == (403, "not_submitted")


def test_evidence_is_taken_in_and_no_reader_finds_its_sealed_numbers(
    line: Line, submitted: Logged
) -> None:
    path = f"/api/2.0/mlflow/artifacts/list?run_id={submitted.run_id}&path=assay/bundle"
    assert line.site.ask("auditor", "GET", path).json.get("files", []) == []


def test_a_bundle_that_was_taken_in_may_be_submitted_again(line: Line, payload: Path) -> None:
    version, bad = line.register(payload), line.bundle(payload, stress=b"{}")
    assert line.submit(version, bad).status == 200
    tag = {"name": "credit", "version": version.version, "key": "assay.submit"}
    again = line.site.api("trainer", "POST", "model-versions/set-tag", {**tag, "value": bad.digest})
    assert again.status == 200, again.text
    assert line.tags(version)["gate.allowed"] == "false"


def test_a_disk_that_does_not_answer_is_a_denial(line: Line, payload: Path) -> None:
    version = line.register(payload)
    kept = line.evidenced.home.evidence
    aside = kept.rename(kept.with_name("aside"))
    kept.touch()
    try:
        answer = line.submit(version, line.bundle(payload))
        assert (answer.status, answer.code) == (403, "disk_unavailable")
        assert set(line.tags(version)) == {"gate.registered_by"}
    finally:
        kept.unlink()
        aside.rename(kept)
