"""Recall under attack counts rows that every attack failed on; the table is whole or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from assay.errors import EvidenceError
from assay.evidence.values import Bound
from assay.measures import MEASURES, clopper_pearson
from tests.assay.measures.rows import asking, predictions, robustness

LABEL = [1] * 40 + [0] * 60
CAUGHT = np.arange(40) >= 10  # ten of forty are missed when clean
PREDICTED = np.concatenate([CAUGHT, np.arange(60) < 12]).astype(int)
PGD, SEARCH = CAUGHT & (np.arange(40) >= 18), CAUGHT & (np.arange(40) >= 22)
SEARCH[12] = True  # a row that only the gradient turns
CLEAN = predictions(LABEL, PREDICTED)


def measure(table: pa.Table, **config: Any) -> dict[str, Bound]:
    tables = {"predictions": CLEAN, "robustness": table}
    return MEASURES["robustness"](tables, asking(**config))  # type: ignore[return-value]


def attacked(cost: float = 0.1, **survived: Any) -> pa.Table:
    whole = {"constrained_pgd": PGD, "feasible_search": SEARCH} | survived
    return robustness(LABEL, whole, cost)


def test_a_row_is_robust_when_every_attack_fails() -> None:
    found = measure(attacked())
    assert found["robust_recall:0.1"] == clopper_pearson(int((PGD & SEARCH).sum()), 40, 0.05)
    assert found["clean_recall"] == clopper_pearson(30, 40, 0.05)
    assert found["specificity"] == clopper_pearson(48, 60, 0.05)


def test_the_black_box_is_weighed_row_by_row() -> None:
    bound = measure(attacked())["black_box_advantage"]
    assert bound.point == pytest.approx((4 - 1) / 40)
    assert bound.lower < bound.point < bound.upper


def test_the_largest_advantage_over_the_costs_counts() -> None:
    level = attacked(0.05, feasible_search=PGD)
    both = pa.concat_tables([level, attacked(0.1)])
    found = measure(both, costs=[0.05, 0.1])
    assert found["black_box_advantage"].point == pytest.approx(3 / 40)
    assert {"robust_recall:0.05", "robust_recall:0.1"} < set(found)


def test_an_attack_that_nobody_knows_counts_as_black_box() -> None:
    """It may be stronger only because gradients are masked: that must not hide it."""
    table = robustness(LABEL, {"constrained_pgd": PGD, "new": np.zeros(40, dtype=bool)}, 0.1)
    found = measure(table, attacks=["constrained_pgd", "new"])
    assert found["black_box_advantage"].point > 0.5


@pytest.mark.parametrize("alone", ["constrained_pgd", "feasible_search"])
def test_refuses_one_side_alone(alone: str) -> None:
    table = robustness(LABEL, {alone: PGD}, 0.1)
    with pytest.raises(EvidenceError) as refused:
        measure(table, attacks=[alone])
    assert refused.value.code == "malformed"


SWAPPED = attacked().to_pydict() | {"label": [0] * 80}
BROKEN: dict[str, tuple[pa.Table, dict[str, Any]]] = {
    "a line fewer": (attacked().slice(1), {}),
    "a cost that was not asked": (attacked(0.2), {}),
    "an attack that was not asked": (attacked(), {"attacks": ["constrained_pgd", "square"]}),
    "a cost without lines": (attacked(), {"costs": [0.1, 0.2]}),
    "an attack without lines": (
        attacked(),
        {"attacks": ["constrained_pgd", "feasible_search", "square"]},
    ),
    "risen from the dead": (attacked(constrained_pgd=np.ones(40, dtype=bool)), {}),
    "the other label": (pa.table(SWAPPED, schema=attacked().schema), {}),
    "no costs": (attacked(), {"costs": []}),
    "costs as text": (attacked(), {"costs": ["0.1"]}),
    "a cost twice": (attacked(), {"costs": [0.1, 0.1]}),
    "costs as one number": (attacked(), {"costs": 0.1}),
    "attacks as true": (attacked(), {"attacks": [True, "feasible_search"]}),
    "attacks as nothing": (attacked(), {"attacks": None}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_refuses(name: str) -> None:
    table, config = BROKEN[name]
    with pytest.raises(EvidenceError) as refused:
        measure(table, **config)
    assert refused.value.code == "malformed"


def test_the_order_of_the_lines_means_nothing() -> None:
    table = attacked()
    shuffled = table.take(np.random.default_rng(0).permutation(table.num_rows))
    assert measure(shuffled) == measure(table)
