"""The training loop: class weights, dropout, L1 and L2, hard batches, early stopping."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from assay.errors import InputError
from assay.models import Architecture, one_thread
from assay.models.families import build_network
from assay.spec import Training
from tasks.attacks import Constraint
from tasks.training.augment import augment

Progress: TypeAlias = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Epoch:
    """Mean weighted cross-entropy, clean and on hard rows together."""

    fitted: float
    held_out: float


@dataclass(frozen=True, slots=True)
class History:
    """A training curve.

    Attributes:
        epochs: One entry each.
        best: Index of the epoch whose weights were kept.
    """

    epochs: tuple[Epoch, ...]
    best: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Coordinates, (n, d) float32, and labels, (n,) int64."""

    x: Tensor
    y: Tensor

    def batches(self, size: int, generator: torch.Generator) -> Iterator[Rows]:
        """All rows once, in a drawn order."""
        for index in torch.split(torch.randperm(len(self.x), generator=generator), size):
            yield Rows(self.x[index], self.y[index])


def fit(
    asked: Training, fitted: Rows, held_out: Rows, constraint: Constraint, progress: Progress
) -> tuple[nn.Module, History]:
    """Fit a network; the weights of the epoch that did best on the held-out rows are kept.

    The same declaration and rows give the same weights: every draw comes from the declared seed.

    Args:
        asked: Family, regularisation, augmentation, seed.
        fitted: Rows of the release to fit.
        held_out: Rows of the release that only choose the epoch.
        constraint: Which hard rows are feasible.
        progress: Told a message and a fraction from 0 to 1.

    Raises:
        InputError: A part of the release has rows of one label only (`one_class`).
    """
    # Dropout draws from the global generator.
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(asked.seed)
        fitting = _Fitting.of(asked, fitted, constraint)
        curve: list[Epoch] = []
        best, kept = 0, fitting.weights()
        for epoch in range(asked.epochs):
            curve.append(Epoch(fitting.epoch(fitted), fitting.loss_of(held_out)))
            progress(f"epoch {epoch + 1} of {asked.epochs}", (epoch + 1) / asked.epochs)
            if epoch == 0 or curve[-1].held_out < curve[best].held_out:
                best, kept = epoch, fitting.weights()
            elif epoch - best >= asked.patience:
                break
        fitting.network.load_state_dict(kept)
    return fitting.network.eval(), History(tuple(curve), best)


@dataclass(frozen=True, slots=True)
class _Fitting:
    """A network on its way."""

    asked: Training
    network: nn.Module
    optimizer: torch.optim.Optimizer
    weight: Tensor | None
    constraint: Constraint
    generator: torch.Generator

    @classmethod
    def of(cls, asked: Training, rows: Rows, constraint: Constraint) -> _Fitting:
        counts = torch.bincount(rows.y, minlength=2)
        if not bool((counts > 0).all()):
            raise InputError("one_class", "expected rows of both labels to fit, found one label")
        weight = len(rows.y) / (2 * counts) if asked.class_weights == "balanced" else None
        architecture = Architecture(asked.hidden, asked.dropout)
        network = build_network(asked.family, rows.x.shape[1], architecture)
        optimizer = torch.optim.Adam(
            network.parameters(), lr=asked.learning_rate, weight_decay=asked.l2
        )
        generator = torch.Generator().manual_seed(asked.seed)
        return cls(asked, network, optimizer, weight, constraint, generator)

    def weights(self) -> dict[str, Tensor]:
        return {name: tensor.clone() for name, tensor in self.network.state_dict().items()}

    def epoch(self, rows: Rows) -> float:
        """One pass with updates; the mean loss before each update."""
        self.network.train()
        total = 0.0
        for batch in rows.batches(self.asked.batch, self.generator):
            loss = self._loss(batch)
            total += loss.item() * len(batch.y)
            if self.asked.l1:
                loss = loss + self.asked.l1 * sum(p.abs().sum() for p in self.network.parameters())
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
        return total / len(rows.y)

    def loss_of(self, rows: Rows) -> float:
        """The same loss without updates and without dropout."""
        self.network.eval()
        with torch.no_grad():
            return self._loss(rows).item()

    def _loss(self, rows: Rows) -> Tensor:
        """Clean rows and, where asked, the same rows made hard, in equal parts."""
        x, y = rows.x, rows.y
        if self.asked.augmentation is not None:
            with torch.enable_grad():
                hard = augment(
                    self.network, x, y, self.constraint, self.asked.augmentation, self.generator
                )
            x, y = torch.cat([x, hard.detach()]), torch.cat([y, y])
        return cross_entropy(self.network(x), y, weight=self.weight)
