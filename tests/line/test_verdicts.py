"""The shipped pipelines end as the house promises: one promotable, two that are refused."""

from __future__ import annotations

from assay.evidence.decision import Verdict
from benchmarks.plain_line import EVALUATIONS, Run

GATES = {
    *("data_quality", "privacy", "utility", "overfitting", "robustness", "stress", "fairness"),
    *("membership", "provenance"),
}


def verdicts(run: Run) -> dict[str, str]:
    return {gate: result.verdict.value for gate, result in run.decision.gates.items()}


def short(run: Run) -> list[str]:
    """Each bar that does not pass, with what was measured: what a failed test shows."""
    return [
        f"{bar.measurement} {bar.verdict}: {bar.value}, {bar.direction} {bar.bar}"
        for result in run.decision.gates.values()
        for bar in result.bars
        if bar.verdict is not Verdict.PASS
    ]


def test_credit_is_promotable(credit: Run) -> None:
    assert short(credit) == []
    assert verdicts(credit) == dict.fromkeys(GATES, "PASS")
    assert credit.decision.denials == ()
    assert credit.decision.allowed


def test_every_stage_of_credit_speaks_and_is_timed(credit: Run) -> None:
    assert set(credit.seconds) == {
        *("validation", "anonymization", "training", "decision"),
        *EVALUATIONS,
    }
    assert credit.measured.refused == {}
    assert set(credit.decision.attestations) == set(credit.measured.evidence)
    assert credit.candidate.digest == credit.decision.subject.digest


def test_careless_is_blocked_for_what_it_did_not_do(careless: Run) -> None:
    found = verdicts(careless)
    assert not careless.decision.allowed
    assert set(found) == GATES
    assert (found["privacy"], found["overfitting"]) == ("FAIL", "FAIL"), short(careless)
    assert found["membership"] != "PASS", short(careless)
    assert found["robustness"] != "PASS", short(careless)
    assert found["data_quality"] == found["provenance"] == "PASS"


def test_mortgage_is_blocked_by_fairness(mortgage: Run) -> None:
    fairness = mortgage.decision.gates["fairness"]
    assert not mortgage.decision.allowed
    assert set(verdicts(mortgage)) == GATES
    assert fairness.verdict in (Verdict.FAIL, Verdict.INSUFFICIENT)
    open_bars = [bar for bar in fairness.bars if bar.verdict is not Verdict.PASS]
    assert open_bars
    for bar in open_bars:
        assert bar.code in ("below_bar", "above_bar", "too_few_rows") or bar.n_needed is not None
