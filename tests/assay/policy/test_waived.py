"""A waiver excuses a number that falls short, where core and OPA both let it; nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay.errors import InputError
from assay.evidence.decision import GateDecision, Verdict, Waiver
from assay.evidence.decisions import decision_of, public_of, sign_decision, sign_public, sign_waiver
from assay.evidence.dsse import countersign, verify
from assay.evidence.keys import public_text
from assay.policy.decide import decide
from assay.policy.rules import Policy, Tier, parse_rules
from tests.assay.policy.submission import CANDIDATE, MODEL, NOW, Site, answer, digest, the_policy

Json = dict[str, Any]
SIGNERS = [Ed25519PrivateKey.from_private_bytes(letter * 32) for letter in (b"a", b"b")]
WAIVED = Waiver(CANDIDATE, "utility", "the old model is worse", NOW - 10, NOW + 100)
SHORT = {"gate": "utility", "code": "below_bar", "measurement": "auc"}


def raised(**more: Any) -> Policy:
    """A policy under which the honest site's utility falls short, and may be waived."""
    policy = the_policy()
    tier = policy.tier(MODEL)
    bars = tuple(
        bar.model_copy(update={"bar": 0.9999}) if bar.measurement == "auc" else bar
        for bar in tier.bars
    )
    changed = tier.model_copy(update={"bars": bars, "waivable": {"utility": 110}, **more})
    name = policy.model(MODEL).tier
    rules = policy.rules.model_copy(update={"tiers": {name: changed}})
    return replace(policy, rules=rules)


def envelope(**changed: Any) -> bytes:
    first, second = SIGNERS
    return countersign(sign_waiver(replace(WAIVED, **changed), first), second)


def excused(policy: Policy, question: Json) -> Json:
    """What OPA answers where it lets every waiver count that it is told of."""
    told = answer(policy, question, violations=[SHORT])
    return told | ({"allow": True, "waived": ["utility"]} if question["waivers"] else {})


def decided(
    site: Site,
    *envelopes: bytes,
    policy: Policy | None = None,
    ask: Callable[[Policy, Json], Any] = excused,
    **changed: Any,
) -> GateDecision:
    rules = policy or raised()
    return decide(
        site.submission(**changed),
        policy=rules,
        trust=site.trust.with_public("waiver", [public_text(key) for key in SIGNERS]),
        outcomes=site.home.sealed_outcomes,
        looks=site.looks,
        ask=lambda question: ask(rules, question),
        now=NOW,
        waivers=envelopes,
    )


def denying(decision: GateDecision) -> set[str]:
    assert not decision.allowed
    return {result.gate for result in decision.denying()}


def test_without_a_waiver_it_is_denied(site: Site) -> None:
    assert denying(decided(site)) == {"utility"}


def test_a_waiver_excuses_and_hides_nothing(site: Site) -> None:
    decision = decided(site, envelope())
    assert decision.allowed
    utility = decision.gates["utility"]
    assert (utility.verdict, utility.code) == (Verdict.FAIL, "below_bar")
    assert decision.waivers == {"utility": envelope().decode()}
    # Until the waiver ends, and no longer.
    assert decision.expires_at == WAIVED.expires_at
    signed = sign_decision(decision, site.key("gate"))
    role = site.trust.role("gate")
    assert decision_of(verify(signed, role)) == decision
    public = public_of(verify(sign_public(decision, signed, site.key("gate")), role))
    assert (public.allowed, public.waivers) == (True, decision.waivers)


