"""The worst feasible row that an attack has found so far, for each row."""

from __future__ import annotations

import torch
from torch import Tensor

from tasks.attacks.registry import Logits, margin


class Worst:
    """Starts at the clean rows; only a larger margin replaces what is kept.

    Attributes:
        rows: (n, d).
        reached: Margin of each, (n,).
    """

    def __init__(self, logits: Logits, x: Tensor, y: Tensor) -> None:
        self.rows = x.detach().clone()
        with torch.no_grad():
            self.reached = margin(logits(x), y)

    def standing(self) -> Tensor:
        """Indices of the rows that have not fallen yet."""
        return (self.reached <= 0).nonzero()[:, 0]

    def offer(self, at: Tensor, rows: Tensor, reached: Tensor) -> None:
        """Candidates (m, d) and their margins (m,) for the rows at indices (m,)."""
        worse = reached > self.reached[at]
        self.rows[at[worse]] = rows[worse]
        self.reached[at[worse]] = reached[worse]
