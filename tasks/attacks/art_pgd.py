"""The Adversarial Robustness Toolbox's projected gradient descent, among feasible rows.

ART knows neither directions nor levels, so what it attacks is the model behind the projection:
every row that it tries moves to the feasible row next to it before the model sees it. Slower than
`constrained_pgd`, and the measure that it is held against.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from tasks.attacks.constraint import Constraint
from tasks.attacks.registry import Effort, Logits, attack, margin
from tasks.attacks.worst import Worst

_REACH = 2.5  # as in constrained_pgd


@attack("art_pgd")
def art_pgd(
    logits: Logits,
    x: Tensor,
    y: Tensor,
    constraint: Constraint,
    cost: float,
    effort: Effort,
    generator: torch.Generator,
) -> Tensor:
    """White box, ART's loop; the first restart begins at the clean row, the others anywhere."""
    worst = Worst(logits, x, y)
    with _seeded(generator):
        for random_starts in sorted({0, effort.restarts - 1}):
            at = worst.standing()
            if len(at):
                clean = x[at]
                behind = _Projected(logits, clean, constraint, cost)
                wishes = _generate(behind, clean, y[at], cost, effort.steps, random_starts)
                rows = constraint.project(wishes, clean, cost)
                with torch.no_grad():
                    worst.offer(at, rows, margin(logits(rows), y[at]))
    return worst.rows


class _Projected(nn.Module):
    """Logits of the feasible rows next to n wishes; gradients pass the projection unchanged."""

    def __init__(self, logits: Logits, x: Tensor, constraint: Constraint, cost: float) -> None:
        super().__init__()
        self._logits = logits
        self._x = x
        self._constraint = constraint
        self._cost = cost

    def forward(self, wishes: Tensor) -> Tensor:
        """All n at once, in order: each belongs to its clean row."""
        rows = self._constraint.project(wishes.detach(), self._x, self._cost)
        return self._logits(wishes + (rows - wishes).detach())


def _generate(
    behind: nn.Module, x: Tensor, y: Tensor, cost: float, steps: int, random_starts: int
) -> Tensor:
    """ART's adversarial rows, not projected yet."""
    from art.attacks.evasion import ProjectedGradientDescentNumpy  # seconds to import
    from art.estimators.classification import PyTorchClassifier

    classifier = PyTorchClassifier(
        model=behind,
        loss=nn.CrossEntropyLoss(),
        input_shape=x.shape[1:],
        nb_classes=2,
        clip_values=(0.0, 1.0),
        device_type="cpu",
    )
    descent = ProjectedGradientDescentNumpy(
        classifier,
        eps=cost,
        eps_step=_REACH * cost / steps,
        max_iter=steps,
        num_random_init=random_starts,
        batch_size=len(x),
        verbose=False,
    )
    wishes = descent.generate(x.numpy(), y.numpy())
    return torch.from_numpy(wishes.astype(np.float32))


@contextmanager
def _seeded(generator: torch.Generator) -> Iterator[None]:
    """ART draws from global states: seeded for as long as it runs, as they were afterwards."""
    state = np.random.get_state()
    seed = int(torch.randint(2**31, (1,), generator=generator))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(state)
