"""The noise is as large as its budget says, never the same, and cannot be seeded."""

import ast
import inspect
import math
from pathlib import Path

import numpy as np
import opendp.prelude as dp
import pytest

import tasks.anonymization
from assay.errors import InputError
from tasks.anonymization.noise import noise_scale, noisy_argmax, noisy_counts

ROOM = sorted(Path(inspect.getfile(tasks.anonymization)).parent.glob("*.py"))


@pytest.mark.parametrize("rho", [0.005, 0.05, 0.5])
def test_noise_has_the_declared_scale(rho: float) -> None:
    noise = noisy_counts(np.zeros((100, 100), dtype=np.int64), rho)
    assert noise.shape == (100, 100)
    assert noise.dtype == np.int64
    assert noise.std() == pytest.approx(noise_scale(rho), rel=0.05)
    assert abs(noise.mean()) < 5 * noise_scale(rho) / 100


def test_two_draws_differ() -> None:
    counts = np.full(200, 50)
    assert (noisy_counts(counts, 0.01) != noisy_counts(counts, 0.01)).any()


def test_the_global_seeds_reach_no_noise() -> None:
    draws = []
    for _ in range(2):
        np.random.seed(0)
        draws.append(noisy_counts(np.zeros(200, dtype=np.int64), 0.01))
    assert (draws[0] != draws[1]).any()


def test_picks_the_highest_score_about_as_often_as_the_exponential_mechanism() -> None:
    # rho = 1/8 is a bounded range of 1 = 2 / scale, so the odds of 3 against 0 are exp(1.5).
    picks = [noisy_argmax([0, 3], 1 / 8) for _ in range(2000)]
    expected = math.exp(1.5) / (1 + math.exp(1.5))
    assert np.mean(picks) == pytest.approx(expected, abs=5 * math.sqrt(0.25 / 2000))


@pytest.mark.parametrize("rho", [0.0, -1.0, math.nan, math.inf])
def test_refuses_a_budget_of_nothing_or_of_everything(rho: float) -> None:
    with pytest.raises(InputError, match="no_budget"):
        noisy_counts(np.zeros(3, dtype=np.int64), rho)
    with pytest.raises(InputError, match="no_budget"):
        noisy_argmax([1, 2], rho)


@pytest.mark.parametrize("rho", [1e-6, 0.0037, 0.1850698406534, 100.0])
def test_opendp_certifies_every_budget_and_hardly_less_is_spent(rho: float) -> None:
    noisy_argmax([1, 2], rho)
    noisy_counts(np.zeros(3, dtype=np.int64), rho)
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l2_distance(T=float)
    spent = dp.m.make_gaussian(*space, scale=noise_scale(rho)).map(1.0)
    assert rho * (1 - 1e-8) < spent <= rho


@pytest.mark.parametrize("path", ROOM, ids=lambda path: path.name)
def test_no_function_of_the_room_takes_or_sets_a_seed(path: Path) -> None:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            assert "seed" not in node.arg
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert not called.endswith(("manual_seed", ".seed", "RandomState"))
            assert not (called.endswith("default_rng") and (node.args or node.keywords))
