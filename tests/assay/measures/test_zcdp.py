"""Epsilon is OpenDP's, tighter than the textbook's, and no order proves a smaller one."""

from __future__ import annotations

import math

import opendp.prelude as dp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import EvidenceError
from assay.measures import epsilon_of_rho, rho_of_epsilon

dp.enable_features("contrib")
rhos = st.floats(1e-8, 1e4)
deltas = st.floats(1e-15, 1e-2)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0, 20.0])
@pytest.mark.parametrize("delta", [1e-9, 1e-6, 1e-2])
def test_agrees_with_opendp(scale: float, delta: float) -> None:
    domain = dp.atom_domain(T=float, nan=False)
    noise = dp.m.make_gaussian(domain, dp.absolute_distance(T=float), scale=scale)
    proven = dp.c.make_zCDP_to_approxDP(noise).map(1.0).epsilon(delta)
    assert epsilon_of_rho(1 / (2 * scale**2), delta) == pytest.approx(proven, abs=1e-9)


@given(rhos, deltas)
def test_is_tighter_than_bun_and_steinke(rho: float, delta: float) -> None:
    loose = rho + 2 * math.sqrt(rho * math.log(1 / delta))
    assert 0 <= epsilon_of_rho(rho, delta) <= loose


@given(rhos, deltas, st.floats(-9, 9))
def test_no_order_proves_less(rho: float, delta: float, exponent: float) -> None:
    order = 1 + 10**exponent
    proven = order * rho + math.log1p(-1 / order)
    proven += (math.log(1 / delta) - math.log(order)) / (order - 1)
    assert epsilon_of_rho(rho, delta) <= max(0.0, proven) + 1e-9 * (1 + proven)


@given(st.floats(0.01, 50), deltas)
def test_there_and_back(epsilon: float, delta: float) -> None:
    rho = rho_of_epsilon(epsilon, delta)
    assert epsilon_of_rho(rho, delta) == pytest.approx(epsilon, rel=1e-9)
    assert epsilon_of_rho(rho, delta) <= epsilon


@given(rhos, rhos, deltas)
def test_more_rho_never_costs_less(one: float, other: float, delta: float) -> None:
    less, more = sorted((one, other))
    assert epsilon_of_rho(less, delta) <= epsilon_of_rho(more, delta) * (1 + 1e-9) + 1e-12


@pytest.mark.parametrize("rho", [0.0, -1.0, math.nan, math.inf])
def test_refuses_a_loss_that_is_none(rho: float) -> None:
    with pytest.raises(EvidenceError) as refused:
        epsilon_of_rho(rho, 1e-6)
    assert refused.value.code == "out_of_range"


@pytest.mark.parametrize("delta", [0.0, 1.0, -0.1, math.nan])
def test_refuses_a_delta_that_is_no_probability(delta: float) -> None:
    with pytest.raises(EvidenceError) as refused:
        rho_of_epsilon(1.0, delta)
    assert refused.value.code == "out_of_range"
