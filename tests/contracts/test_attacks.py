"""What holds of every registered attack, on a trained network of every registered family."""

import numpy as np
import pytest
import torch
from torch import Tensor

from assay.models import FAMILIES, Architecture, Encoder, Model
from assay.models.families import build_network
from assay.spec import Column
from tasks.attacks import ATTACKS, Constraint, Counted, Effort, find_attack, margin

LEVELS = {"late": 10, "paid": 600}
ENCODER = Encoder(
    {
        "late": Column(kind="ordinal", values=tuple(range(11))),
        "paid": Column(kind="number", edges=(0, 100, 200, 300, 400, 500, 600), integer=True),
        "rate": Column(kind="number", edges=(0, 5, 20)),
        "debt": Column(kind="number", edges=(0, 1), nulls=True),
        "color": Column(kind="category", values=("red", "green")),
    }
)
AT = {name: block.start for name, block in ENCODER.blocks.items()}
MUTABLE = {"late": "any", "paid": "up", "rate": "down", "debt": "any"}
CONSTRAINT = Constraint.of(ENCODER, MUTABLE)
EFFORT = Effort(steps=20, restarts=2, queries=150)
WHITE_BOX = sorted(set(ATTACKS) - {"feasible_search"})


def clean_rows(n: int, seed: int) -> Tensor:
    x = torch.rand(n, ENCODER.width, generator=torch.Generator().manual_seed(seed))
    x[:, -1] = 1 - x[:, -2].round()
    x[:, -2] = x[:, -2].round()
    x[:, AT["debt"] + 1] = (x[:, AT["debt"] + 1] < 0.1).float()
    return CONSTRAINT.snap(x, torch.zeros_like(x))


def bent(x: Tensor) -> Tensor:
    """A label that no straight line gives."""
    late, paid, rate, debt = (x[:, AT[name]] for name in MUTABLE)
    return (late + 0.5 * torch.sin(6 * rate) - paid * debt > 0.4).long()


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def model(request: pytest.FixtureRequest) -> Model:
    architecture = Architecture((32, 32), 0.0)
    x = clean_rows(1000, 0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(request.param, ENCODER.width, architecture)
        optimizer = torch.optim.Adam(network.parameters(), 1e-2)
        for _ in range(200):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(x), bent(x)).backward()
            optimizer.step()
        optimizer.zero_grad()
    return Model(request.param, architecture, ENCODER, network)


def run(
    name: str, model: Model, x: Tensor, cost: float, effort: Effort = EFFORT, seed: int = 1
) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return find_attack(name)(model.logits, x, bent(x), CONSTRAINT, cost, effort, generator)


def fallen(model: Model, x: Tensor, y: Tensor) -> Tensor:
    return margin(model.logits(x), y) > 0


def test_the_network_is_worth_attacking(model: Model) -> None:
    x = clean_rows(400, 5)
    assert fallen(model, x, bent(x)).float().mean() < 0.15


