"""What a line may spend: one release of the same people, and H looks at one holdout."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest

from assay.errors import Refused
from assay.evidence.decisions import decision_of
from assay.evidence.digest import digest_bytes
from assay.evidence.dsse import verify
from assay.evidence.kept import keep_bundle, read_decision
from assay.evidence.trust import Trust
from assay.ledger import find_decision, looks_spent, record_look, request_digest
from assay.registry.gate import Gate
from assay.registry.ruling import rule
from assay.spec import PipelineSpec
from benchmarks.plain_line import Run, judge, measure
from tasks.anonymization.anonymize import anonymize
from tests.line.conftest import Site

DAY = 86_400


def quiet(message: str, fraction: float) -> None:
    """Progress that nobody looks at."""


def with_privacy(spec: PipelineSpec, **changes: Any) -> PipelineSpec:
    return spec.model_copy(update={"privacy": spec.privacy.model_copy(update=changes)})


@pytest.mark.parametrize(
    "changes", [{"epsilon": 2.0}, {"delta": 1e-7}, {"rows": 12_345}], ids=lambda change: min(change)
)
def test_a_second_release_of_the_same_people_is_refused(
    site: Site, credit: Run, changes: Mapping[str, Any]
) -> None:
    spec, head = credit.measured.spec, site.ledger.head()
    with pytest.raises(Refused) as caught:
        measure(with_privacy(spec, **changes), site.home)
    assert caught.value.code == "epsilon_spent"
    assert site.ledger.head() == head


def test_the_same_declaration_is_handed_its_release_and_charged_once(
    site: Site, credit: Run
) -> None:
    head, measured = site.ledger.head(), credit.measured
    release, evidence = anonymize(
        measured.spec, measured.splits, site.home, site.ledger, int(time.time()), quiet
    )
    assert release == measured.release
    assert evidence.config == measured.evidence["privacy"].config
    assert site.ledger.head() == head
    assert len(site.ledger.entries("release_reserved")) == 1


def test_the_look_is_in_the_ledger_before_the_holdout_is_opened(
    small: Site, quick: PipelineSpec
) -> None:
    def lose_the_holdout(stage: str, message: str, fraction: float) -> None:
        """As soon as it is sealed, nobody can read it."""
        if (stage, message) == ("validation", "done"):
            table = sealed_holdout(small)
            table.rename(table.with_suffix(".away"))

    measured = measure(quick, small.home, lose_the_holdout)
    # Release and training never missed it; the look counts, though nothing came of it.
    assert {refusal.code for refusal in measured.refused.values()} == {"outcomes_missing"}
    assert set(measured.refused) == {"utility", "robustness", "stress", "fairness", "membership"}
    assert looks_spent(small.ledger, measured.splits.holdout.digest) == 1
    decision = judge(measured.submission(small.home), small.home, small.opa)
    assert not decision.allowed
    assert decision.gates["utility"].code == "missing"


def sealed_holdout(site: Site) -> Any:
    """The largest sealed table but for the train split: shares are .5, .1 and .4."""
    return sorted(site.home.sealed_data.glob("*.parquet"), key=lambda f: f.stat().st_size)[-2]


def test_the_look_after_the_last_is_refused_and_opens_nothing(
    small: Site, quick: PipelineSpec
) -> None:
    first = measure(quick, small.home)
    holdout, allowed = first.splits.holdout.digest, 20
    for _ in range(allowed - 1):
        record_look(
            small.ledger, holdout, first.request, first.candidate.digest, int(time.time()), allowed
        )
    outcomes = sorted(small.home.sealed_outcomes.iterdir())
    heard: list[str] = []
    with pytest.raises(Refused) as caught:
        measure(quick, small.home, lambda stage, _message, _fraction: heard.append(stage))
    assert caught.value.code == "looks_spent"
    assert set(heard) == {"validation", "anonymization", "training"}
    assert looks_spent(small.ledger, holdout) == allowed
    assert sorted(small.home.sealed_outcomes.iterdir()) == outcomes
    # The twentieth look still carries its decision; one beyond would not.
    decision = judge(first.submission(small.home), small.home, small.opa)
    assert not any(denial.startswith("looks_spent") for denial in decision.denials)


def test_the_same_question_finds_its_answer_and_spends_no_look(
    small: Site, quick: PipelineSpec
) -> None:
    measured = measure(quick, small.home)
    handed_in = measured.submission(small.home)
    keep_bundle(small.home, handed_in.bundle)
    ruling = rule(Gate(small.home), judge(handed_in, small.home, small.opa))
    now, looks = int(time.time()), looks_spent(small.ledger, measured.splits.holdout.digest)

    asked = {
        "spec": quick.digest(),
        "code": measured.candidate.materials["code"],
        "data": measured.evidence["validation"].subject.digest,
        "policy": ruling.decision.policy_digest,
    }
    assert request_digest(**asked) == measured.request
    found = find_decision(small.ledger, measured.request, now)
    assert found is not None
    envelope = read_decision(small.home, found.body["bundle"], found.body["decision"])
    trust = Trust.load(small.home.trust)
    assert decision_of(verify(envelope, trust.role("gate"))) == ruling.decision
    assert looks_spent(small.ledger, measured.splits.holdout.digest) == looks

    for key in asked:
        other = request_digest(**{**asked, key: digest_bytes(b"another")})
        assert find_decision(small.ledger, other, now) is None
    assert find_decision(small.ledger, measured.request, now + 31 * DAY) is None
