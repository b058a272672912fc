"""What an attack is, and the attacks that a pipeline may name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from assay.errors import InputError
from tasks.attacks.constraint import Constraint

Logits: TypeAlias = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard an attack tries, per row.

    Attributes:
        steps: Gradient steps of each restart.
        restarts: Starting points; the first is the clean row.
        queries: Forward passes of a black-box search.
    """

    steps: int
    restarts: int
    queries: int

    def __post_init__(self) -> None:
        if min(self.steps, self.restarts, self.queries) < 1:
            raise InputError("no_effort", "expected steps, restarts and queries of at least 1")


class Attack(Protocol):
    """Moves rows so that their label is no longer predicted."""

    def __call__(
        self,
        logits: Logits,
        x: Tensor,
        y: Tensor,
        constraint: Constraint,
        cost: float,
        effort: Effort,
        generator: torch.Generator,
    ) -> Tensor:
        """The worst feasible row that was found for each row.

        Args:
            logits: (n, d) coordinates to (n, 2) logits.
            x: Clean rows, (n, d), float32 in [0, 1].
            y: Their labels, (n,), int64.
            constraint: Which rows are feasible.
            cost: Largest step of a column, in quantile cost, in (0, 1].
            effort: How hard to try.
            generator: Every random choice comes from it.

        Returns:
            (n, d) feasible rows; a row that is wrong already comes back as it is.
        """
        ...


ATTACKS: dict[str, Attack] = {}


def attack(name: str) -> Callable[[Attack], Attack]:
    """Register an attack under the name that pipelines use."""

    def register(function: Attack) -> Attack:
        if name in ATTACKS:
            raise InputError("duplicate", f"expected one attack named {name}, found a second")
        ATTACKS[name] = function
        return function

    return register


def find_attack(name: str) -> Attack:
    """The attack of this name.

    Raises:
        InputError: No such attack (`unknown_attack`).
    """
    if name not in ATTACKS:
        raise InputError(
            "unknown_attack", f"expected an attack of {', '.join(sorted(ATTACKS))}, found {name!r}"
        )
    return ATTACKS[name]


def margin(logits: Tensor, y: Tensor) -> Tensor:
    """How far the other label's logit is above the row's own, (n,); above 0 the row has fallen."""
    own = logits.gather(1, y[:, None])[:, 0]
    return logits.sum(1) - 2 * own


class Counted:
    """Logits that count the rows which went through them."""

    def __init__(self, logits: Logits) -> None:
        self._logits = logits
        self.forwards = 0

    def __call__(self, x: Tensor) -> Tensor:
        """Logits of x."""
        self.forwards += len(x)
        return self._logits(x)
