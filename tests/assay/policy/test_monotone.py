"""Worse evidence never turns a denial into an allowance."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.evidence.decision import Verdict
from assay.evidence.digest import digest_json
from assay.evidence.statement import ROLE_OF, Evidence
from assay.measures import MEASURES, epsilon_of_rho
from tests.assay.policy.submission import MODEL, NOW, Site, answer

DAY = 24 * 3600
Worsen = Callable[[Site, str, int], Evidence]
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


def confused(table: pa.Table, k: int) -> pa.Table:
    """k more rows that are decided wrongly."""
    predicted, label = table["predicted"].to_numpy(), table["label"].to_numpy()
    return redecided(table, np.flatnonzero(predicted == label)[:k])


def disfavoured(table: pa.Table, k: int) -> pa.Table:
    """k more people of one sex who deserve the favourable outcome and do not get it."""
    approved = (table["label"].to_numpy() == 0) & (table["predicted"].to_numpy() == 0)
    mine = approved & (table["group:SEX"].to_numpy(zero_copy_only=False) == "1")
    return redecided(table, np.flatnonzero(mine)[:k])


def redecided(table: pa.Table, rows: Any) -> pa.Table:
    """These rows are given the other decision, by a score as far beyond the cut-off."""
    score = table["score"].to_numpy().copy()
    score[rows] = 1 - score[rows]
    return column(column(table, "score", score), "predicted", score > 0.5)


def rests_on(material: str, worsen: Callable[[pa.Table, int], pa.Table]) -> Worsen:
    """Evidence over a table that is worse by k."""

    def worse(site: Site, kind: str, k: int) -> Evidence:
        return site.with_table(material, worsen(site.tables[material], k))[kind]

    return worse


def spends(site: Site, kind: str, k: int) -> Evidence:
    """A release that spent 1 + k percent of the honest rho, under an epsilon that covers it."""
    honest = site.evidence[kind]
    parts = [{**part, "rho": part["rho"] * (1 + k) / 100} for part in honest.config["parts"]]
    rho = math.fsum(part["rho"] for part in parts)
    epsilon = epsilon_of_rho(rho, honest.config["delta"])
    config = {**honest.config, "parts": parts, "rho": rho, "epsilon": epsilon}
    materials = {**honest.materials, "declaration": digest_json(config)}
    told = replace(honest, config=config, materials=materials)
    return replace(told, measurements=site.measured(kind, "outcomes", told))


WORSE: dict[str, tuple[Worsen, int]] = {  # kind -> how it is made worse, and by how much at most
    "robustness": (rests_on("outcomes:robustness", fallen), 2400),
    "overfitting": (rests_on("outcomes:fit", forgotten), 700),
    "stress": (rests_on("outcomes:stress", misled), 1500),
    "membership": (rests_on("outcomes:membership", recognised), 400),
    "validation": (rests_on("outcomes:expectations", failing), 12),
    "utility": (rests_on("outcomes:predictions", confused), 1200),
    "fairness": (rests_on("outcomes:predictions", disfavoured), 400),
    "privacy": (spends, 200),
}


def verdict(site: Site, kind: str, k: int) -> Verdict:
    gates = site.gates(kind, WORSE[kind][0](site, kind, k))
    return gates["data_quality" if kind == "validation" else kind].verdict


def test_every_kind_that_measures_is_made_worse() -> None:
    assert set(WORSE) == set(MEASURES)


@pytest.mark.parametrize("kind", WORSE)
def test_worse_evidence_passes_no_gate_that_better_did_not(kind: str, honest: Site) -> None:
    most = WORSE[kind][1]
    assert verdict(fresh(honest), kind, 0) is Verdict.PASS
    assert verdict(fresh(honest), kind, most) is not Verdict.PASS

    @QUIET
    @given(st.integers(0, most), st.integers(0, most))
    def holds(one: int, other: int) -> None:
        better, worse = sorted((one, other))
        if verdict(fresh(honest), kind, better) is not Verdict.PASS:
            assert verdict(fresh(honest), kind, worse) is not Verdict.PASS

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
