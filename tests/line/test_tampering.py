"""A line that is allowed is denied, by its own word, once anything of it is touched."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from assay.evidence.attest import attest
from assay.evidence.bundle import Bundle
from assay.evidence.decision import Verdict
from assay.evidence.digest import digest_folder
from assay.evidence.statement import Subject
from assay.evidence.values import Bound
from assay.policy.opa import OpaServer
from assay.policy.verify import Submission
from assay.registry.ruling import reasons
from benchmarks.plain_line import Run, judge
from tests.line.conftest import Site


@pytest.fixture(scope="module")
def honest(site: Site, credit: Run) -> Submission:
    submission = credit.measured.submission(site.home)
    assert judge(submission, site.home, site.opa).allowed
    return submission


def with_envelopes(submission: Submission, envelopes: Mapping[str, bytes]) -> Submission:
    bundle = Bundle(envelopes, submission.bundle.spec)
    return replace(submission, bundle=bundle, bundle_digest=bundle.digest)


def denied(site: Site, submission: Submission) -> tuple[str, ...]:
    decision = judge(submission, site.home, site.opa)
    assert not decision.allowed
    return reasons(decision)


def test_without_one_file_of_evidence(site: Site, honest: Submission) -> None:
    left = {kind: e for kind, e in honest.bundle.envelopes.items() if kind != "robustness"}
    found = denied(site, with_envelopes(honest, left))
    assert found == ("robustness missing", "provenance missing")


def test_with_one_byte_of_the_payload_flipped(
    site: Site, credit: Run, honest: Submission, tmp_path: Path
) -> None:
    payload = tmp_path / "payload"
    shutil.copytree(credit.candidate.folder, payload)
    weights = next(payload.glob("*.safetensors"))
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(raw)
    subject = Subject(credit.decision.model, digest_folder(payload))
    found = denied(site, replace(honest, subject=subject))
    assert {"utility wrong_subject", "robustness wrong_subject", "look_missing"} <= set(found)


def test_with_evidence_of_another_candidate(site: Site, careless: Run, honest: Submission) -> None:
    other = attest(careless.measured.evidence["utility"], site.home)
    found = denied(site, with_envelopes(honest, {**honest.bundle.envelopes, "utility": other}))
    assert "utility wrong_subject" in found


def test_with_a_better_number_signed_by_its_own_role(
    site: Site, credit: Run, honest: Submission
) -> None:
    stated = credit.measured.evidence["utility"]
    auc = stated.measurements["auc"]
    assert isinstance(auc, Bound)
    better = replace(auc, lower=auc.lower + 0.001)
    lie = replace(stated, measurements={**stated.measurements, "auc": better})
    envelopes = {**honest.bundle.envelopes, "utility": attest(lie, site.home)}
    assert "utility recomputed_differently" in denied(site, with_envelopes(honest, envelopes))


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (Path.unlink, "outcomes_missing"),
        (lambda file: file.write_bytes(file.read_bytes()[:-1]), "malformed"),
    ],
    ids=["gone", "cut short"],
)
def test_without_the_rows_that_a_number_was_counted_from(
    harm: Callable[[Path], object], code: str, site: Site, credit: Run, honest: Submission
) -> None:
    digest = credit.measured.evidence["stress"].materials["outcomes:stress"]
    file = site.home.sealed_outcomes / f"{digest[7:]}.parquet"
    kept = file.read_bytes()
    try:
        harm(file)
        assert f"stress {code}" in denied(site, honest)
    finally:
        file.write_bytes(kept)
    assert judge(honest, site.home, site.opa).allowed


def test_without_opa(site: Site, honest: Submission) -> None:
    with OpaServer(site.home.policy) as stopped:
        pass
    decision = judge(honest, site.home, stopped)
    assert not decision.allowed
    assert reasons(decision) == ("opa_unavailable",)
    assert all(result.verdict is Verdict.PASS for result in decision.gates.values())


def test_under_another_trust(site: Site, honest: Submission, small: Site) -> None:
    """Another home's roles signed nothing of this; its policy does not matter then."""
    shutil.rmtree(small.home.policy)
    shutil.copytree(site.home.policy, small.home.policy)
    decision = judge(honest, small.home, site.opa)
    assert not any(result.verdict is Verdict.PASS for result in decision.gates.values())
    assert "utility wrong_role" in reasons(decision)
