"""The strict loader of a suite: whatever Great Expectations would drop or let pass is refused.

Great Expectations drops an expectation that it does not know with a line in a log, passes an
empty suite, and accepts expectations that no table can fail.
"""

from __future__ import annotations

import difflib
import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import EvidenceError, InputError
from assay.evidence.canonical import canonical, parse
from assay.evidence.digest import digest_bytes
from assay.plain_yaml import MAX_BYTES, read_small
from assay.strict import repeated

# By name: an expectation that is not imported is not known, and an empty package imports nothing.
from expectations import (
    ExpectColumnPairRatioToBeBetween,
    ExpectGroupsToHaveRows,
    ExpectNoColumnToTellTheLabel,
    ExpectOneHotColumnsToMarkOneLevel,
    ExpectRepeatedRowsToBeRare,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from great_expectations.compatibility import pydantic
    from great_expectations.exceptions import ExpectationNotFoundError, GreatExpectationsError
    from great_expectations.expectations import expectation as kinds
    from great_expectations.expectations.registry import (
        get_expectation_impl,
        list_registered_expectation_implementations,
    )

OURS = (
    ExpectColumnPairRatioToBeBetween,
    ExpectGroupsToHaveRows,
    ExpectNoColumnToTellTheLabel,
    ExpectOneHotColumnsToMarkOneLevel,
    ExpectRepeatedRowsToBeRare,
)
ROW_LEVEL = (
    kinds.ColumnMapExpectation,
    kinds.ColumnPairMapExpectation,
    kinds.MulticolumnMapExpectation,
)
MOSTLY_FLOOR = 0.99  # an expectation may leave at most one row in a hundred to quarantine
# Settings of the run, which a suite has no business to change.
RESERVED = frozenset(kinds.BatchExpectation.__fields__)
# Without these, such an expectation is true of every table.
NEEDED = frozenset(
    {"min_value", "max_value", "threshold", "type_list", "column_list", "column_set"}
)


@dataclass(frozen=True, slots=True)
class Declared:
    """One expectation of a suite.

    Attributes:
        type: Registered name, such as `expect_column_values_to_be_between`.
        kwargs: What it is asked.
        row_level: Whether it judges each row, so that a failing row can be set apart.
    """

    type: str
    kwargs: Mapping[str, Any]
    row_level: bool

    @property
    def about(self) -> tuple[str, ...]:
        """Columns that it speaks of."""
        single = [self.kwargs[k] for k in ("column", "column_A", "column_B") if k in self.kwargs]
        return (*single, *self.kwargs.get("column_list", ()))

    @property
    def everywhere(self) -> bool:
        """Whether no row is exempt by a condition."""
        return "row_condition" not in self.kwargs

    def __str__(self) -> str:
        return f"{self.type} of {', '.join(self.about)}" if self.about else self.type


@dataclass(frozen=True, slots=True)
class Suite:
    """A whole suite, by the digest of its file.

    Attributes:
        mostly_floor: Smallest share of rows that any of its expectations asks for.
    """

    name: str
    digest: str
    declared: tuple[Declared, ...]

    @property
    def mostly_floor(self) -> float:
        """Smallest share of rows that any expectation asks for."""
        return float(min((d.kwargs.get("mostly", 1.0) for d in self.declared), default=1.0))

    @property
    def asked(self) -> dict[str, float]:
        """What the policy's floors on validation speak of."""
        return {"expectations": len(self.declared), "mostly_floor": self.mostly_floor}


def load_suite(file: Path) -> Suite:
    """Read and check a suite.

    Raises:
        InputError: `no_suite`, `bad_suite` or `bad_expectation`; the message names the file, the
            expectation and what is wrong with it.
    """
    raw = read_small(file, "no_suite", "a readable suite of expectations")
    try:
        found = parse(raw, limit=MAX_BYTES)
    except EvidenceError as error:
        raise InputError("bad_suite", f"{file}: {error.message}") from None
    match found:
        case {"name": str(name), "expectations": [_, *_] as entries} if len(found) == 2:
            pass
        case _:
            raise InputError(
                "bad_suite", f"{file}: expected a name, at least one expectation, and no more"
            )
    declared = tuple(_read(f"{file}: expectation {i}", e) for i, e in enumerate(entries, 1))
    told = [canonical([d.type, dict(d.kwargs)]) for d in declared]
    if repeated(told):
        raise InputError("bad_suite", f"{file}: expected each expectation once, found one twice")
    return Suite(name, digest_bytes(raw), declared)


def _read(place: str, entry: object) -> Declared:
    match entry:
        case {"type": str(kind), "kwargs": dict(kwargs), **more} if set(more) <= {"meta"}:
            pass
        case _:
            raise _bad(place, "expected a type and kwargs, and at most a meta")
    place = f"{place} ({kind[:80]})"
    implementation = _resolve(place, kind)
    _check_kwargs(place, implementation, kwargs)
    try:
        with quiet():
            implementation(**kwargs)
    except (pydantic.ValidationError, GreatExpectationsError, TypeError) as error:
        raise _bad(place, _first_mistake(error)) from None
    return Declared(kind, kwargs, issubclass(implementation, ROW_LEVEL))


def _resolve(place: str, kind: str) -> type[Any]:
    try:
        found: type[Any] = get_expectation_impl(kind)
    except ExpectationNotFoundError:
        known = list_registered_expectation_implementations()
        close = difflib.get_close_matches(kind, known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise _bad(place, f"expected a registered expectation{hint}") from None
    return found


def _check_kwargs(place: str, implementation: type[Any], kwargs: dict[str, Any]) -> None:
    """Whatever would make the expectation true of any table, or read something else."""
    if reserved := sorted(RESERVED & set(kwargs)):
        raise _bad(place, f"{', '.join(reserved)} is a setting of the run")
    if any("query" in key or "other_table" in key for key in implementation.__fields__):
        raise _bad(place, "it reads another table than the one that is validated")
    if not _is_full(kwargs):
        raise _bad(place, "expected no null, and nothing empty")
    if open_ := sorted(NEEDED & set(implementation.__fields__) - set(kwargs)):
        raise _bad(place, f"expected {', '.join(open_)}, found none: it would pass any table")
    if kwargs.get("exact_match", True) is not True:
        raise _bad(place, "expected exact_match to be true")
    if not isinstance(kwargs.get("row_condition", {}), dict):
        raise _bad(place, "expected row_condition as an object: a text would be run as code")
    mostly = kwargs.get("mostly", 1.0)
    if isinstance(mostly, bool) or not isinstance(mostly, int | float):
        raise _bad(place, "expected mostly to be a number")
    if not MOSTLY_FLOOR <= mostly <= 1:
        raise _bad(place, f"expected mostly between {MOSTLY_FLOOR} and 1, found {mostly}")
    if "min_value" in kwargs and "max_value" in kwargs:
        _check_bounds(place, kwargs["min_value"], kwargs["max_value"])


def _check_bounds(place: str, lowest: object, highest: object) -> None:
    for bound in (lowest, highest):
        if (
            isinstance(bound, bool)
            or not isinstance(bound, int | float)
            or not math.isfinite(bound)
        ):
            raise _bad(place, "expected min_value and max_value to be numbers")
    if lowest > highest:  # type: ignore[operator]
        raise _bad(place, "expected min_value <= max_value")


def _is_full(value: object) -> bool:
    """Neither null nor empty, at any depth; no parameter that someone else fills in."""
    if isinstance(value, dict):
        return bool(value) and "$PARAMETER" not in value and all(map(_is_full, value.values()))
    if isinstance(value, list):
        return bool(value) and all(map(_is_full, value))
    return value is not None and value != ""


def _first_mistake(error: Exception) -> str:
    if not isinstance(error, pydantic.ValidationError):
        return "expected other arguments"
    mistake = error.errors()[0]
    return f"{'.'.join(map(str, mistake['loc']))}: {mistake['msg']}"


def _bad(place: str, problem: str) -> InputError:
    return InputError("bad_expectation", f"{place}: {problem}")


@contextmanager
def quiet() -> Iterator[None]:
    """No warning of the library's own making."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
