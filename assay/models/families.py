"""The network families that a pipeline may name, each one decorated function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from torch import nn

from assay.errors import InputError


@dataclass(frozen=True, slots=True)
class Architecture:
    """What a family is built from.

    Attributes:
        hidden: Width of each hidden layer.
        dropout: Share of hidden units dropped in training, in [0, 1).
    """

    hidden: tuple[int, ...]
    dropout: float


Build: TypeAlias = Callable[[int, Architecture], nn.Module]
FAMILIES: dict[str, Build] = {}


def family(name: str) -> Callable[[Build], Build]:
    """Register a function from (coordinates, architecture) to a network with two logits."""

    def register(build: Build) -> Build:
        if name in FAMILIES:
            raise InputError("duplicate", f"expected one family named {name}, found a second")
        FAMILIES[name] = build
        return build

    return register


def build_network(name: str, width: int, architecture: Architecture) -> nn.Module:
    """An untrained network of a registered family for rows of `width` coordinates.

    Raises:
        InputError: No such family (`unknown_family`).
    """
    if name not in FAMILIES:
        raise InputError(
            "unknown_family", f"expected a family of {', '.join(sorted(FAMILIES))}, found {name!r}"
        )
    return FAMILIES[name](width, architecture)


@family("mlp")
def mlp(width: int, architecture: Architecture) -> nn.Module:
    """Fully connected layers with ReLU and dropout."""
    layers: list[nn.Module] = []
    for size in architecture.hidden:
        layers += [nn.Linear(width, size), nn.ReLU(), nn.Dropout(architecture.dropout)]
        width = size
    return nn.Sequential(*layers, nn.Linear(width, 2))
