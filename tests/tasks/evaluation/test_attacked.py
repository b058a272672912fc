"""Each attack is counted on its own, and what fell once stays fallen at a larger cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from assay.measures import read_outcomes
from tasks.attacks import Constraint, Counted, Effort, find_attack
from tasks.evaluation import evaluate_robustness
from tasks.evaluation.attacked import generator, robustness
from tests.tasks.evaluation.conftest import Lender


def table(lender: Lender) -> tuple[pd.DataFrame, int]:
    found, forwards = robustness(lender.sitting(), lender.splits.holdout, lambda *_: None)
    return found.to_pandas(), forwards


def survived(lines: pd.DataFrame, attack: str, cost: float) -> pd.Series:
    mine = lines[(lines["attack"] == attack) & (lines["budget"] == cost)]
    return mine.set_index("row")["survived"]


@pytest.mark.parametrize("attack", ["constrained_pgd", "feasible_search"])
def test_survival_falls_with_the_cost(lender: Lender, attack: str) -> None:
    lines, _ = table(lender)
    small, large = survived(lines, attack, 0.1), survived(lines, attack, 0.3)
    assert not (large & ~small).any()
    assert 0 < large.sum() < small.sum()


@pytest.mark.parametrize("attack", ["constrained_pgd", "feasible_search"])
def test_a_row_fell_exactly_when_the_attack_turned_it(lender: Lender, attack: str) -> None:
    """The first cost again, without the room around it."""
    sitting = lender.sitting()
    frame, model = sitting.rows(lender.splits.holdout), sitting.model()
    targets = frame[frame["default"] == 1]
    x = torch.from_numpy(model.encoder.encode(targets))
    x = x[torch.from_numpy(model.score_encoded(x) > 0.5)]
    asked = lender.spec.evaluation.robustness
    moved = find_attack(attack)(
        model.logits,
        x,
        torch.ones(len(x), dtype=torch.int64),
        Constraint.of(model.encoder, lender.rules.moves),
        0.1,
        Effort(asked.steps, asked.restarts, asked.queries),
        generator(lender.spec.training.seed, attack, 0.1),
    )
    lines, _ = table(lender)
    assert survived(lines, attack, 0.1).sum() == (model.score_encoded(moved) > 0.5).sum()


def test_no_row_is_spared_an_attack_because_another_turned_it(lender: Lender) -> None:
    """Alone or beside another one, in any order: an attack turns the same rows."""
    both, _ = table(lender)
    asked = lender.spec.evaluation.robustness
    for attack in asked.attacks:
        alone, _ = table(_asking(lender, attacks=(attack,)))
        for cost in asked.costs:
            assert survived(alone, attack, cost).equals(survived(both, attack, cost))


def test_only_rows_that_were_caught_can_survive(lender: Lender) -> None:
    sitting = lender.sitting()
    frame, model = sitting.rows(lender.splits.holdout), sitting.model()
    missed = frame["row"][(frame["default"] == 1) & (model.score(frame) <= 0.5)]
    lines, _ = table(lender)
    assert len(missed)
    assert not lines["survived"][lines["row"].isin(missed)].any()
    assert set(lines["row"]) == set(frame["row"][frame["default"] == 1])


def test_forward_passes_are_counted(lender: Lender) -> None:
    _, few = table(_asking(lender, queries=5))
    _, many = table(_asking(lender, queries=40))
    assert 0 < few < many
    evidence = lender.evaluate(evaluate_robustness)
    assert evidence.config["forwards"] > many


def test_counting_changes_no_logit(lender: Lender) -> None:
    model = lender.sitting().model()
    x = torch.rand(7, model.encoder.width)
    counted = Counted(model.logits)
    assert torch.equal(counted(x), model.logits(x))
    assert counted.forwards == 7


def test_draws_depend_on_what_they_are_for() -> None:
    first = [generator(1, "a", 0.1), generator(1, "a", 0.2), generator(2, "a", 0.1)]
    drawn = [torch.rand(1, generator=each).item() for each in first]
    assert len(set(drawn)) == 3
    assert torch.rand(1, generator=generator(1, "a", 0.1)).item() == drawn[0]


def test_the_evidence_says_what_was_asked(lender: Lender) -> None:
    evidence = lender.evaluate(evaluate_robustness)
    asked: dict[str, Any] = lender.spec.evaluation.robustness.model_dump(mode="json")
    assert {key: evidence.config[key] for key in asked} == asked
    assert evidence.config["mutable"] == lender.rules.attacked
    stored = read_outcomes(
        lender.home.sealed_outcomes, evidence.materials["outcomes:robustness"]
    ).to_pandas()
    assert np.array_equal(stored["survived"], table(lender)[0]["survived"])


def _asking(lender: Lender, **change: Any) -> Lender:
    asked = lender.spec.evaluation.robustness.model_copy(update=change)
    evaluation = lender.spec.evaluation.model_copy(update={"robustness": asked})
    return replace(lender, spec=lender.spec.model_copy(update={"evaluation": evaluation}))
