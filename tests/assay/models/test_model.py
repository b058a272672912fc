"""A model scores rows, deterministically, and hands gradients to inputs alone."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from assay.errors import InputError
from assay.models import FAMILIES, Architecture, Model, family
from assay.models.families import build_network

ROWS = pd.DataFrame(
    {"late": [0, 1, None, 2], "bill": [1, 2, 30, 400], "color": ["red", "green", "blue", "red"]}
)


def test_score_is_the_probability_of_label_1(model: Model) -> None:
    logits = model.logits(torch.from_numpy(model.encoder.encode(ROWS)))
    score = model.score(ROWS)
    assert score.dtype == np.float64
    assert np.allclose(score, torch.softmax(logits, 1)[:, 1].numpy(), atol=1e-6)
    assert ((score > 0.5) == (logits.argmax(1) == 1).numpy()).all()


def test_scoring_twice_gives_the_same_numbers(model: Model) -> None:
    assert (model.score(ROWS) == model.score(ROWS)).all()


def test_gradients_reach_inputs_and_never_parameters(model: Model) -> None:
    x = torch.from_numpy(model.encoder.encode(ROWS)).requires_grad_(True)
    (gradient,) = torch.autograd.grad(model.logits(x).sum(), x)
    assert gradient.shape == x.shape
    assert not any(parameter.requires_grad for parameter in model.network.parameters())


def test_dropout_is_off_in_a_model(model: Model) -> None:
    assert not any(module.training for module in model.network.modules())


@pytest.mark.parametrize("name", sorted(FAMILIES))
@pytest.mark.parametrize("hidden", [(1,), (8,), (16, 4, 2)])
def test_every_family_maps_coordinates_to_two_logits(name: str, hidden: tuple[int, ...]) -> None:
    network = build_network(name, 5, Architecture(hidden, 0.0))
    assert network(torch.zeros(3, 5)).shape == (3, 2)


def test_refuses_an_unknown_family() -> None:
    with pytest.raises(InputError, match="unknown_family"):
        build_network("forest", 3, Architecture((4,), 0.0))


def test_refuses_a_second_family_of_one_name() -> None:
    with pytest.raises(InputError, match="duplicate"):
        family("mlp")(FAMILIES["mlp"])


@pytest.mark.parametrize("cutoff", [-0.2, 0.0, 0.15])
def test_a_cut_off_moves_decision_and_logits_together(model: Model, cutoff: float) -> None:
    moved = replace(model, cutoff=cutoff)
    x = torch.from_numpy(model.encoder.encode(ROWS))
    margin = torch.diff(model.network(x), dim=1)[:, 0]
    assert torch.allclose(torch.diff(moved.logits(x), dim=1)[:, 0], margin - cutoff)
    assert ((moved.score(ROWS) > 0.5) == (margin > cutoff).numpy()).all()
