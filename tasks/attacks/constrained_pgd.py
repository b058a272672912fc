"""Projected gradient descent among feasible rows.

Madry et al. 2018, arXiv:1706.06083, eq. 2.1. The loss is the margin: with two labels its gradient
has the signs of the cross-entropy's, and it does not saturate.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tasks.attacks.constraint import Constraint
from tasks.attacks.registry import Effort, Logits, attack, margin
from tasks.attacks.worst import Worst

_REACH = 2.5  # all steps of a restart together, in costs: enough to cross the box and turn back


@attack("constrained_pgd")
def constrained_pgd(
    logits: Logits,
    x: Tensor,
    y: Tensor,
    constraint: Constraint,
    cost: float,
    effort: Effort,
    generator: torch.Generator,
) -> Tensor:
    """White box, signed gradient steps; a row leaves as soon as it has fallen."""
    worst = Worst(logits, x, y)
    for restart in range(effort.restarts):
        at = worst.standing()
        z = x[at]
        lower, upper = constraint.box(z, cost)
        if restart > 0:
            z = lower + (upper - lower) * torch.rand(z.shape, generator=generator)
        for _ in range(effort.steps + 1):
            rows = constraint.snap(z, x[at])
            reached, gradient = _climb(logits, rows, y[at])
            worst.offer(at, rows, reached)
            z = z + _REACH * cost / effort.steps * gradient.sign()
            z = z.maximum(lower).minimum(upper)
            left = reached <= 0
            at, z, lower, upper = at[left], z[left], lower[left], upper[left]
    return worst.rows


def _climb(logits: Logits, rows: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Margin of each row, (m,), and its gradient, (m, d)."""
    with torch.enable_grad():
        leaf = rows.detach().requires_grad_(True)
        reached = margin(logits(leaf), y)
        (gradient,) = torch.autograd.grad(reached.sum(), leaf)
    return reached.detach(), gradient
