"""Core and genuine OPA judge alike, each from the policy's table, and neither is asked to trust."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.evidence.decision import Verdict
from assay.evidence.statement import ROLE_OF, Evidence
from assay.home import REPOSITORY
from assay.policy.bundle import build_policy
from assay.policy.client import ask
from assay.policy.opa import OpaServer
from assay.policy.rules import Policy, load_policy
from tests.assay.policy.submission import NOW, Recorded, Site, digest

DAY = 24 * 3600


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policy")
    build_policy(REPOSITORY / "policies", folder)
    return folder


@pytest.fixture(scope="module")
def policy(built: Path) -> Policy:
    return load_policy(built)


@pytest.fixture(scope="module")
def opa(built: Path) -> Iterator[OpaServer]:
    with OpaServer(built) as server:
        yield server


class Overheard:
    """Asks genuine OPA, and remembers which gates it denied."""

    def __init__(self, opa: OpaServer) -> None:
        self.opa = opa
        self.gates: set[str] = set()

    def __call__(self, question: dict[str, Any]) -> dict[str, Any]:
        found = ask(
            self.opa.socket,
            self.opa.token,
            question,
            policy_digest=self.opa.policy_digest,
            deadline=30,
        )
        self.gates = {violation["gate"] for violation in found["violations"]}
        return found


@pytest.fixture
def judged(site: Site, policy: Policy, opa: OpaServer) -> Site:
    site.policy = policy
    site.ask = Overheard(opa)
    return site


def both(site: Site, **changed: Any) -> tuple[set[str], set[str]]:
    """Gates that the core denies, and gates that OPA denies."""
    decision = site.decide(site.submission(**changed))
    core = {
        name
        for name, gate in decision.gates.items()
        if gate.verdict is not Verdict.PASS and gate.code != "opa_denied"
    }
    assert isinstance(site.ask, Overheard)
    return core, site.ask.gates - {"promotion"}


def test_genuine_opa_allows_an_honest_submission(judged: Site) -> None:
    decision = judged.decide()
    assert decision.allowed, (decision.denials, decision.gates)
    assert all(judged.policy.remedies[gate] for gate in decision.gates)


@pytest.mark.parametrize("kind", ROLE_OF)
def test_both_deny_evidence_that_is_not_there(kind: str, judged: Site) -> None:
    core, opa = both(judged, **{kind: None})
    assert core == opa
    stale = replace(judged.evidence[kind], started_at=NOW - 9 * DAY, finished_at=NOW - 8 * DAY)
    core, opa = both(judged, **{kind: stale})
    assert core == opa


def spoilt(site: Site) -> dict[str, dict[str, Evidence]]:
    """Content that is wrong, and is no lie: what the core sees, it tells OPA."""
    few = site.evidence["training"].config["features"]
    return {
        "steps": {"robustness": site.with_config("robustness", steps=2)},
        "attacks": {"robustness": site.with_config("robustness", attacks=["constrained_pgd"])},
        "mutable": {
            "robustness": site.with_config(
                "robustness", mutable={"PAY_0": {"moves": "any", "values": [0, 1]}}
            )
        },
        "sensitive": {"validation": site.with_config("validation", sensitive=["SEX"])},
        "mostly": {"validation": site.with_config("validation", mostly_floor=0.5)},
        "groups": {"fairness": site.with_config("fairness", groups=["SEX"])},
        "products": {"fairness": site.with_config("fairness", products=[])},
        "fpr": {"membership": site.with_config("membership", fpr=0.1)},
        "feature": {"training": site.with_config("training", features=[*few, "SEX"])},
        "neighbours": {"privacy": site.with_config("privacy", neighbours="replace_one")},
        "unit": {"privacy": site.with_config("privacy", unit="row")},
        "few rows": site.with_release(300),
    }


def test_opa_denies_whatever_the_core_denies_of_content(judged: Site) -> None:
    for name, changed in spoilt(judged).items():
        core, opa = both(judged, **changed)
        assert core, name
        assert core - opa <= {"provenance"}, name  # the chain is counted by the core alone
        assert opa - core == set(), name


def test_both_deny_looks(judged: Site) -> None:
    for looks in ([], [(digest("holdout"), digest("x"))] * 21):
        judged.looks = Recorded(looks)
        decision = judged.decide()
        codes = {denial.partition(":")[0] for denial in decision.denials}
        assert codes <= {"look_missing", "looks_spent"}
        assert not decision.allowed


def test_denies_when_opa_answers_for_another_policy(judged: Site, opa: OpaServer) -> None:
    def stray(question: dict[str, Any]) -> dict[str, Any]:
        return ask(opa.socket, opa.token, question, policy_digest=digest("another"))

    decision = judged.decide(ask=stray)
    assert [denial.partition(":")[0] for denial in decision.denials] == ["opa_unavailable"]


def test_denies_when_opa_is_gone(judged: Site, built: Path) -> None:
    with OpaServer(built) as short:
        pass
    judged.ask = Overheard(short)
    decision = judged.decide()
    assert [denial.partition(":")[0] for denial in decision.denials] == ["opa_unavailable"]
    assert decision.gates["utility"].verdict is Verdict.PASS
