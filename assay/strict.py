"""Declarations that check themselves, and how their mistakes are told."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

MAX_SHOWN = 10  # mistakes in one message


class Strict(BaseModel):
    """Frozen, no coercion, no unknown key, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def repeated(names: Iterable[Any]) -> list[Any]:
    """What occurs more than once, in order."""
    return [name for name, n in Counter(names).items() if n > 1]


def explain(file: Path, error: ValidationError, model: type[Strict]) -> str:
    """Each mistake by its key; text may be personal and is not repeated, a number is."""
    lines = []
    for mistake in error.errors(include_url=False):
        location, found = mistake["loc"], mistake["input"]
        key = ".".join(map(_printable, location)) or "(top)"
        if mistake["type"] == "extra_forbidden":
            lines.append(f"{file}: unknown key {key}{_did_you_mean(model, location)}")
        elif mistake["type"] == "missing":
            lines.append(f"{file}: {key}: expected a value, found nothing")
        elif mistake["type"] == "value_error":
            lines.append(f"{file}: {key}: {mistake['ctx']['error']}")
        else:
            shown = found if isinstance(found, int | float) else type(found).__name__
            lines.append(f"{file}: {key}: {mistake['msg']}, found {shown}")
    more = [f"and {len(lines) - MAX_SHOWN} more"] if len(lines) > MAX_SHOWN else []
    return "; ".join(lines[:MAX_SHOWN] + more)


def _printable(part: int | str) -> str:
    text = str(part)[:80]
    return text if text.isprintable() else ascii(text)


def _did_you_mean(model: type[Strict], location: tuple[int | str, ...]) -> str:
    """A hint from the keys that are known at the place of the unknown one."""
    known: type[BaseModel] | None = model
    inside = False
    for part in location[:-1]:
        if inside or known is None:
            inside = False
            continue
        annotation = known.model_fields[str(part)].annotation
        inside = get_origin(annotation) in (dict, tuple)
        known = next((a for a in (annotation, *get_args(annotation)) if _is_model(a)), None)
    names = set(known.model_fields) - {"folder"} if known else set()
    close = difflib.get_close_matches(_printable(location[-1]), names, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known here: {', '.join(sorted(names))}"


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Strict)
