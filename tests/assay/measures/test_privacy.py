"""Epsilon is derived from the mechanism's parts; what does not add up proves nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from assay.errors import EvidenceError
from assay.evidence.digest import digest_json
from assay.evidence.values import Exact
from assay.measures import MEASURES, epsilon_of_rho, rho_of_epsilon
from tests.assay.measures.rows import REQUEST

RHO = rho_of_epsilon(3.0, 1e-6) * (1 - 1e-9)
DECLARED: dict[str, Any] = {
    "mechanism": "synthetic",
    "neighbours": "add_remove",
    "unit": "ID",
    "rho": RHO,
    "epsilon": 3.0,
    "delta": 1e-6,
    "parts": [
        {"name": "one_way", "rho": RHO * 0.2},
        {"name": "tree", "rho": RHO * 0.2},
        {"name": "three_way", "rho": RHO * 0.6},
    ],
}


def measure(**change: Any) -> dict[str, Exact]:
    config = {key: value for key, value in {**DECLARED, **change}.items() if value is not None}
    return MEASURES["privacy"]({}, replace(REQUEST, config=config))  # type: ignore[return-value]


def test_epsilon_is_derived_and_names_its_declaration() -> None:
    found = measure()
    epsilon = found["epsilon"].value
    assert epsilon == epsilon_of_rho(math.fsum(p["rho"] for p in DECLARED["parts"]), 1e-6)
    assert epsilon == pytest.approx(3.0, abs=1e-6)
    assert epsilon <= 3.0
    assert found["delta"].value == 1e-6
    assert {value.source for value in found.values()} == {digest_json(DECLARED)}


def test_no_mechanism_has_no_epsilon() -> None:
    found = measure(mechanism="none", reason="a public file")
    assert {name: value.value for name, value in found.items()} == {
        "mechanism": "none",
        "unit": "ID",
    }


PARTS = DECLARED["parts"]
BROKEN: dict[str, dict[str, Any]] = {
    "no mechanism": {"mechanism": None},
    "mechanism as a number": {"mechanism": 1},
    "no unit": {"unit": None},
    "no rho": {"rho": None},
    "rho as text": {"rho": str(RHO)},
    "rho as true": {"rho": True},
    "less rho than the parts": {"rho": RHO / 2},
    "no parts": {"parts": None},
    "empty parts": {"parts": [], "rho": 0.0},
    "a part fewer": {"parts": PARTS[:2]},
    "a negative part": {"parts": [*PARTS, {"name": "refund", "rho": -RHO / 2}], "rho": RHO / 2},
    "a free part": {"parts": [*PARTS, {"name": "free", "rho": 0}]},
    "an endless part": {"parts": [{"name": "all", "rho": math.inf}], "rho": math.inf},
    "a part as true": {"parts": [{"name": "all", "rho": True}], "rho": 1.0},
    "a part without a name": {"parts": [{"rho": RHO}]},
    "a part with more": {"parts": [{"name": "all", "rho": RHO, "note": "x"}]},
    "a part as a number": {"parts": [RHO]},
    "no delta": {"delta": None},
    "delta as text": {"delta": "1e-6"},
    "delta of nothing": {"delta": 0.0},
    "delta of certainty": {"delta": 1.0},
    "no epsilon": {"epsilon": None},
    "less epsilon than the parts": {"epsilon": 2.9},
}


@pytest.mark.parametrize("name", BROKEN)
def test_refuses(name: str) -> None:
    with pytest.raises(EvidenceError):
        measure(**BROKEN[name])


def test_an_unknown_mechanism_is_only_named() -> None:
    """Its parts may add up, but the policy knows no such word and denies it."""
    assert measure(mechanism="magic")["mechanism"].value == "magic"
