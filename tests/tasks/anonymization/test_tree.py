"""The tree spends its budget, finds what depends on what, and draws rows that look alike."""

import numpy as np
import pytest

from assay.errors import InputError
from tasks.anonymization.tree import SHARES, Answers, ask, draw

SIZES = (4, 4, 3, 2, 2)
RICH = dict.fromkeys(SHARES, 100.0)
POOR = dict.fromkeys(SHARES, 1e-06)


def chained(n: int, seed: int = 0) -> np.ndarray:
    """Column 1 follows 0, 2 follows 1, 3 is alone; the label follows 0 and 2."""
    choices = np.random.default_rng(seed)
    first = choices.integers(0, 4, n)
    second = np.where(choices.random(n) < 0.9, first, choices.integers(0, 4, n))
    third = np.where(choices.random(n) < 0.9, second % 3, choices.integers(0, 3, n))
    fourth = choices.integers(0, 2, n)
    label = (choices.random(n) < np.where((first > 1) ^ (third > 0), 0.8, 0.1)).astype(int)
    return np.column_stack([first, second, third, fourth, label])


def shares_add_up() -> float:
    return sum(SHARES.values())


def test_the_parts_are_the_whole_budget() -> None:
    assert shares_add_up() == pytest.approx(1.0)


def test_finds_the_chain() -> None:
    edges = set(ask(chained(5000), SIZES, RICH).tables)
    assert {(0, 1), (1, 2)} <= edges
    assert len(edges) == 3


def test_the_tree_spans_every_feature_without_a_circle() -> None:
    tables = ask(chained(300), SIZES, POOR).tables
    reached = {0}
    for _ in SIZES:
        reached |= {node for edge in tables if reached & set(edge) for node in edge}
    assert reached == {0, 1, 2, 3}
    assert len(tables) == 3


def test_with_much_budget_the_draws_have_the_rows_own_tables() -> None:
    real = chained(20_000)
    answers = ask(real, SIZES, RICH)
    made = draw(answers, SIZES, 20_000)
    assert answers.n == pytest.approx(20_000, abs=20)
    for i, j in ((0, 1), (1, 2), (0, 4), (2, 4), (3, 4)):
        shape = (SIZES[i], SIZES[j])
        tables = [np.zeros(shape), np.zeros(shape)]
        for table, rows in zip(tables, (real, made), strict=True):
            np.add.at(table, (rows[:, i], rows[:, j]), 1 / len(rows))
        assert np.abs(tables[0] - tables[1]).sum() < 0.05


def test_with_hardly_any_budget_the_draws_are_still_rows() -> None:
    made = draw(ask(chained(100), SIZES, POOR), SIZES, 500)
    assert made.shape == (500, 5)
    assert (made >= 0).all()
    assert (made < np.array(SIZES)).all()


@pytest.mark.parametrize("n", [1, 50, 40_000])
def test_draws_as_many_rows_as_asked(n: int) -> None:
    assert draw(ask(chained(200), SIZES, RICH), SIZES, n).shape == (n, 5)


def test_two_releases_of_the_same_rows_differ() -> None:
    real = chained(500)
    first, second = (ask(real, SIZES, dict.fromkeys(SHARES, 0.05)) for _ in range(2))
    assert any(
        edge not in second.tables or (first.tables[edge] != second.tables[edge]).any()
        for edge in first.tables
    )
    assert (draw(first, SIZES, 500) != draw(first, SIZES, 500)).any()


def test_drawing_sees_the_noisy_answers_alone() -> None:
    impossible = Answers(10, np.array([0.0, 1.0]), {(0, 1): np.ones((2, 2, 2))}, 0.1)
    assert (draw(impossible, (2, 2, 2), 100)[:, 2] == 1).all()


@pytest.mark.parametrize("sizes", [(2,), (3, 2)])
def test_refuses_fewer_than_two_features(sizes: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="too_few_columns"):
        ask(np.zeros((10, len(sizes)), dtype=np.int64), sizes, RICH)
