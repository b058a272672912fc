"""Black-box search among feasible rows: a few random coordinates at a time, kept when worse.

It needs no gradient, so it works on any model, and it shows a model whose gradients mislead.
After Andriushchenko et al. 2020 (Square Attack, arXiv:1912.00049): random search on a box whose
trials lie mostly at its corners.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tasks.attacks.constraint import Constraint
from tasks.attacks.registry import Effort, Logits, attack, margin
from tasks.attacks.worst import Worst

_MOVES = 3  # most coordinates that one query moves


@attack("feasible_search")
@torch.no_grad()
def feasible_search(
    logits: Logits,
    x: Tensor,
    y: Tensor,
    constraint: Constraint,
    cost: float,
    effort: Effort,
    generator: torch.Generator,
) -> Tensor:
    """Black box; a row leaves as soon as it has fallen."""
    worst = Worst(logits, x, y)
    mutable = constraint.mutable
    for _ in range(effort.queries):
        at = worst.standing()
        if not len(at):
            break
        wish, clean = worst.rows[at], x[at]
        rank = torch.rand(len(at), len(mutable), generator=generator).argsort(1)
        moves = torch.randint(1, _MOVES + 1, (len(at), 1), generator=generator)
        step = 2 * torch.rand(rank.shape, generator=generator) - 1
        corner = torch.rand(rank.shape, generator=generator) < 0.5
        step = cost * torch.where(corner, step.sign(), step)
        wish[:, mutable] = torch.where(rank < moves, clean[:, mutable] + step, wish[:, mutable])
        rows = constraint.project(wish, clean, cost)
        worst.offer(at, rows, margin(logits(rows), y[at]))
    return worst.rows