@pytest.mark.parametrize("cost", [0.05, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_every_row_is_feasible(model: Model, name: str, cost: float) -> None:
    x = clean_rows(200, 2)
    z = run(name, model, x, cost)
    step = z - x
    assert z.shape == x.shape
    assert z.dtype == x.dtype
    assert (step.abs() <= cost + 1e-5).all()
    assert (z >= 0).all()
    assert (z <= 1).all()
    fixed = [i for i in range(ENCODER.width) if i not in CONSTRAINT.mutable.tolist()]
    assert (step[:, fixed] == 0).all()
    assert (step[:, AT["paid"]] >= 0).all()
    assert (step[:, AT["rate"]] <= 0).all()
    assert (step[x[:, AT["debt"] + 1] == 1, AT["debt"]] == 0).all()
    for column, levels in LEVELS.items():
        on_levels = z[:, AT[column]] * levels
        assert torch.allclose(on_levels, on_levels.round(), atol=2e-3)


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_no_row_gets_better_and_a_wrong_one_stays(model: Model, name: str) -> None:
    x = clean_rows(300, 3)
    z, y = run(name, model, x, 0.2), bent(x)
    assert (margin(model.logits(z), y) >= margin(model.logits(x), y) - 1e-4).all()
    wrong = fallen(model, x, y)
    assert wrong.any()
    assert torch.equal(z[wrong], x[wrong])


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_it_does_harm_and_more_at_a_higher_cost(model: Model, name: str) -> None:
    x = clean_rows(300, 4)
    y = bent(x)
    shares = [fallen(model, run(name, model, x, c), y).float().mean() for c in (0.05, 0.2, 1.0)]
    assert fallen(model, x, y).float().mean() < shares[0] < shares[1] < shares[2]


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_every_random_choice_comes_from_the_generator(model: Model, name: str) -> None:
    x = clean_rows(100, 6)
    states = torch.get_rng_state(), np.random.get_state()[1]
    again = [run(name, model, x, 0.2, seed=seed) for seed in (1, 1, 2)]
    assert torch.equal(again[0], again[1])
    assert not torch.equal(again[0], again[2])
    assert torch.equal(states[0], torch.get_rng_state())
    assert (states[1] == np.random.get_state()[1]).all()


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_no_rows_give_no_rows(model: Model, name: str) -> None:
    assert run(name, model, clean_rows(5, 7)[:0], 0.2).shape == (0, ENCODER.width)


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_clean_rows_and_parameters_are_left_alone(model: Model, name: str) -> None:
    x = clean_rows(50, 8)
    before = x.clone()
    z = run(name, model, x, 0.2)
    assert torch.equal(x, before)
    assert not z.requires_grad
    assert all(parameter.grad is None for parameter in model.network.parameters())


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_its_forward_passes_are_within_its_effort(model: Model, name: str) -> None:
    x = clean_rows(50, 9)
    counted = Counted(model.logits)
    find_attack(name)(counted, x, bent(x), CONSTRAINT, 0.05, EFFORT, torch.Generator())
    most = max(EFFORT.queries + 1, 1 + EFFORT.restarts * (2 * EFFORT.steps + 4))
    assert len(x) < counted.forwards <= most * len(x)


@pytest.mark.parametrize("name", sorted(ATTACKS))
@pytest.mark.parametrize("cost", [0.1, 0.3])
def test_finds_every_row_that_falls_on_a_straight_line(name: str, cost: float) -> None:
    weight = torch.zeros(2, ENCODER.width)
    weight[1, [AT["late"], AT["paid"], AT["rate"]]] = torch.tensor([2.0, -1.0, 1.0])
    offset = torch.tensor([0.0, -1.0])
    x = clean_rows(300, 10)

    def logits(rows: Tensor) -> Tensor:
        return rows @ weight.T + offset

    y = logits(x).argmax(1)
    away = torch.where(y[:, None] == 1, -1.0, 1.0) * weight[1].sign()
    corner = CONSTRAINT.project(x + cost * away, x, cost)
    falls = margin(logits(corner), y) > 1e-4
    assert falls.any()
    z = find_attack(name)(logits, x, y, CONSTRAINT, cost, EFFORT, torch.Generator())
    missed = falls & ~(margin(logits(z), y) > 0)
    assert missed.float().mean() <= (0.0 if name in WHITE_BOX else 0.01)


@pytest.mark.parametrize("cost", [0.05, 0.1, 0.2, 0.4])
@pytest.mark.parametrize("effort", [Effort(5, 1, 1), Effort(20, 3, 1)], ids=["weak", "strong"])
def test_the_fast_path_is_never_weaker_than_art(model: Model, cost: float, effort: Effort) -> None:
    x = clean_rows(800, 11)
    y = bent(x)
    ours, arts = (
        int(fallen(model, run(name, model, x, cost, effort), y).sum())
        for name in ("constrained_pgd", "art_pgd")
    )
    assert ours >= arts
