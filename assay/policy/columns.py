"""What the policy says of single columns: how they divide people, and how people move them."""

from __future__ import annotations

import math
from numbers import Real
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from assay.errors import InputError
from assay.strict import Strict

ColumnName: TypeAlias = Annotated[str, Field(min_length=1, max_length=128)]
Level: TypeAlias = int | str


class Group(Strict):
    """How a sensitive column divides people: by named values, or by edges.

    Attributes:
        values: Levels that gate, as the column holds them.
        edges: Ascending; [35] divides into `<35` and `>=35`.
    """

    values: Annotated[tuple[Level, ...], Field(strict=False)] = ()
    edges: Annotated[tuple[float, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _whole(self) -> Group:
        if bool(self.values) == bool(self.edges):
            raise ValueError("a group has either values or edges")
        if self.values and len(set(map(str, self.values))) != max(2, len(self.values)):
            raise ValueError("values are at least two different levels")
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError("edges ascend")
        return self

    @property
    def levels(self) -> tuple[str, ...]:
        """Every level's name."""
        if self.values:
            return tuple(map(str, self.values))
        inner = zip(self.edges, self.edges[1:], strict=False)
        between = [f"{low:g}-{high:g}" for low, high in inner]
        return (f"<{self.edges[0]:g}", *between, f">={self.edges[-1]:g}")

    def level(self, value: float | str) -> str:
        """The level that a cell of the column belongs to.

        Raises:
            InputError: The cell is none of the values; its value is not repeated.
        """
        if self.values and str(value) in self.levels:
            return str(value)
        if self.edges and isinstance(value, Real) and math.isfinite(value):
            return self.levels[sum(value >= edge for edge in self.edges)]
        raise InputError("unknown_level", f"expected one of {', '.join(self.levels)}")


class Movable(Strict):
    """How far a person can move a column: the attack's cost is counted on this scale.

    The scale is the policy's. Edges packed around a model's threshold make each step across it
    dear, and a fragile model look robust.

    Attributes:
        moves: Direction in which a person can move it.
        edges: Ascending bin edges of a number; a step of .1 crosses a tenth of the bins.
        values: Every level of an ordinal, in order.
        integer: The number is whole.
    """

    moves: Literal["any", "up", "down"]
    edges: Annotated[tuple[float, ...], Field(strict=False)] = ()
    values: Annotated[tuple[Level, ...], Field(strict=False)] = ()
    integer: bool = False

    @model_validator(mode="after")
    def _whole(self) -> Movable:
        if bool(self.values) == bool(self.edges):
            raise ValueError("a mutable column has either values or edges")
        if len({*map(str, self.values), *self.edges}) < max(2, len(self.values), len(self.edges)):
            raise ValueError("values and edges are at least two, all different")
        if list(self.edges) != sorted(self.edges):
            raise ValueError("edges ascend")
        if self.integer and self.values:
            raise ValueError("integer belongs to edges")
        return self
