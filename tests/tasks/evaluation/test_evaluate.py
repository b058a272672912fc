"""Every evaluation states what the policy asks for, and the gate recomputes each of its numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from assay.errors import EvidenceError
from assay.evidence.artifacts import Candidate
from assay.evidence.statement import Evidence, evidence_of
from assay.home import REPOSITORY, Home
from assay.ledger import Ledger
from assay.measures import read_outcomes
from assay.models import Architecture, Encoder, Model, save_payload
from assay.models.families import build_network
from assay.policy.recompute import Outcomes, disagreements
from assay.policy.rows import read_manifest
from assay.spec import Column
from tasks import evaluation
from tasks.anonymization.anonymize import anonymize
from tests.tasks import small_line
from tests.tasks.evaluation.conftest import NOW, Lender

STAGES: dict[str, Callable[..., Evidence]] = {
    name.removeprefix("evaluate_"): getattr(evaluation, name) for name in evaluation.__all__
}
STATEMENTS = json.loads((REPOSITORY / "policies" / "data.json").read_text())["statements"]
SHOWN = {"utility", "robustness", "stress", "fairness"}


def test_there_is_one_for_every_statement_of_the_evaluator() -> None:
    asked = {kind for kind, rules in STATEMENTS.items() if rules["role"] == "evaluator"}
    assert set(STAGES) == asked


@pytest.mark.parametrize("kind", STAGES)
def test_states_what_the_policy_asks_for(lender: Lender, kind: str) -> None:
    evidence = lender.evaluate(STAGES[kind])
    assert evidence.kind == kind
    assert evidence.subject.name == "loans"
    assert evidence.subject.digest == lender.candidate.digest
    assert set(evidence.materials) == set(STATEMENTS[kind]["materials"])
    assert evidence.started_at == evidence.finished_at == NOW
    assert bool(evidence.development) == (kind in SHOWN)
    assert evidence_of(json.loads(json.dumps(evidence.to_statement()))) == evidence


@pytest.mark.parametrize("kind", STAGES)
def test_the_gate_recomputes_every_number(lender: Lender, kind: str, tmp_path: Path) -> None:
    evidence = lender.evaluate(STAGES[kind])
    outcomes = Outcomes(lender.home.sealed_outcomes, lender.rules, lender.alpha)
    split = read_outcomes(lender.home.sealed_outcomes, lender.splits.manifest)
    ledger = Ledger.create(Home(tmp_path))
    _, privacy = anonymize(lender.spec, lender.splits, lender.home, ledger, NOW, small_line.quiet)
    release = read_outcomes(lender.home.sealed_outcomes, privacy.materials["outcomes:release"])
    assert disagreements(evidence, [], outcomes, read_manifest(split, lender.rules, release)) == ()


@pytest.mark.parametrize("kind", STAGES)
def test_the_same_question_has_the_same_answer(lender: Lender, kind: str) -> None:
    assert lender.evaluate(STAGES[kind]) == lender.evaluate(STAGES[kind])


@pytest.mark.parametrize("kind", STAGES)
def test_progress_rises_to_one(lender: Lender, kind: str) -> None:
    told: list[float] = []
    STAGES[kind](**lender.given(lambda message, done: told.append(done)))
    assert told[-1] == 1.0
    assert all(0 <= before <= after for before, after in pairwise(told))


def test_no_outcome_table_holds_a_feature(lender: Lender) -> None:
    for stage in STAGES.values():
        lender.evaluate(stage)
    files = list(lender.home.sealed_outcomes.glob("*.parquet"))
    names = {name for file in files for name in pq.read_schema(file).names}
    assert not names & set(lender.spec.features())
    assert {file.stat().st_mode & 0o777 for file in lender.home.sealed_outcomes.iterdir()} == {
        0o600
    }


def test_predictions_are_made_once(lender: Lender) -> None:
    """With the payload gone, what was predicted before is still there to be measured."""
    utility = lender.evaluate(STAGES["utility"])
    for file in lender.candidate.folder.iterdir():
        file.unlink()
    fairness = lender.evaluate(STAGES["fairness"])
    assert utility.materials["outcomes:predictions"] == fairness.materials["outcomes:predictions"]
    with pytest.raises(EvidenceError):
        lender.evaluate(STAGES["stress"])


@pytest.mark.parametrize("what", ["*.parquet", "*.predictions"])
@pytest.mark.parametrize("harm", ["gone", "altered"])
def test_what_is_gone_or_altered_is_predicted_anew(lender: Lender, what: str, harm: str) -> None:
    before = lender.evaluate(STAGES["utility"])
    for file in lender.home.sealed_outcomes.glob(what):
        file.unlink() if harm == "gone" else file.write_bytes(b"\xff" + file.read_bytes()[1:])
    assert lender.evaluate(STAGES["utility"]) == before
    read_outcomes(lender.home.sealed_outcomes, before.materials["outcomes:predictions"])


def test_another_candidate_is_predicted_anew(lender: Lender) -> None:
    lender.evaluate(STAGES["utility"])
    other = replace(lender.candidate, digest="sha256:" + "0" * 64)
    with pytest.raises(EvidenceError) as refused:
        replace(lender, candidate=other).evaluate(STAGES["utility"])
    assert refused.value.code == "wrong_subject"


@pytest.mark.parametrize("kind", STAGES)
def test_refuses_a_payload_that_changed(lender: Lender, kind: str) -> None:
    (lender.candidate.folder / "model.json").write_bytes(b"{}")
    with pytest.raises(EvidenceError) as refused:
        lender.evaluate(STAGES[kind])
    assert refused.value.code == "wrong_subject"


WIDE = {"kind": "number", "integer": True, "edges": (0, 10, 100, 1000, 1e6)}
OTHER_COLUMNS: list[dict[str, Any]] = [
    {"SEX": {"kind": "category", "values": (0, 1)}},
    {"bill": WIDE},
    {"late": {"kind": "number", "edges": (-1, 3)}},
]


@pytest.mark.parametrize("kind", STAGES)
@pytest.mark.parametrize("changes", OTHER_COLUMNS)
def test_refuses_a_payload_that_sees_other_features_than_declared(
    lender: Lender, tmp_path: Path, kind: str, changes: dict[str, Any]
) -> None:
    """It would see whom it must not, or make an attacker's steps dear by edges of its own."""
    others = {name: Column.model_validate(column) for name, column in changes.items()}
    encoder = Encoder({**lender.spec.data.columns, **others})
    architecture = Architecture((8,), 0.0)
    network = build_network("mlp", encoder.width, architecture)
    folder = tmp_path / "other"
    digest = save_payload(folder, Model("mlp", architecture, encoder, network))
    candidate = Candidate("mlp", folder, digest, {})
    with pytest.raises(EvidenceError) as refused:
        replace(lender, candidate=candidate).evaluate(STAGES[kind])
    assert refused.value.code == "other_features"


@pytest.mark.parametrize("kind", STAGES)
def test_refuses_rows_that_changed(lender: Lender, kind: str) -> None:
    for part in ("train", "development", "holdout"):
        path = getattr(lender.splits, part).path
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(EvidenceError) as refused:
        lender.evaluate(STAGES[kind])
    assert refused.value.code == "malformed"


@pytest.mark.parametrize("kind", ["utility", "stress", "robustness"])
def test_refuses_a_holdout_of_one_class(other_rows: Any, kind: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        other_rows(default=0).evaluate(STAGES[kind])
    assert refused.value.code in ("one_class", "no_rows")


def test_refuses_an_absent_group(other_rows: Any) -> None:
    with pytest.raises(EvidenceError) as refused:
        other_rows(**{"group:SEX": "1"}).evaluate(STAGES["fairness"])
    assert refused.value.code == "group_absent"
