"""What a measurement is asked: the tables it reads, and the policy's side of the question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pyarrow as pa

from assay.errors import EvidenceError
from assay.evidence.values import Measurement


@dataclass(frozen=True, slots=True)
class Request:
    """The policy's side of a measurement.

    Attributes:
        alpha: Error probability of each end of each bound, already divided by the looks.
        unfavourable: The label, 0 or 1, that a person does not want.
        groups: Audited column -> every level that the policy expects, as text. A level without
            rows is a refusal, so that a group cannot pass by being absent.
        products: Combinations of those columns that are compared cell by cell.
        config: What the evidence says was asked, as values.
        sources: Table -> `sha256:` digest of the outcome file, for `Exact` values.
    """

    alpha: float
    unfavourable: int
    groups: Mapping[str, tuple[str, ...]]
    products: tuple[tuple[str, ...], ...]
    config: Mapping[str, Any]
    sources: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.unfavourable, bool) or self.unfavourable not in (0, 1):
            raise EvidenceError("malformed", "expected the unfavourable label to be 0 or 1")
        if not isinstance(self.groups, Mapping):
            raise EvidenceError("malformed", "expected groups as a mapping of column to levels")
        for name, levels in self.groups.items():
            if len(levels) < 2 or len(set(levels)) != len(levels):
                raise EvidenceError("malformed", f"expected two different levels or more of {name}")
        for product in self.products:
            if len(product) < 2 or not set(product) <= set(self.groups):
                raise EvidenceError("malformed", "expected products of two declared groups or more")

    def comparisons(self) -> dict[str, tuple[str, ...]]:
        """Name of each comparison, such as `SEX` or `SEX*AGE` -> its columns."""
        alone = {name: (name,) for name in self.groups}
        return alone | {"*".join(columns): tuple(columns) for columns in self.products}

    def source(self, table: str) -> str:
        """The digest of a table that an exact value is counted from.

        Raises:
            EvidenceError: Nobody named it.
        """
        if table not in self.sources:
            raise EvidenceError("missing", f"expected the digest of the {table} table, found none")
        return self.sources[table]

    def asked(self, key: str, kind: type | tuple[type, ...]) -> Any:
        """A value of the configuration, of the expected type.

        Raises:
            EvidenceError: It is absent, or of another type (true is no number).
        """
        found = self.config.get(key)
        if isinstance(found, bool) or not isinstance(found, kind):
            raise EvidenceError(
                "malformed", f"expected {key} in the configuration, found {type(found).__name__}"
            )
        return found

    def listed(self, key: str, kind: type | tuple[type, ...]) -> list[Any]:
        """A list of the configuration: not empty, of the expected type throughout, each value once.

        Raises:
            EvidenceError: It is anything else.
        """
        values = self.asked(key, list)
        typed = all(isinstance(v, kind) and not isinstance(v, bool) for v in values)
        if not values or not typed or len(set(values)) != len(values):
            raise EvidenceError("malformed", f"expected {key} to list different values of one type")
        return list(values)


Tables: TypeAlias = Mapping[str, pa.Table]
Measure: TypeAlias = Callable[[Tables, Request], dict[str, Measurement]]
