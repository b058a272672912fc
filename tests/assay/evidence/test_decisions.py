"""A decision is read back as it was signed; what is public of it tells one sealed bit."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import EvidenceError
from assay.evidence.decision import (
    BarResult,
    Demotion,
    GateDecision,
    GateResult,
    PolicySeal,
    Verdict,
)
from assay.evidence.decisions import (
    DECISION,
    DEMOTION,
    POLICY,
    PROMOTION,
    PUBLIC,
    decision_of,
    demotion_of,
    promotion_of,
    public_of,
    seal_of,
    sign_decision,
    sign_demotion,
    sign_policy,
    sign_promotion,
    sign_public,
)
from assay.evidence.digest import digest_bytes
from assay.evidence.dsse import Role, key_id, verify
from assay.evidence.public import FAULTS, public_view
from assay.evidence.statement import Subject
from assay.evidence.values import Bound, Exact
from tests.assay.evidence.samples import (
    NOW,
    bar,
    bound,
    decision,
    digest,
    gate,
    mechanism,
    promotion,
)

Json = dict[str, Any]
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
ROLE = Role(
    "any",
    {key_id(KEY.public_key()): KEY.public_key()},
    1,
    frozenset({DECISION, PUBLIC, PROMOTION, DEMOTION, POLICY}),
)
DEMOTED = Demotion("credit", "7", "champion", "8", "6", 3, "moved", "gate", NOW)
SEALED = PolicySeal(digest("policy"), 3, {"data.json": digest("table")}, NOW, NOW + 1)
FAILED = replace(gate(), verdict=Verdict.FAIL, code="below_bar", reason="x", remedy="y")
DECISIONS = {
    "allowed": decision(),
    "denied by a gate": decision(FAILED),
    "denied as a whole": decision(denials=("opa_unavailable: no answer",)),
    "without gates": replace(decision(), gates={}, attestations={}),
}


def sealed(found: GateDecision) -> Json:
    return verify(sign_decision(found, KEY), ROLE)


def public(found: GateDecision) -> Json:
    return verify(sign_public(found, b"sealed", KEY), ROLE)


def promoted() -> Json:
    return verify(sign_promotion(promotion(), KEY), ROLE)


def demoted() -> Json:
    return verify(sign_demotion(DEMOTED, KEY), ROLE)


def ruled() -> Json:
    return verify(sign_policy(SEALED, KEY), ROLE)


@pytest.mark.parametrize("found", DECISIONS.values(), ids=DECISIONS)
def test_a_decision_is_read_back_as_it_was_signed(found: GateDecision) -> None:
    assert decision_of(sealed(found)) == found
    view = public_view(found, digest_bytes(b"sealed"))
    assert public_of(public(found)) == view
    assert view.allowed is found.allowed


def test_a_promotion_is_read_back_as_it_was_signed() -> None:
    assert promotion_of(promoted()) == promotion()


@pytest.mark.parametrize("found", DECISIONS.values(), ids=DECISIONS)
def test_the_sealed_form_is_a_slsa_verification_summary(found: GateDecision) -> None:
    statement = sealed(found)
    summary = statement["predicate"]
    assert statement["predicateType"] == "https://slsa.dev/verification_summary/v1"
    assert statement["subject"] == [
        {"name": "credit", "digest": {"sha256": found.subject.digest[7:]}}
    ]
    assert summary["verifier"] == {"id": "urn:assay:gate"}
    assert summary["timeVerified"] == "2027-01-15T08:00:00Z"
    assert summary["resourceUri"] == "models:/credit/7"
    assert summary["policy"]["digest"] == {"sha256": found.policy_digest[7:]}
    assert len(summary["inputAttestations"]) == len(found.attestations)
    assert summary["verificationResult"] == ("PASSED" if found.allowed else "FAILED")
    assert summary["verifiedLevels"] == ["ASSAY_PROMOTABLE" if found.allowed else "FAILED"]


def test_sealed_public_and_promotion_are_not_taken_for_one_another() -> None:
    said = {
        decision_of: sealed(decision()),
        public_of: public(decision()),
        promotion_of: promoted(),
        demotion_of: demoted(),
        seal_of: ruled(),
    }
    for read in said:
        for own, statement in said.items():
            if read is not own:
                with pytest.raises(EvidenceError, match="unknown_evidence"):
                    read(statement)


def test_the_public_form_names_its_sealed_envelope() -> None:
    envelope = sign_decision(decision(), KEY)
    view = public_of(verify(sign_public(decision(), envelope, KEY), ROLE))
    assert view.sealed_digest == digest_bytes(envelope)


# --- What the public form may tell ---

sealed_words = st.sampled_from(["ok", "below_bar", "above_bar", "insufficient", "out_of_range"])
measured = st.floats(0.1, 0.9).map(bound)


@st.composite
def sealed_bars(draw: st.DrawFn, name: str) -> BarResult:
    """A bar with any sealed outcome; the development rows always say the same."""
    return replace(
        bar(name, draw(measured), draw(st.sampled_from(Verdict)), draw(sealed_words)),
        distance=draw(st.none() | st.floats(-1, 1)),
        n_needed=draw(st.none() | st.integers(1, 10**6)),
    )


@st.composite
def denied(draw: st.DrawFn) -> GateDecision:
    """A denied decision with any sealed outcome."""
    gates = [
        GateResult(
            name,
            draw(st.sampled_from([v for v in Verdict if v is not Verdict.PASS])),
            draw(sealed_words | st.sampled_from(["opa_denied", "recomputed_differently"])),
            draw(st.text(max_size=8)),
            draw(st.text(max_size=8)),
            (draw(sealed_bars("auc")), draw(sealed_bars("mcc"))),
        )
        for name in ("utility", "fairness")
    ]
    return decision(*gates, denials=draw(st.sampled_from([(), ("opa_denied: x",)])))


@given(denied(), denied())
def test_public_views_of_denials_with_other_sealed_numbers_are_equal(
    one: GateDecision, other: GateDecision
) -> None:
    assert public_view(one, digest("s")) == public_view(other, digest("s"))


@given(measured, measured)
def test_public_views_of_allowances_with_other_sealed_numbers_are_equal(
    one: Bound, other: Bound
) -> None:
    views = [
        public_view(decision(gate("utility", bar("auc", b))), digest("s")) for b in (one, other)
    ]
    assert views[0] == views[1]
    assert views[0].allowed


def numbers(found: object) -> Iterator[float]:
    if isinstance(found, dict | list):
        for item in found.values() if isinstance(found, dict) else found:
            yield from numbers(item)
    elif isinstance(found, int | float) and not isinstance(found, bool):
        yield found


def test_no_sealed_number_or_sentence_is_in_the_public_form() -> None:
    value = Bound(0.61234, 0.60234, 0.62234, 0.00251, 11_987, "clopper-pearson")
    failed = replace(
        bar("auc", value, Verdict.INSUFFICIENT, "insufficient"), distance=-0.07654, n_needed=54_321
    )
    found = decision(replace(FAILED, bars=(failed,), reason="0.61234", remedy="54321"))
    shown = set(numbers(public(found)))
    assert not shown & {0.61234, 0.60234, 0.62234, 0.00251, 11_987, -0.07654, 54_321}
    assert shown == {0.72, 0.71, 0.73, 0.0025, 12_000, 0.68, 0.03, NOW, NOW + 2_592_000}
    text = repr(public(found))
    assert not any(word in text for word in ("61234", "54321", "INSUFFICIENT", "below_bar"))


@pytest.mark.parametrize("code", sorted(FAULTS))
def test_a_fault_of_the_evidence_itself_is_shown(code: str) -> None:
    absent = bar("auc", None, Verdict.NOT_RUN, code)
    found = decision(replace(FAILED, code=code, bars=(absent,)), denials=(f"{code}: told",))
    view = public_view(found, digest("s"))
    assert view.denials == (code,)
    assert (view.gates["utility"].fault, view.gates["utility"].bars[0].fault) == (code, code)


@pytest.mark.parametrize(
    "code", ["missing", "stale", "outcomes_missing", "look_missing", "malformed"]
)
def test_a_word_that_depends_on_what_the_other_bars_say_stays_sealed(code: str) -> None:
    """Beside a bar that was measured, such a word would tell that this bar does not fail."""
    bars = (bar("auc", bound()), bar("mcc", None, Verdict.NOT_RUN, code))
    found = decision(replace(FAILED, verdict=Verdict.NOT_RUN, code=code, bars=bars))
    view = public_view(found, digest("s")).gates["utility"]
    assert view.fault == ""
    assert [b.fault for b in view.bars] == ["", code]


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        ((), Verdict.NOT_RUN),
        ((Verdict.PASS,), Verdict.PASS),
        ((Verdict.PASS, Verdict.INSUFFICIENT), Verdict.INSUFFICIENT),
        ((Verdict.INSUFFICIENT, Verdict.NOT_RUN), Verdict.NOT_RUN),
        ((Verdict.FAIL, Verdict.NOT_RUN, Verdict.PASS), Verdict.FAIL),
    ],
)
def test_a_public_gate_is_as_bad_as_its_worst_development_bar(
    verdicts: tuple[Verdict, ...], worst: Verdict
) -> None:
    bars = tuple(replace(bar(value=bound()), development_verdict=verdict) for verdict in verdicts)
    found = decision(replace(gate(), bars=bars))
    assert public_view(found, digest("s")).gates["utility"].verdict is worst


# --- What cannot be signed or read ---


@pytest.mark.parametrize(
    "found",
    [
        replace(decision(), policy_digest="sha256:x"),
        replace(decision(), bundle_digest=""),
        replace(decision(), attestations={"utility": "x"}),
        replace(decision(), model=""),
        replace(decision(), version=""),
        replace(decision(), decided_at=-1),
        replace(decision(), decided_at=True),
        replace(decision(), decided_at=NOW + 0.5),
        replace(decision(), expires_at=NOW - 1),
        replace(decision(), expires_at=10**12),
        replace(decision(), gates={"other": gate()}),
        replace(decision(), version=7),
        decision(replace(gate(), bars=(replace(bar(value=bound()), distance=float("nan")),))),
        decision(replace(gate(), verdict="PASSED")),
    ],
)
def test_a_malformed_decision_is_not_signed(found: GateDecision) -> None:
    with pytest.raises(EvidenceError):
        sign_decision(found, KEY)


@pytest.mark.parametrize(
    "found",
    [
        replace(promotion(), sequence=0),
        replace(promotion(), sequence=True),
        replace(promotion(), approver=""),
        replace(promotion(), alias=""),
        replace(promotion(), decision_digest="x"),
        replace(promotion(), expires_at=1),
        replace(promotion(), previous=None),
    ],
)
def test_a_malformed_promotion_is_not_signed(found: Any) -> None:
    with pytest.raises(EvidenceError):
        sign_promotion(found, KEY)


@pytest.mark.parametrize(
    "change",
    [
        {"model": ""},
        {"version": ""},
        {"alias": ""},
        {"code": ""},
        {"by": ""},
        {"sequence": -1},
        {"sequence": True},
        {"successor": None},
        {"demoted_at": -1},
    ],
    ids=str,
)
def test_a_malformed_demotion_is_not_signed(change: dict[str, Any]) -> None:
    with pytest.raises(EvidenceError):
        sign_demotion(replace(DEMOTED, **change), KEY)


def test_a_demotion_is_read_back_as_it_was_signed() -> None:
    statement = demoted()
    assert demotion_of(statement) == DEMOTED
    assert statement["subject"][0]["name"] == "models:/credit@champion"


@pytest.mark.parametrize(
    "change",
    [
        {"digest": "latest"},
        {"version": 0},
        {"version": True},
        {"files": {}},
        {"files": {"data.json": "latest"}},
        {"signed_at": -1},
        {"expires_at": NOW},
        {"expires_at": 1e10},
        {"expires_at": 10**12},
    ],
    ids=str,
)
def test_a_malformed_seal_is_not_signed(change: dict[str, Any]) -> None:
    with pytest.raises(EvidenceError):
        sign_policy(replace(SEALED, **change), KEY)


def test_a_seal_is_read_back_as_it_was_signed() -> None:
    statement = ruled()
    assert seal_of(statement) == SEALED
    assert statement["subject"][0]["name"] == "policy"


def nodes(found: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every node below the root."""
    keys = found if isinstance(found, dict) else range(len(found)) if type(found) is list else ()
    for key in keys:
        yield (*path, key)
        yield from nodes(found[key], (*path, key))


