"""A number becomes a verdict in one place, and only by the end that is hardest to pass with."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.evidence.decision import Verdict
from assay.evidence.statement import Evidence, Subject
from assay.evidence.values import Bound, Exact, Measurement
from assay.policy.claims import Claim, Denial
from assay.policy.judge import compare, judge, judge_bar
from assay.policy.rules import Bar

DIGEST = "sha256:" + "d" * 64
ALPHA = 0.0025
AT_LEAST = Bar(
    gate="utility", evidence="utility", measurement="auc", per="model", kind="bound",
    direction="at_least", bar=0.68, range=(0, 1), min_n=500,
)  # fmt: skip
AT_MOST = AT_LEAST.model_copy(update={"direction": "at_most", "measurement": "gap"})
EXACT = Bar(
    gate="privacy", evidence="privacy", measurement="epsilon", per="model", kind="exact",
    direction="at_most", bar=3, range=(0, 1000), min_n=0,
)  # fmt: skip
WORDS = EXACT.model_copy(
    update={"measurement": "mechanism", "direction": "one_of", "bar": ("synthetic",)}
)


def bound(lower: float, upper: float, n: int = 1000, alpha: float = ALPHA) -> Bound:
    return Bound((lower + upper) / 2, lower, upper, alpha, n, "clopper-pearson")


def exact(value: Any) -> Exact:
    made = Exact(0, DIGEST)
    object.__setattr__(made, "value", value)  # what a careless reader would let through
    return made


def claim(kind: str = "utility", *denials: Denial, **measured: Measurement) -> Claim:
    evidence = Evidence(kind, Subject("credit", DIGEST), measured, {}, {}, 1, 2)
    return Claim("evaluator", evidence, measured, measured, denials)


CASES: list[tuple[Bar, Measurement | None, str, str]] = [
    (AT_LEAST, bound(0.68, 0.9), "PASS", "ok"),
    (AT_LEAST, bound(0.6799, 0.9), "INSUFFICIENT", "insufficient"),
    (AT_LEAST, bound(0.5, 0.68), "INSUFFICIENT", "insufficient"),
    (AT_LEAST, bound(0.5, 0.6799), "FAIL", "below_bar"),
    (AT_LEAST, bound(0.7, 0.9, n=499), "INSUFFICIENT", "too_few_rows"),
    (AT_LEAST, bound(0.5, 0.6, n=10), "FAIL", "below_bar"),
    (AT_LEAST, bound(0.7, 0.9, alpha=0.05), "FAIL", "weak_alpha"),
    (AT_LEAST, bound(0.7, 1.1), "FAIL", "out_of_range"),
    (AT_LEAST, bound(-5, 0.9), "FAIL", "out_of_range"),
    (AT_LEAST, bound(1e9, 1e9), "FAIL", "out_of_range"),
    (AT_LEAST, Exact(0.9, DIGEST), "FAIL", "malformed"),
    (AT_LEAST, None, "NOT_RUN", "missing"),
    (AT_MOST, bound(0.1, 0.68), "PASS", "ok"),
    (AT_MOST, bound(0.68, 0.7), "INSUFFICIENT", "insufficient"),
    (AT_MOST, bound(0.6801, 0.7), "FAIL", "above_bar"),
    (AT_MOST, bound(0.1, 0.2, n=499), "INSUFFICIENT", "too_few_rows"),
    (EXACT, Exact(3, DIGEST), "PASS", "ok"),
    (EXACT, Exact(3.0000001, DIGEST), "FAIL", "above_bar"),
    (EXACT, Exact(-1, DIGEST), "FAIL", "out_of_range"),
    (EXACT, Exact(1e9, DIGEST), "FAIL", "out_of_range"),
    (EXACT, Exact("2", DIGEST), "FAIL", "not_a_number"),
    (EXACT, exact(math.nan), "FAIL", "not_a_number"),
    (EXACT, exact(True), "FAIL", "not_a_number"),
    (EXACT, bound(0.1, 0.2), "FAIL", "malformed"),
    (EXACT, None, "NOT_RUN", "missing"),
    (WORDS, Exact("synthetic", DIGEST), "PASS", "ok"),
    (WORDS, Exact("none", DIGEST), "FAIL", "not_allowed_value"),
    (WORDS, Exact(1, DIGEST), "FAIL", "not_allowed_value"),
    (WORDS, None, "NOT_RUN", "missing"),
]


@pytest.mark.parametrize(("bar", "value", "verdict", "code"), CASES)
def test_gives_a_verdict_with_its_code(
    bar: Bar, value: Measurement | None, verdict: str, code: str
) -> None:
    assert compare(bar, value, ALPHA)[:2] == (Verdict(verdict), code)


@pytest.mark.parametrize(
    ("bar", "value", "distance"),
    [
        (AT_LEAST, bound(0.70, 0.9), 0.02),
        (AT_LEAST, bound(0.60, 0.9), -0.08),
        (AT_MOST, bound(0.1, 0.60), 0.08),
        (AT_MOST, bound(0.1, 0.70), -0.02),
        (EXACT, Exact(2.5, DIGEST), 0.5),
    ],
)
def test_measures_the_distance_of_the_deciding_end(
    bar: Bar, value: Measurement, distance: float
) -> None:
    assert compare(bar, value, ALPHA)[2] == pytest.approx(distance)


bars = st.sampled_from([AT_LEAST, AT_MOST])
unit = st.floats(0, 1)
rows = st.integers(1, 2000)


@given(bars, unit, unit, rows, unit, st.integers(0, 2000), st.floats(0, 0.4))
def test_worse_evidence_never_turns_a_denial_into_a_pass(
    bar: Bar, one: float, other: float, n: int, worse: float, fewer: int, weaker: float
) -> None:
    before = bound(min(one, other), max(one, other), n)
    sign = -worse if bar.direction == "at_least" else worse
    after = bound(before.lower + sign, before.upper + sign, max(1, n - fewer), ALPHA + weaker)
    if compare(bar, before, ALPHA)[0] is not Verdict.PASS:
        assert compare(bar, after, ALPHA)[0] is not Verdict.PASS


@given(bars, unit, unit, unit, unit)
def test_a_wider_bound_is_never_decided_otherwise(
    bar: Bar, one: float, other: float, down: float, up: float
) -> None:
    narrow = bound(min(one, other), max(one, other))
    wide = bound(max(0, narrow.lower - down), min(1, narrow.upper + up))
    allowed = {compare(bar, narrow, ALPHA)[0], Verdict.INSUFFICIENT}
    assert compare(bar, wide, ALPHA)[0] in allowed


def gate(*denials: Denial, **measured: Measurement) -> Any:
    claims = {"utility": claim("utility", *denials, **measured)}
    return judge([AT_LEAST, AT_MOST], claims, ALPHA, {"utility": "train longer"})["utility"]


GOOD = {"auc": bound(0.7, 0.8), "gap": bound(0.1, 0.2)}


BY_VERDICT = {
    "PASS": bound(0.7, 0.8),
    "INSUFFICIENT": bound(0.6, 0.8),
    "NOT_RUN": None,
    "FAIL": bound(0.5, 0.6),
}


@pytest.mark.parametrize("one", range(4))
@pytest.mark.parametrize("other", range(4))
def test_the_worst_bar_decides_the_gate(one: int, other: int) -> None:
    severity, values = ["PASS", "INSUFFICIENT", "NOT_RUN", "FAIL"], list(BY_VERDICT.values())
    two = AT_LEAST.model_copy(update={"measurement": "balanced_accuracy"})
    named = {"auc": values[one], "balanced_accuracy": values[other]}
    measured = {name: value for name, value in named.items() if value is not None}
    result = judge([AT_LEAST, two], {"utility": claim(**measured)}, ALPHA, {"utility": "-"})
    assert result["utility"].verdict == severity[max(one, other)]


def test_evidence_without_a_bar_counts_against_the_chain() -> None:
    chain = EXACT.model_copy(update={"gate": "provenance", "evidence": "chain"})
    whole = claim("privacy", epsilon=Exact(0, DIGEST))
    training = claim("training", Denial("bad_signature", "expected a signature"))
    claims = {"chain": whole, "training": training, "utility": claim(**GOOD)}
    found = judge([AT_LEAST, chain], claims, ALPHA, {"utility": "-", "provenance": "-"})
    assert found["utility"].verdict is Verdict.PASS
    assert (found["provenance"].verdict, found["provenance"].code) == ("FAIL", "bad_signature")


def test_a_gate_passes_when_every_bar_does() -> None:
    result = gate(**GOOD)
    assert (result.verdict, result.code, result.remedy) == (Verdict.PASS, "ok", "")
    assert result.reason == "2 of 2 bars pass"


@pytest.mark.parametrize(
    ("denial", "verdict"),
    [
        (Denial("floor_undercut", "expected steps at least 30, found 2"), Verdict.FAIL),
        (Denial("stale", "expected evidence of this week"), Verdict.NOT_RUN),
        (Denial("missing", "expected utility evidence, found none"), Verdict.NOT_RUN),
    ],
)
def test_a_denial_stands_although_every_number_is_good(denial: Denial, verdict: Verdict) -> None:
    result = gate(denial, **GOOD)
    assert (result.verdict, result.code, result.remedy) == (verdict, denial.code, "train longer")
    assert denial.reason in result.reason


def test_a_void_claim_gives_its_own_code_to_every_bar() -> None:
    void = Claim("evaluator", None, denials=(Denial("bad_signature", "expected a signature"),))
    result = judge([AT_LEAST], {"utility": void}, ALPHA, {"utility": "sign it"})["utility"]
    assert result.bars[0].code == result.code == "bad_signature"
    assert result.bars[0].value is None


def test_evidence_that_is_absent_altogether_is_not_run() -> None:
    result = judge([AT_LEAST], {}, ALPHA, {"utility": "measure it"})["utility"]
    assert (result.verdict, result.code) == (Verdict.NOT_RUN, "missing")


def test_no_bars_give_no_gates() -> None:
    assert judge([], {"utility": claim(**GOOD)}, ALPHA, {}) == {}


def test_the_sentence_holds_no_number_from_the_sealed_rows() -> None:
    result = gate(auc=bound(0.512345, 0.523456), gap=GOOD["gap"])
    assert result.code == "below_bar"
    assert result.reason == "expected auc at least 0.68, found it below"


def test_the_sentence_shows_what_is_no_secret() -> None:
    found = judge([EXACT], {"privacy": claim("privacy", epsilon=Exact(8, DIGEST))}, ALPHA,
                  {"privacy": "ask for less"})["privacy"]  # fmt: skip
    assert found.reason == "expected epsilon at most 3, found 8"


def test_the_public_verdict_rests_on_the_development_rows() -> None:
    sealed = replace(claim(**GOOD), development={"auc": bound(0.1, 0.2)})
    result = judge_bar(AT_LEAST, sealed, ALPHA)
    assert (result.verdict, result.development_verdict) == (Verdict.PASS, Verdict.FAIL)
    assert result.development_distance == pytest.approx(-0.58)
    hidden = judge_bar(AT_LEAST, replace(sealed, development={}), ALPHA)
    assert hidden.development is None
    assert hidden.development_verdict is Verdict.NOT_RUN


def test_what_no_holdout_was_asked_for_is_public() -> None:
    result = judge_bar(EXACT, claim("privacy", epsilon=Exact(2, DIGEST)), ALPHA)
    assert result.development == result.value
    assert result.development_verdict is Verdict.PASS
