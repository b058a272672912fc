"""Which rows a person could hand in instead of their own.

A column is mutable in a direction or not at all, moves by at most a quantile cost along its
declared edges, stays in range, and an ordinal or a whole number stays on its levels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from assay.errors import InputError
from assay.models import Encoder
from assay.spec import Column

Direction: TypeAlias = Literal["any", "up", "down"]
_CLOSE = 1e-4  # of a level: .3 * 10 is below 3 in float32


@dataclass(frozen=True, slots=True)
class Constraint:
    """Feasible rows around a clean one, in an encoder's d coordinates.

    Attributes:
        down: (d,), 1 where a coordinate may fall, 0 else.
        up: (d,), 1 where a coordinate may rise, 0 else.
        null: (d,), coordinate that says that this one's cell is null, or itself where none does.
        bins: (d,), number of bins between declared edges.
        levels: (d, most bins), whole steps in each bin; 0 where a column is continuous.
    """

    down: Tensor
    up: Tensor
    null: Tensor
    bins: Tensor
    levels: Tensor

    @classmethod
    def of(cls, encoder: Encoder, mutable: Mapping[str, Direction]) -> Constraint:
        """The constraint of a policy's mutable columns.

        A mutable column that the model does not see cannot help an attacker and is left out.

        Raises:
            InputError: A category is mutable: a step between its levels has no cost
                (`not_ordered`); or no feature is: nothing could be attacked (`nothing_mutable`).
        """
        kept = {name: way for name, way in mutable.items() if name in encoder.columns}
        if not kept:
            raise InputError("nothing_mutable", "expected a mutable feature, found none to attack")
        d, widest = encoder.width, max(map(_bin_count, encoder.columns.values()))
        down, up, null = torch.zeros(d), torch.zeros(d), torch.arange(d)
        bins, levels = torch.ones(d), torch.zeros(d, widest)
        for name, way in kept.items():
            column, at = encoder.columns[name], encoder.blocks[name].start
            if column.kind == "category":
                raise InputError("not_ordered", f"expected {name} to be ordered to be mutable")
            down[at], up[at] = float(way != "up"), float(way != "down")
            null[at] = at + column.nulls
            bins[at] = _bin_count(column)
            levels[at, : _bin_count(column)] = _levels(column)
        return cls(down, up, null, bins, levels)

    @property
    def mutable(self) -> Tensor:
        """Indices of the coordinates that may move."""
        return (self.down + self.up).nonzero()[:, 0]

    def box(self, x: Tensor, cost: float) -> tuple[Tensor, Tensor]:
        """Lowest and highest reachable coordinates of each row, (n, d) each; null cells stay."""
        known = torch.where(self.null == torch.arange(x.shape[1]), 1.0, 1.0 - x[:, self.null])
        lower = (x - cost * known * self.down).clamp(min=0)
        upper = (x + cost * known * self.up).clamp(max=1)
        return lower, upper

    def snap(self, z: Tensor, x: Tensor) -> Tensor:
        """Onto each column's levels, towards the clean row, so that no step grows."""
        scaled = z * self.bins
        bin_ = scaled.floor().clamp(min=0).minimum(self.bins - 1)
        steps = self.levels.gather(1, bin_.long().T).T
        inside = (scaled - bin_) * steps
        below = (bin_ + (inside + _CLOSE).floor() / steps) / self.bins
        above = (bin_ + (inside - _CLOSE).ceil() / steps) / self.bins
        snapped = torch.where(z > x, below.maximum(x), above.minimum(x))
        return torch.where((steps > 0) & (z != x), snapped, z)

    def project(self, z: Tensor, x: Tensor, cost: float) -> Tensor:
        """The feasible row next to each wish.

        Args:
            z: Wishes, (n, d).
            x: Clean rows, (n, d).
            cost: Largest step of a column, in (0, 1].

        Returns:
            (n, d), float32 in [0, 1].
        """
        lower, upper = self.box(x, cost)
        return self.snap(z.maximum(lower).minimum(upper), x)


def _bin_count(column: Column) -> int:
    return max(len(column.edges), len(column.values)) - 1


def _levels(column: Column) -> Tensor:
    """Whole steps in each bin; an integer whose edges are not whole is taken as continuous."""
    if column.kind == "ordinal":
        return torch.ones(_bin_count(column))
    edges = torch.tensor(column.edges)
    whole = column.integer and bool((edges == edges.round()).all())
    return edges.diff() if whole else torch.zeros(_bin_count(column))