def with_node(found: Json, path: tuple[Any, ...], *value: Any) -> Json:
    """A copy whose node at a path has another value, or is gone."""
    other = copy.deepcopy(found)
    holder: Any = other
    for key in path[:-1]:
        holder = holder[key]
    if value:
        holder[path[-1]] = value[0]
    else:
        del holder[path[-1]]
    return other


READ = ["sealed", "public", "promotion", "demotion", "policy"]
READERS: list[tuple[Callable[[Json], Any], Json]] = [
    (decision_of, sealed(decision(FAILED, gate("privacy", mechanism())))),
    (public_of, public(decision(FAILED, gate("privacy", mechanism())))),
    (promotion_of, promoted()),
    (demotion_of, demoted()),
    (seal_of, ruled()),
]


@pytest.mark.parametrize(("read", "statement"), READERS, ids=READ)
def test_no_field_may_be_missing(read: Callable[[Json], Any], statement: Json) -> None:
    for path in nodes(statement):
        if type(path[-1]) is str and path[-2:-1] != ("gates",):  # one gate fewer is another form
            with pytest.raises(EvidenceError):
                read(with_node(statement, path))


@pytest.mark.parametrize(("read", "statement"), READERS, ids=READ)
@pytest.mark.parametrize("value", [None, True, [], {}, -1, 1e9, "0.99"], ids=repr)
def test_a_changed_node_is_refused_or_read_as_what_it_now_says(
    read: Callable[[Json], Any], statement: Json, value: Any
) -> None:
    said = read(statement)
    for path in nodes(statement):
        other = with_node(statement, path, value)
        try:
            assert read(other) != said or other == statement
        except EvidenceError:
            continue


