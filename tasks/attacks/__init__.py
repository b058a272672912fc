"""Attacks by name: every module of this folder registers its own."""

from importlib import import_module
from pkgutil import iter_modules

from tasks.attacks.constraint import Constraint
from tasks.attacks.registry import ATTACKS, Attack, Counted, Effort, attack, find_attack, margin

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = [
    "ATTACKS",
    "Attack",
    "Constraint",
    "Counted",
    "Effort",
    "attack",
    "find_attack",
    "margin",
]
