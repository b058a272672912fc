"""Worse evidence never gives a better bound, whatever the rows are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import EvidenceError
from assay.measures import MEASURES
from assay.measures.tables import LAYOUTS
from tests.assay.measures.rows import REQUEST, asking, membership, predictions, robustness, stress

N = 48
LABEL = np.array([0, 0, 0, 0, 1, 1, 1, 1] * (N // 8))  # each cell of SEX and AGE has both
flags = st.lists(st.booleans(), min_size=N, max_size=N).map(lambda bits: np.array(bits))
place = st.integers(0, N - 1)


def wrong_at(predicted: Any, index: int) -> Any:
    changed = predicted.copy()
    changed[index] = 1 - LABEL[index]
    return changed


@given(flags, place)
def test_one_more_mistake_lowers_balanced_accuracy(bits: Any, index: int) -> None:
    predicted = bits.astype(int)
    before, after = (
        MEASURES["utility"]({"predictions": predictions(LABEL, each)}, REQUEST)
        for each in (predicted, wrong_at(predicted, index))
    )
    for name in ("balanced_accuracy", "mcc"):
        assert after[name].lower <= before[name].lower + 1e-12
        assert after[name].upper <= before[name].upper + 1e-12


@given(flags, place)
def test_one_more_mistake_under_stress_is_never_better(bits: Any, index: int) -> None:
    clean, stressed = predictions(LABEL, LABEL), bits.astype(int)
    before, after = (
        MEASURES["stress"]({"predictions": clean, "stress": stress(LABEL, each)}, REQUEST)
        for each in (stressed, wrong_at(stressed, index))
    )
    worst = "worst_balanced_accuracy"
    assert after[worst].lower <= before[worst].lower + 1e-12
    assert after["worst_drop"].upper >= before["worst_drop"].upper - 1e-12


@given(flags, flags, st.integers(0, N // 2 - 1))
def test_one_more_row_that_falls_is_never_better(pgd: Any, search: Any, index: int) -> None:
    n = N // 2
    fallen = pgd[:n].copy()
    fallen[index] = False
    before, after = (
        MEASURES["robustness"](
            {
                "predictions": predictions(LABEL, np.ones(N, dtype=int)),
                "robustness": robustness(
                    LABEL, {"constrained_pgd": each, "feasible_search": search[:n]}, 0.1
                ),
            },
            REQUEST,
        )
        for each in (pgd[:n], fallen)
    )
    assert after["robust_recall:0.1"].lower <= before["robust_recall:0.1"].lower


@given(flags, place)
def test_one_approval_less_of_a_deserving_person_in_the_worst_group_widens_the_gap(
    bits: Any, index: int
) -> None:
    predicted = np.where(np.arange(N) % 2 == 0, 0, bits).astype(int)  # SEX 0 is all approved
    before, after = (
        MEASURES["fairness"]({"predictions": predictions(LABEL, each)}, REQUEST)
        for each in (predicted, np.where(np.arange(N) == index | 1, 1, predicted))
    )
    name = "equal_opportunity_difference:SEX"
    assert after[name].upper >= before[name].upper - 1e-12
    assert after["approval_ratio:SEX"].lower <= before["approval_ratio:SEX"].lower + 1e-12


@given(st.lists(st.floats(0, 10), min_size=3 * N, max_size=3 * N), place)
def test_one_more_recognised_member_is_never_better(losses: list[float], index: int) -> None:
    loss, member = np.array(losses), np.arange(3 * N) < N
    half = np.where(member, 1, np.arange(3 * N) // 4 % 2)
    exposed = loss.copy()
    exposed[index] = 0.0
    request = asking(attacks=["loss_low"])
    before, after = (
        MEASURES["membership"]({"membership": membership(member, half, each)}, request)
        for each in (loss, exposed)
    )
    assert after["tpr_at_fpr"].upper >= before["tpr_at_fpr"].upper


SOURCES = {
    "validation": ("split", "expectations"),
    "utility": ("predictions",),
    "overfitting": ("fit",),
    "robustness": ("predictions", "robustness"),
    "stress": ("predictions", "stress"),
    "fairness": ("predictions",),
    "membership": ("membership",),
}


@pytest.mark.parametrize("kind", MEASURES)
@pytest.mark.parametrize("config", [{}, REQUEST.config])
def test_absent_tables_are_refused_and_never_measured(kind: str, config: Any) -> None:
    with pytest.raises(EvidenceError):
        MEASURES[kind]({}, asking(**dict.fromkeys(REQUEST.config) | config))


@pytest.mark.parametrize("kind", SOURCES)
def test_empty_tables_are_refused_and_never_measured(kind: str) -> None:
    empty = {}
    for name in SOURCES[kind]:
        layout = LAYOUTS[name]
        empty[name] = _empty(layout.columns)
    with pytest.raises(EvidenceError) as refused:
        MEASURES[kind](empty, asking(attacks=["loss_low"]))
    assert refused.value.code == "no_rows"


def _empty(columns: Any) -> Any:
    return pa.table({name: pa.array([], kind) for name, kind in columns.items()})
