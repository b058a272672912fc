"""Worse evidence never turns a denial into an allowance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.evidence.decision import Verdict
from assay.evidence.statement import ROLE_OF, Evidence
from tests.assay.policy.submission import MODEL, NOW, Site, answer

DAY = 24 * 3600
Rows = Sequence[int]
QUIET = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def column(table: pa.Table, name: str, values: Any) -> pa.Table:
    index = table.column_names.index(name)
    return table.set_column(index, name, pa.array(values, type=table[name].type))


def fallen(table: pa.Table, k: int) -> pa.Table:
    """k more attacked rows that did not survive."""
    survived = table["survived"].to_numpy()
    standing = np.flatnonzero(survived)
    survived = survived.copy()
    survived[standing[:k]] = False
    return column(table, "survived", survived)


def forgotten(table: pa.Table, k: int) -> pa.Table:
    """k more held-out rows that are decided wrongly."""
    part, right = table["part"].to_numpy(), table["label"].to_numpy() == table["predicted"]
    chosen = np.flatnonzero((part == "held_out") & np.asarray(right))[:k]
    predicted = table["predicted"].to_numpy().copy()
    predicted[chosen] = 1 - predicted[chosen]
    return column(table, "predicted", predicted)


def misled(table: pa.Table, k: int) -> pa.Table:
    """k more rows that one corruption turns wrong."""
    mine = (table["corruption"].to_numpy() == "noise") & (table["severity"].to_numpy() == 3)
    predicted, label = table["predicted"].to_numpy().copy(), table["label"].to_numpy()
    chosen = np.flatnonzero(mine & (predicted == label))[:k]
    predicted[chosen] = 1 - predicted[chosen]
    return column(table, "predicted", predicted)


def recognised(table: pa.Table, k: int) -> pa.Table:
    """k more members whose loss gives them away."""
    loss = table["loss"].to_numpy().copy()
    loss[np.flatnonzero(table["member"].to_numpy())[:k]] = 0.0
    return column(table, "loss", loss)


def failing(table: pa.Table, k: int) -> pa.Table:
    """k more expectations that do not hold."""
    success = table["success"].to_numpy().copy()
    success[:k] = False
    return column(table, "success", success)


WORSE: dict[str, tuple[str, Callable[[pa.Table, int], pa.Table], int]] = {
    "outcomes:robustness": ("robustness", fallen, 2400),
    "outcomes:fit": ("overfitting", forgotten, 700),
    "outcomes:stress": ("stress", misled, 1500),
    "outcomes:membership": ("membership", recognised, 400),
    "outcomes:expectations": ("validation", failing, 12),
}


def verdict(site: Site, material: str, k: int) -> Verdict:
    kind, worsen, _ = WORSE[material]
    evidence = site.with_table(material, worsen(site.tables[material], k))[kind]
    gates = site.gates(kind, evidence)
    return gates["data_quality" if kind == "validation" else kind].verdict


@pytest.mark.parametrize("material", WORSE)
def test_a_worse_table_passes_no_gate_that_a_better_one_did_not(
    material: str, honest: Site
) -> None:
    most = WORSE[material][2]
    assert verdict(fresh(honest), material, 0) is Verdict.PASS
    assert verdict(fresh(honest), material, most) is not Verdict.PASS

    @QUIET
    @given(st.integers(0, most), st.integers(0, most))
    def holds(one: int, other: int) -> None:
        better, worse = sorted((one, other))
        if verdict(fresh(honest), material, better) is not Verdict.PASS:
            assert verdict(fresh(honest), material, worse) is not Verdict.PASS

    holds()


def fresh(honest: Site) -> Site:
    return replace(honest, tables=dict(honest.tables))


def spoilt(site: Site, kind: str, how: str) -> bytes | Evidence | None:
    """One kind's evidence, made worse in one way."""
    evidence = site.evidence[kind]
    match how:
        case "gone":
            return None
        case "empty":
            return b"{}"
        case "stale":
            return replace(evidence, started_at=NOW - 9 * DAY, finished_at=NOW - 8 * DAY)
        case "unsigned":
            return site.envelope(kind, role="gate")
        case "unmeasured":
            return replace(evidence, measurements={}, development={}, config={})
    raise AssertionError(how)


HOW = ("gone", "empty", "stale", "unsigned", "unmeasured")


@QUIET
@given(
    st.dictionaries(st.sampled_from(sorted(ROLE_OF)), st.sampled_from(HOW), min_size=1),
    st.sampled_from(["honest", "liar"]),
)
def test_any_combination_of_faults_denies_each_gate_that_it_touches(
    honest: Site, faults: dict[str, str], opa: str
) -> None:
    """Faults do not mend one another, and no answer of OPA's mends them."""
    changed = {kind: spoilt(honest, kind, how) for kind, how in faults.items()}
    liar = (lambda question: answer(honest.policy, question)) if opa == "liar" else None
    decision = honest.decide(honest.submission(**changed), ask=liar)
    assert not decision.allowed
    touched = {bar.gate for bar in honest.policy.bars(MODEL) if bar.evidence in faults}
    touched |= {"provenance"} if {"training"} & set(faults) else set()
    assert not any(decision.gates[gate].verdict is Verdict.PASS for gate in touched)
