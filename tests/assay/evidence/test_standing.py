"""A version stands only where promotion, decision and bytes say the same thing, and still hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from assay.errors import EvidenceError
from assay.evidence.decision import Verdict
from assay.evidence.standing import Standing, verify_standing
from assay.evidence.statement import Subject
from tests.assay.serving.promoted import DAY, NOW, Promoted, digest

Spoil = Callable[[Promoted], Standing]


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Promoted:
    return Promoted.build(tmp_path_factory.mktemp("standing") / "home", digest("payload"))


def _another_decision(p: Promoted) -> Standing:
    later = replace(p.decision(), decided_at=NOW - 5)
    return replace(p.standing(), decision=p.public(later))


def _denied(p: Promoted) -> Standing:
    gate = replace(p.decision().gates["utility"], verdict=Verdict.FAIL, code="below_bar")
    decision = replace(p.decision(), gates={"utility": gate})
    promotion = p.sign(p.promotion(decision))
    return replace(p.standing(), decision=p.public(decision), promotion=promotion)


def _expired_decision(p: Promoted) -> Standing:
    decision = replace(p.decision(), expires_at=NOW)
    promotion = replace(p.promotion(decision), expires_at=NOW + DAY)
    return replace(p.standing(), decision=p.public(decision), promotion=p.sign(promotion))


SPOILT: dict[str, tuple[str, Spoil]] = {
    "no promotion": ("unsigned", lambda p: replace(p.standing(), promotion=None)),
    "no decision": ("unsigned", lambda p: replace(p.standing(), decision=None)),
    "an empty promotion": ("malformed", lambda p: replace(p.standing(), promotion=b"")),
    "another's signature": (
        "wrong_role",
        lambda p: replace(p.standing(), promotion=p.sign(p.promotion(p.decision()), "gate")),
    ),
    "a flipped bit": (
        "bad_signature",
        lambda p: replace(p.standing(), promotion=_flip(p.standing().promotion)),
    ),
    "envelopes exchanged": (
        "wrong_role",
        lambda p: replace(p.standing(), promotion=p.standing().decision),
    ),
    "another model": ("wrong_model", lambda p: replace(p.standing(), name="mortgage")),
    "another version": ("wrong_version", lambda p: replace(p.standing(), version="2")),
    "another alias": ("wrong_alias", lambda p: replace(p.standing(), alias="previous")),
    "other bytes": ("swapped", lambda p: replace(p.standing(), payload=digest("other"))),
    "a promotion of another model": ("wrong_model", lambda p: p.with_promotion(model="mortgage")),
    "a promotion of another subject": (
        "swapped",
        lambda p: p.with_promotion(subject=Subject("credit", digest("other"))),
    ),
    "a promotion of another decision": (
        "wrong_decision",
        lambda p: p.with_promotion(decision_digest=digest("other")),
    ),
    "another decision": ("wrong_decision", _another_decision),
    "a denial": ("not_allowed", _denied),
    "an expired promotion": ("expired", lambda p: p.with_promotion(expires_at=NOW)),
    "an expired decision": ("expired", _expired_decision),
    "a promotion of tomorrow": ("future", lambda p: p.with_promotion(promoted_at=NOW + DAY)),
}


def _flip(envelope: bytes | None) -> bytes:
    """The envelope with one character of its payload changed."""
    assert envelope is not None
    start = envelope.index(b'"payload":"') + 60
    other = b"A" if envelope[start : start + 1] != b"A" else b"B"
    return envelope[:start] + other + envelope[start + 1 :]


def test_what_agrees_stands(promoted: Promoted) -> None:
    promotion, decision = verify_standing(promoted.standing(), promoted.trust, NOW)
    assert promotion.sequence == 3
    assert decision.allowed


@pytest.mark.parametrize("name", SPOILT)
def test_whatever_disagrees_is_refused_by_its_own_word(promoted: Promoted, name: str) -> None:
    code, spoil = SPOILT[name]
    with pytest.raises(EvidenceError) as refused:
        verify_standing(spoil(promoted), promoted.trust, NOW)
    assert refused.value.code == code


@pytest.mark.parametrize(("now", "code"), [(NOW + 30 * DAY, "expired"), (NOW - DAY, "future")])
def test_time_is_asked(promoted: Promoted, now: int, code: str) -> None:
    with pytest.raises(EvidenceError, match=code):
        verify_standing(promoted.standing(), promoted.trust, now)


def test_nobody_rolls_back_below_the_floor(promoted: Promoted) -> None:
    assert verify_standing(promoted.standing(), promoted.trust, NOW, floor=3)
    with pytest.raises(EvidenceError, match="rolled_back"):
        verify_standing(promoted.standing(), promoted.trust, NOW, floor=4)


def test_another_home_is_not_believed(promoted: Promoted, tmp_path_factory: object) -> None:
    assert isinstance(tmp_path_factory, pytest.TempPathFactory)
    stranger = Promoted.build(tmp_path_factory.mktemp("stranger") / "home", digest("x"))
    with pytest.raises(EvidenceError, match="wrong_role"):
        verify_standing(promoted.standing(), stranger.trust, NOW)
