"""Frozen values to plain JSON and back, by their own declared types and by nothing looser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from assay.errors import EvidenceError

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """Dataclasses and mappings as objects, tuples as lists, words as text.

    A field that has a default is left out where it holds it, so that what was written before
    there was such a field is still written in the same way.
    """
    if is_dataclass(value) and not isinstance(value, type):
        held = ((field, getattr(value, field.name)) for field in fields(value))
        return {field.name: to_plain(item) for field, item in held if item != _default(field)}
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    return value.value if isinstance(value, StrEnum) else value


def from_plain(kind: type[T], found: Any) -> T:
    """The value of this type that was written as plain JSON.

    Args:
        kind: A dataclass whose fields are numbers, text, words, dataclasses, mappings by name,
            tuples of one type, or unions of these.
        found: What was parsed.

    Raises:
        EvidenceError: A key is missing or unknown, or a value has another type; no coercion but
            of a whole number to a float.
    """
    return cast(T, _read(kind, found))


def _read(kind: Any, found: Any) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (UnionType, Union):
        return _read_one_of(inner, found)
    if origin is tuple and type(found) is list:
        return tuple(_read(inner[0], item) for item in found)
    if origin is Mapping and type(found) is dict:
        return {key: _read(inner[1], item) for key, item in found.items()}
    if is_dataclass(kind) and type(found) is dict:
        return _read_fields(kind, found)
    if kind is float and type(found) in (int, float):
        return float(found)
    if isinstance(kind, type) and issubclass(kind, StrEnum) and found in [*kind]:
        return kind(found)
    if type(found) is kind:
        return found
    raise EvidenceError("malformed", f"expected {_shown(kind)}, found {type(found).__name__}")


def _read_fields(kind: Any, found: dict[str, Any]) -> Any:
    types = _types_of(kind)
    needed = {field.name for field in fields(kind) if _default(field) is MISSING}
    if not needed <= set(found) <= set(types):
        raise EvidenceError("malformed", f"expected exactly {', '.join(types)} in {_shown(kind)}")
    return kind(**{name: _read(types[name], item) for name, item in found.items()})


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default


@cache
def _types_of(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _read_one_of(kinds: tuple[Any, ...], found: Any) -> Any:
    for kind in kinds:
        try:
            return _read(kind, found)
        except EvidenceError:
            continue
    raise EvidenceError("malformed", f"expected {' or '.join(map(_shown, kinds))}")


def _shown(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind)
