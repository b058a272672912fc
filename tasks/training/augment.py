"""Adversarial examples inside a training batch.

Madry et al. 2018, arXiv:1706.06083, eq. 2.1, among the rows that the policy says a person could
hand in. Unlike the attack of the same name, which lets a row go once it has fallen, every row
climbs to the end: a training row has to be hard, not only lost.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from assay.spec import Augmentation
from tasks.attacks import Constraint, margin

_REACH = 2.5  # all steps together, in costs


def augment(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    constraint: Constraint,
    asked: Augmentation,
    generator: torch.Generator,
) -> Tensor:
    """The batch again, each row moved to where the network errs most.

    Args:
        network: (n, d) -> (n, 2) logits; attacked without dropout.
        x: Clean rows, (n, d), float32 in [0, 1].
        y: Their labels, (n,), int64.
        constraint: Which rows are feasible.
        asked: Cost and steps.
        generator: Draws the starting points.

    Returns:
        Feasible rows, (n, d).
    """
    training = network.training
    network.eval()
    lower, upper = constraint.box(x, asked.cost)
    z = lower + (upper - lower) * torch.rand(x.shape, generator=generator)
    step = _REACH * asked.cost / asked.steps
    for _ in range(asked.steps):
        leaf = constraint.snap(z, x).requires_grad_(True)
        (gradient,) = torch.autograd.grad(margin(network(leaf), y).sum(), leaf)
        z = (z + step * gradient.sign()).maximum(lower).minimum(upper)
    network.train(training)
    return constraint.snap(z, x)