def test_whether_a_waiver_is_needed_is_not_told_by_it(site: Site) -> None:
    needless = raised(bars=the_policy().tier(MODEL).bars)
    decision = decided(site, envelope(), policy=needless, ask=answer)
    assert decision.gates["utility"].verdict is Verdict.PASS
    needed = decided(site, envelope())
    assert (decision.waivers, decision.expires_at) == (needed.waivers, needed.expires_at)


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": replace(CANDIDATE, digest=digest("another"))},
        {"subject": replace(CANDIDATE, name="mortgage")},
        {"gate": "stress"},
        {"gate": "utilty"},
        {"gate": "provenance"},
        {"expires_at": NOW},
        {"issued_at": NOW - 11},
        {"issued_at": NOW + 61, "expires_at": NOW + 71},
    ],
    ids=repr,
)
def test_no_other_waiver_excuses(site: Site, changed: Json) -> None:
    decision = decided(site, envelope(**changed))
    assert denying(decision) == {"utility"}
    assert decision.waivers == {}


def test_a_waiver_that_one_person_signed_excuses_nothing(site: Site) -> None:
    assert denying(decided(site, sign_waiver(WAIVED, SIGNERS[0]))) == {"utility"}


@pytest.mark.parametrize("waivable", [{}, {"stress": 110}, {"utility": 109}])
def test_the_table_says_what_may_be_waived(site: Site, waivable: dict[str, int]) -> None:
    policy = raised(waivable=waivable)
    assert denying(decided(site, envelope(), policy=policy)) == {"utility"}


def test_evidence_that_is_not_there_is_not_excused(site: Site) -> None:
    assert denying(decided(site, envelope(), utility=None)) >= {"utility"}


def test_evidence_that_lies_is_not_excused(site: Site) -> None:
    lie = replace(site.evidence["utility"], measurements=site.evidence["stress"].measurements)
    assert denying(decided(site, envelope(), utility=lie)) >= {"utility"}


def test_evidence_that_asked_too_little_is_not_excused(site: Site) -> None:
    policy = raised(waivable={"robustness": 110})
    weak = site.with_config("robustness", restarts=0)
    decision = decided(site, envelope(gate="robustness"), policy=policy, robustness=weak)
    assert not decision.gates["robustness"].excusable
    assert "robustness" in denying(decision)


def _waives(*gates: str) -> Callable[[Policy, Json], Json]:
    return lambda policy, question: excused(policy, question) | {"waived": list(gates)}


def _denies(policy: Policy, question: Json) -> Json:
    return answer(policy, question, violations=[SHORT])


def _only_denies(policy: Policy, question: Json) -> Json:
    return excused(policy, question) | {"allow": False}


def _names_nothing(policy: Policy, question: Json) -> Json:
    return excused(policy, question) | {"violations": []}


def _also_another(policy: Policy, question: Json) -> Json:
    more = {"gate": "stress", "code": "below_bar", "measurement": "worst_drop"}
    told = excused(policy, question)
    return told | {"violations": [SHORT, more]}


@pytest.mark.parametrize(
    "ask",
    [_waives(), _waives("utility", "stress"), _denies, _only_denies, _names_nothing, _also_another],
)
def test_what_opa_does_not_waive_is_denied(site: Site, ask: Callable[[Policy, Json], Json]) -> None:
    assert not decided(site, envelope(), ask=ask).allowed


def test_opa_is_told_of_waivers_that_count_and_of_no_other(site: Site) -> None:
    asked = []

    def ask(policy: Policy, question: Json) -> Json:
        asked.append(question["waivers"])
        return excused(policy, question)

    decided(site, envelope(gate="stress"), envelope(), ask=ask)
    times = {"issued_at": NOW - 10, "expires_at": NOW + 100}
    assert asked == [{"utility": {"subject": CANDIDATE.digest, **times}}]


@pytest.mark.parametrize(
    "waivable",
    [{"provenance": 1}, {"utilty": 1}, {"utility": 0}, {"utility": 31_622_401}, {"utility": "1"}],
    ids=repr,
)
def test_a_table_that_lets_anything_else_be_waived_is_none(waivable: Json) -> None:
    rules = the_policy().rules.model_dump(mode="json", exclude_unset=True)
    rules["tiers"]["standard"]["waivable"] = waivable
    with pytest.raises(InputError, match="bad_policy"):
        parse_rules(json.dumps(rules).encode())
    assert Tier.model_fields["waivable"].get_default(call_default_factory=True) == {}