@pytest.mark.parametrize(("read", "statement"), READERS, ids=READ)
def test_no_key_may_be_added(read: Callable[[Json], Any], statement: Json) -> None:
    for path in [(), *nodes(statement)]:
        other = copy.deepcopy(statement)
        holder: Any = other
        for key in path:
            holder = holder[key]
        if isinstance(holder, dict) and path[-1:] not in (("attestations",), ("gates",)):
            holder["also"] = 1
            with pytest.raises(EvidenceError):
                read(other)


def test_a_summary_that_contradicts_its_decision_is_refused() -> None:
    statement = sealed(decision(FAILED))
    for key, value in (("verificationResult", "PASSED"), ("verifiedLevels", ["ASSAY_PROMOTABLE"])):
        with pytest.raises(EvidenceError, match="agrees"):
            decision_of(with_node(statement, ("predicate", key), value))
    other = with_node(statement, ("subject", 0, "digest", "sha256"), digest("other")[7:])
    with pytest.raises(EvidenceError, match="agrees"):
        decision_of(other)


def test_a_public_allowance_without_gates_or_with_denials_is_refused() -> None:
    statement = public(decision())
    for key, value in (("gates", {}), ("denials", ["stale"])):
        with pytest.raises(EvidenceError):
            public_of(with_node(statement, ("predicate", key), value))


def test_exact_values_and_words_keep_their_kind() -> None:
    found = decision(gate("privacy", replace(mechanism(), value=Exact("3", digest("d")))))
    assert decision_of(sealed(found)).gates["privacy"].bars[0].value == Exact("3", digest("d"))


def test_the_subject_is_the_payload() -> None:
    assert decision_of(sealed(decision())).subject == Subject("credit", digest("payload"))
