"""Attacks are found by name, count their passes, and never forget the worst row."""

import pytest
import torch

from assay.errors import InputError
from tasks.attacks import ATTACKS, Counted, Effort, attack, find_attack, margin
from tasks.attacks.worst import Worst


@pytest.mark.parametrize("name", ["constrained_pgd", "feasible_search", "art_pgd"])
def test_a_pipeline_can_name_it(name: str) -> None:
    assert find_attack(name) is ATTACKS[name]


@pytest.mark.parametrize("name", ["", "pgd", "Constrained_PGD"])
def test_refuses_an_unknown_attack(name: str) -> None:
    with pytest.raises(InputError, match="unknown_attack"):
        find_attack(name)


def test_refuses_a_second_attack_of_one_name() -> None:
    with pytest.raises(InputError, match="duplicate"):
        attack("art_pgd")(ATTACKS["art_pgd"])


@pytest.mark.parametrize("effort", [(0, 1, 1), (1, 0, 1), (1, 1, 0), (-1, 1, 1)])
def test_refuses_no_effort(effort: tuple[int, int, int]) -> None:
    with pytest.raises(InputError, match="no_effort"):
        Effort(*effort)


def test_margin_is_above_zero_where_the_other_label_wins() -> None:
    logits = torch.tensor([[2.0, 5.0], [2.0, 5.0]])
    assert margin(logits, torch.tensor([0, 1])).tolist() == [3.0, -3.0]


def test_counts_rows_not_calls() -> None:
    counted = Counted(lambda x: x)
    counted(torch.zeros(3, 2))
    counted(torch.zeros(4, 2))
    assert counted.forwards == 7


def test_only_a_larger_margin_replaces_what_is_kept() -> None:
    def logits(x: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.zeros_like(x), x], 1)

    worst = Worst(logits, torch.tensor([[-1.0], [-2.0], [1.0]]), torch.zeros(3, dtype=torch.long))
    assert worst.standing().tolist() == [0, 1]
    worst.offer(torch.tensor([0, 1]), torch.tensor([[-3.0], [4.0]]), torch.tensor([-3.0, 4.0]))
    assert worst.rows[:, 0].tolist() == [-1.0, 4.0, 1.0]
    assert worst.standing().tolist() == [0]
