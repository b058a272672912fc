"""The training loop: class weights, dropout, L1 and L2, hard batches, early stopping."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from assay.errors import InputError, Refused
from assay.models import Architecture, one_thread
from assay.models.families import build_network
from assay.spec import Training
from tasks.attacks import Constraint, Effort, find_attack

Progress: TypeAlias = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Epoch:
    """Mean weighted cross-entropy, clean and on hard rows together."""

    fitted: float
    selection: float


@dataclass(frozen=True, slots=True)
class History:
    """A training curve.

    Attributes:
        epochs: One entry each.
        best: Index of the epoch whose weights were kept: the best on the selection rows, or the
            last where no patience was declared.
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


@dataclass(frozen=True, slots=True)
class Fit:
    """What training leads to.

    Attributes:
        network: In evaluation mode.
        cutoff: Margin of label 1 above which the network shall say so.
    """

    network: nn.Module
    cutoff: float
    history: History


def fit(
    asked: Training, fitted: Rows, selection: Rows, constraint: Constraint, progress: Progress
) -> Fit:
    """Fit a network; epoch and cut-off are chosen on the selection rows.

    The same declaration and rows give the same weights: every draw comes from the declared seed.

    Args:
        asked: Family, regularisation, augmentation, seed.
        fitted: Rows of the release to fit.
        selection: Rows of the release that choose and are never fitted.
        constraint: Which hard rows are feasible.
        progress: Told a message and a fraction from 0 to 1.

    Raises:
        InputError: The fitted rows have one label only (`one_class`), or the augmentation is no
            registered attack (`unknown_attack`).
        Refused: The loss is no number any more (`diverged`).
    """
    # Dropout draws from the global generator.
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(asked.seed)
        fitting = _Fitting.of(asked, fitted, constraint)
        history = _run(fitting, fitted, selection, progress)
        fitting.network.eval().requires_grad_(False)
        return Fit(fitting.network, fitting.cutoff(selection), history)


def _run(fitting: _Fitting, fitted: Rows, selection: Rows, progress: Progress) -> History:
    """All epochs, or as many as patience lasts; leaves the kept weights in the network."""
    curve: list[Epoch] = []
    best, kept = 0, fitting.weights()
    for epoch in range(fitting.asked.epochs):
        curve.append(Epoch(fitting.epoch(fitted), fitting.loss_of(selection)))
        if not math.isfinite(curve[-1].fitted + curve[-1].selection):
            raise Refused("diverged", "expected a finite loss; lower training.learning_rate")
        told = f"epoch {epoch + 1} of {fitting.asked.epochs}: loss {curve[-1].selection:.3f}"
        progress(told, (epoch + 1) / fitting.asked.epochs)
        improved = epoch == 0 or curve[-1].selection < curve[best].selection
        if improved or fitting.asked.patience is None:
            best, kept = epoch, fitting.weights()
        elif epoch - best >= fitting.asked.patience:
            break
    fitting.network.load_state_dict(kept)
    return History(tuple(curve), best)


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

    def cutoff(self, rows: Rows) -> float:
        """The margin that the declared share of these rows is above; 0 where none is declared."""
        if self.asked.selection_rate is None:
            return 0.0
        margin = torch.diff(self.network(rows.x).double(), dim=1)[:, 0]
        return torch.quantile(margin, 1 - self.asked.selection_rate).item()

    def _loss(self, rows: Rows) -> Tensor:
        """Clean rows and, where asked, the same rows made hard, in equal parts."""
        x, y = rows.x, rows.y
        if self.asked.augmentation is not None:
            x, y = torch.cat([x, self._hard(rows)]), torch.cat([y, y])
        return cross_entropy(self.network(x), y, weight=self.weight)

    def _hard(self, rows: Rows) -> Tensor:
        """Each row as the declared attack leaves it: just fallen, or as near to it as it gets.

        Friendly adversarial training, Zhang et al. 2020, arXiv:2002.11242: rows that are moved no
        further than they must be cost less accuracy on clean ones.
        """
        asked = self.asked.augmentation
        assert asked is not None
        training = self.network.training
        self.network.eval()  # attacked as it will be used, without dropout
        effort = Effort(asked.steps, restarts=1, queries=asked.steps)
        attack = find_attack(asked.attack)
        hard = attack(
            self.network, rows.x, rows.y, self.constraint, asked.cost, effort, self.generator
        )
        self.network.train(training)
        return hard
