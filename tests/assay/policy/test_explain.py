"""A denial says what would change it; in public, without a word from the sealed rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assay.evidence.decision import BarResult, GateDecision, GateResult, Verdict
from assay.evidence.plain import to_plain
from assay.evidence.public import public_view
from assay.evidence.values import Bound, Exact, Measurement
from assay.policy.claims import Claim
from assay.policy.explain import Change, explain, show
from assay.policy.judge import judge_bar
from assay.policy.rules import Bar
from tests.assay.policy.submission import Site, digest

REMEDIES = {"utility": "train longer", "privacy": "ask for less"}
AUC = Bar(
    gate="utility", evidence="utility", measurement="auc", per="model", kind="bound",
    direction="at_least", bar=0.68, range=(0, 1), min_n=500,
)  # fmt: skip
EPSILON = Bar(
    gate="privacy", evidence="privacy", measurement="epsilon", per="model", kind="exact",
    direction="at_most", bar=3, range=(0, 1000), min_n=0,
)  # fmt: skip


def bound(lower: float, upper: float, n: int = 900) -> Bound:
    return Bound((lower + upper) / 2, lower, upper, 0.0025, n, "clopper-pearson")


def result(bar: Bar, sealed: Measurement, development: Measurement | None = None) -> BarResult:
    shown = {} if development is None else {bar.measurement: development}
    claim = Claim("evaluator", None, {bar.measurement: sealed}, shown)
    return judge_bar(bar, claim, 0.0025)


def decision(honest: GateDecision, bar: BarResult, gate: str = "utility") -> GateDecision:
    told = GateResult(gate, bar.verdict, bar.code, "told", "mend it", (bar,))
    return replace(honest, gates={gate: told})


@pytest.fixture(scope="module")
def passed(honest: Site) -> GateDecision:
    return honest.decide()


def only(found: GateDecision) -> Change:
    [explanation] = explain(found, REMEDIES)
    [change] = explanation.changes
    return change


def test_nothing_is_to_be_explained_of_a_pass(passed: GateDecision) -> None:
    assert explain(passed, dict.fromkeys(passed.gates, "-")) == ()


def test_says_how_many_rows_would_decide(passed: GateDecision) -> None:
    change = only(decision(passed, result(AUC, bound(0.66, 0.76))))
    assert change.verdict is Verdict.INSUFFICIENT
    assert (change.wanted, change.found) == (">= 0.68", "0.710 [0.660, 0.760]")
    assert change.distance == pytest.approx(-0.02)
    assert change.n == 900
    assert change.n_needed is not None
    assert change.n_needed > 900
    assert f"{change.n_needed:,} rows" in change.advice


def test_says_that_a_bar_is_cleared_on_too_few_rows(passed: GateDecision) -> None:
    few = bound(0.7, 0.76, n=AUC.min_n - 1)
    for shown in (decision(passed, result(AUC, few)), decision(passed, result(AUC, few, few))):
        change = only(shown)
        assert change.verdict is Verdict.INSUFFICIENT
        assert change.distance == pytest.approx(0.02)
        assert f"on too few rows to be read: bring at least {AUC.min_n:,} rows" in change.advice


def test_says_when_more_rows_would_only_settle_it_against_the_model(passed: GateDecision) -> None:
    change = only(decision(passed, result(AUC, bound(0.62, 0.70))))
    assert change.verdict is Verdict.INSUFFICIENT
    assert change.n_needed is not None
    assert "against the model" in change.advice


def test_does_not_promise_that_more_rows_help_a_failure(passed: GateDecision) -> None:
    change = only(decision(passed, result(AUC, bound(0.5, 0.6))))
    assert (change.verdict, change.n_needed) == (Verdict.FAIL, None)
    assert "more rows of the same change nothing" in change.advice


def test_explains_exact_and_absent_values(passed: GateDecision) -> None:
    exact = only(decision(passed, result(EPSILON, Exact(8, digest("x"))), "privacy"))
    assert (exact.wanted, exact.found, exact.n) == ("<= 3", "8", None)
    absent = judge_bar(AUC, None, 0.0025)
    change = only(decision(passed, absent))
    assert (change.found, change.distance) == ("nothing", None)
    assert "hand in evidence" in change.advice
    assert show(Exact("synthetic", digest("x"))) == "synthetic"


def test_is_plain_data(passed: GateDecision) -> None:
    told = to_plain(explain(decision(passed, result(AUC, bound(0.5, 0.6))), REMEDIES))
    assert told[0]["remedy"] == "train longer"
    assert told[0]["changes"][0]["verdict"] == "FAIL"


def test_the_public_explanation_rests_on_the_development_rows_alone(passed: GateDecision) -> None:
    development = bound(0.66, 0.76, n=300)
    told = [
        explain(
            public_view(decision(passed, result(AUC, sealed, development)), digest("s")), REMEDIES
        )
        for sealed in (bound(0.5, 0.6), bound(0.65, 0.7), bound(0.3, 0.31, n=12_345))
    ]
    assert told[0] == told[1] == told[2]
    [change] = told[0][0].changes
    assert (change.n, change.n_needed) == (300, None)
    assert change.verdict is Verdict.INSUFFICIENT


def test_a_sealed_remedy_says_the_rows_that_are_missing(site: Site) -> None:
    gate = site.decide(site.submission(**site.with_release(300))).gates
    assert gate["overfitting"].code in ("insufficient", "too_few_rows")
    assert gate["overfitting"].remedy.startswith(
        "mend overfitting balanced_accuracy_gap needs n = "
    )
    assert gate["overfitting"].remedy.endswith("has 150.")
