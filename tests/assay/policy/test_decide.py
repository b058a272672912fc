"""Allowed is what the core proves and OPA does not deny; whatever else happens is a denial."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.errors import EvidenceError, InputError, Unavailable
from assay.evidence.canonical import canonical
from assay.evidence.decision import GateDecision, Verdict
from assay.evidence.decisions import decision_of, sign_decision
from assay.evidence.dsse import verify
from assay.evidence.statement import ROLE_OF, Subject
from assay.home import Home
from assay.ledger import Ledger, record_look
from assay.policy.looks import LedgerLooks
from assay.policy.question import question_of
from assay.policy.verify import verify as verify_submission
from tests.assay.policy.submission import CANDIDATE, MODEL, NOW, Recorded, Site, answer, digest

DAY = 24 * 3600
Json = dict[str, Any]


def codes(decision: GateDecision) -> list[str]:
    return [denial.partition(":")[0] for denial in decision.denials]


def test_allows_an_honest_submission(site: Site) -> None:
    decision = site.decide()
    assert decision.allowed
    assert decision.denials == ()
    assert set(decision.gates) == set(site.policy.tier(MODEL).gates)
    assert {gate.verdict for gate in decision.gates.values()} == {Verdict.PASS}
    assert decision.policy_digest == site.policy.digest
    assert decision.trust_digest == site.trust.digest
    assert set(decision.attestations) == set(ROLE_OF)
    assert (decision.decided_at, decision.expires_at) == (NOW, NOW + 30 * DAY)


def test_a_decision_can_be_signed_and_read_back(site: Site) -> None:
    decision = site.decide()
    signed = sign_decision(decision, site.key("gate"))
    assert decision_of(verify(signed, site.trust.role("gate"))) == decision


# --- looks -----------------------------------------------------------------------------------


def test_denies_a_look_that_nobody_recorded(site: Site) -> None:
    holdout = digest("holdout")
    for looks in ([], [(holdout, digest("other"))], [(digest("another"), CANDIDATE.digest)]):
        site.looks = Recorded(looks)
        decision = site.decide()
        assert codes(decision) == ["look_missing"]
        assert not decision.allowed


def test_denies_a_look_beyond_those_that_alpha_was_divided_by(site: Site) -> None:
    mine = (digest("holdout"), CANDIDATE.digest)
    others = [(digest("holdout"), digest(f"candidate {i}")) for i in range(20)]
    site.looks = Recorded([mine, *others[:19]])
    assert site.decide().allowed
    site.looks = Recorded([mine, *others])
    assert codes(site.decide()) == ["looks_spent"]


def test_reads_looks_from_the_ledger(site: Site, tmp_path: Path) -> None:
    ledger = Ledger.create(Home(tmp_path))
    site.looks = LedgerLooks(ledger)  # type: ignore[assignment]
    assert codes(site.decide()) == ["look_missing"]
    for subject, denials in ((digest("other"), ["look_missing"]), (CANDIDATE.digest, [])):
        record_look(ledger, digest("holdout"), digest("request"), subject, NOW, 20)
        assert codes(site.decide()) == denials


class Unreadable:
    """A ledger whose chain is broken."""

    def spent(self, holdout: str) -> int:
        raise EvidenceError("broken_ledger", "expected a whole chain")

    def recorded(self, holdout: str, subject: str) -> bool:
        return True


def test_denies_when_the_ledger_cannot_be_read(site: Site) -> None:
    site.looks = Unreadable()  # type: ignore[assignment]
    assert codes(site.decide()) == ["broken_ledger", "look_missing"]


# --- what is asked about ------------------------------------------------------------------------


def test_denies_a_model_that_the_policy_does_not_know(site: Site) -> None:
    decision = site.decide(replace(site.submission(), model="credlt"))
    assert codes(decision) == ["unknown_model"]
    assert decision.gates == {}
    assert not decision.allowed
    assert decision.expires_at == NOW


def test_denies_a_payload_under_another_models_name(site: Site) -> None:
    other = replace(site.submission(), subject=Subject("mortgage", CANDIDATE.digest))
    decision = site.decide(other)
    assert "wrong_subject" in codes(decision)
    assert decision.gates["utility"].code == "wrong_subject"


def test_denies_other_bytes_than_were_evaluated(site: Site) -> None:
    swapped = replace(site.submission(), subject=Subject(MODEL, digest("swapped")))
    decision = site.decide(swapped)
    assert {decision.gates[gate].code for gate in ("utility", "robustness")} == {"wrong_subject"}


def test_denies_a_bundle_under_another_digest(site: Site) -> None:
    relabelled = replace(site.submission(), bundle_digest=digest("bundle"))
    assert codes(site.decide(relabelled)) == ["malformed"]


# --- the question ---------------------------------------------------------------------------------


def claims_of(site: Site, **changed: Any) -> Any:
    return verify_submission(
        site.submission(**changed),
        policy=site.policy,
        trust=site.trust,
        outcomes=site.home.sealed_outcomes,
        looks=site.looks,
        now=NOW,
    )


def test_asks_in_exactly_the_agreed_form(site: Site) -> None:
    asked = question_of(site.submission(), claims_of(site), nonce="n", now=NOW)
    canonical(asked)
    assert set(asked) == {"schema", "now", "nonce", "model", "looks", "evidence", "waivers"}
    assert asked["model"] == {"name": MODEL, "version": "7", "digest": CANDIDATE.digest}
    assert asked["looks"] == {"spent": 1, "recorded": True}
    assert set(asked["evidence"]) == {*ROLE_OF, "chain"}
    for kind, told in asked["evidence"].items():
        keys = {"role", "subject", "finished_at", "config", "materials", "measurements"}
        assert set(told) == keys
        assert told["role"] == ROLE_OF.get(kind, "core")
    auc = asked["evidence"]["utility"]["measurements"]["auc"]
    assert set(auc) == {"kind", "point", "lower", "upper", "alpha", "n", "method"}
    assert auc["kind"] == "bound"
    chain = asked["evidence"]["chain"]
    assert chain["subject"] == CANDIDATE.digest
    assert set(chain["measurements"]["broken_links"]) == {"kind", "value", "source"}
    assert chain["measurements"]["broken_links"]["value"] == 0


def test_leaves_out_of_the_question_what_it_does_not_believe(site: Site) -> None:
    evidence = site.evidence["stress"]
    lie = replace(evidence, measurements=site.evidence["utility"].measurements)
    stale = replace(site.evidence["utility"], started_at=0, finished_at=0)
    claims = claims_of(site, stress=lie, utility=stale, fairness=None)
    asked = question_of(site.submission(), claims, nonce="n", now=NOW)["evidence"]
    assert asked["stress"]["measurements"] == {}
    assert not {"utility", "fairness"} & set(asked)


def test_asks_with_a_new_nonce_each_time(site: Site) -> None:
    nonces = []

    def ask(question: Json) -> Json:
        nonces.append(question["nonce"])
        return answer(site.policy, question)

    site.decide(ask=ask)
    site.decide(ask=ask)
    assert len(set(nonces)) == 2
    assert all(len(nonce) == 32 for nonce in nonces)


# --- the answer -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("opa_unavailable", "expected an answer within 2 s"),
        Unavailable("opa_too_old", "expected 1.22.2"),
        InputError("no_socket", "expected a socket"),
        ConnectionRefusedError("nobody listens"),
        TimeoutError("too late"),
    ],
    ids=repr,
)
def test_denies_when_opa_does_not_answer(error: Exception, site: Site) -> None:
    def ask(question: Json) -> Json:
        raise error

    decision = site.decide(ask=ask)
    assert codes(decision) == ["opa_unavailable"]
    assert not decision.allowed


LIES: dict[str, Callable[[Json], Any]] = {
    "nothing": lambda told: {},
    "null": lambda told: None,
    "true": lambda told: True,
    "a list": lambda told: [told],
    "only allow": lambda told: {"allow": True},
    "no nonce": lambda told: {key: value for key, value in told.items() if key != "nonce"},
    "another nonce": lambda told: told | {"nonce": "0" * 32},
    "a null nonce": lambda told: told | {"nonce": None},
    "one key more": lambda told: told | {"note": ""},
    "another schema": lambda told: told | {"schema": 2},
    "a schema that is true": lambda told: told | {"schema": True},
    "allow as text": lambda told: told | {"allow": "true"},
    "allow as 1": lambda told: told | {"allow": 1},
    "allow as null": lambda told: told | {"allow": None},
    "no required gate": lambda told: told | {"required": [], "proven": []},
    "a gate less": lambda told: told | {"required": told["required"][1:]},
    "a gate more": lambda told: told | {"required": [*told["required"], "watermark"]},
    "a gate unproven": lambda told: told | {"proven": told["proven"][1:]},
    "gates as a mapping": lambda told: told | {"proven": dict.fromkeys(told["proven"])},
    "gates as numbers": lambda told: told | {"required": [1, 2]},
    "a gate waived": lambda told: told | {"waived": ["privacy"]},
    "a gate waived that no waiver stands for": lambda told: (
        told | {"waived": ["privacy"], "proven": [g for g in told["proven"] if g != "privacy"]}
    ),
    "waived is null": lambda told: told | {"waived": None},
    "violations are null": lambda told: told | {"violations": None},
    "a violation of text": lambda told: told | {"violations": ["privacy"]},
    "a violation without code": lambda told: told | {"violations": [{"gate": "privacy"}]},
    "allows and denies": lambda told: (
        told | {"violations": [{"gate": "privacy", "code": "above_bar", "measurement": "epsilon"}]}
    ),
    "a number": lambda told: math.nan,
}


@pytest.mark.parametrize("name", LIES)
def test_does_not_believe_a_liar(name: str, site: Site) -> None:
    decision = site.decide(ask=lambda question: LIES[name](answer(site.policy, question)))
    assert codes(decision) == ["opa_unavailable"]
    assert not decision.allowed


def allow_everything(site: Site) -> Callable[[Json], Json]:
    """An OPA that was taken over: a perfect allowance, whatever it is asked."""
    return lambda question: answer(site.policy, question)


@pytest.mark.parametrize("kind", ROLE_OF)
def test_an_opa_that_allows_everything_promotes_nothing(kind: str, site: Site) -> None:
    for evidence in (None, b"{}", replace(site.evidence[kind], started_at=0, finished_at=0)):
        decision = site.decide(site.submission(**{kind: evidence}), ask=allow_everything(site))
        assert not decision.allowed
        assert codes(decision) == (["look_missing"] if kind == "validation" else [])


def test_an_opa_that_denies_more_only_tightens(site: Site) -> None:
    for gate in site.policy.tier(MODEL).gates:
        more = [{"gate": gate, "code": "moon_phase", "measurement": "moon"}]
        decision = site.decide(ask=lambda q, more=more: answer(site.policy, q, violations=more))
        assert not decision.allowed
        assert decision.gates[gate].code == "opa_denied"
        assert "moon_phase moon" in decision.gates[gate].reason
        assert decision.gates[gate].remedy == f"mend {gate}"
        passing = [name for name, g in decision.gates.items() if g.verdict is Verdict.PASS]
        assert len(passing) == len(decision.gates) - 1


def test_an_opa_that_denies_without_a_gate_or_a_reason_denies(site: Site) -> None:
    stray = [{"gate": "promotion", "code": "malformed", "measurement": "question"}]
    for violations in (stray, []):
        changes = {"allow": False, "violations": violations}
        decision = site.decide(ask=lambda q, c=changes: answer(site.policy, q, **c))
        assert codes(decision) == ["opa_denied"]
        assert not decision.allowed


def test_the_cores_own_word_stands_beside_opas(site: Site) -> None:
    """What both deny is told once, in the core's words."""
    decision = site.decide(site.submission(utility=None))
    assert decision.gates["utility"].code == "missing"
    assert codes(decision) == []
    site.looks = Recorded()
    stray = [{"gate": "promotion", "code": "look_missing", "measurement": "looks"}]
    decision = site.decide(ask=lambda q: answer(site.policy, q, violations=stray))
    assert codes(decision) == ["look_missing"]
