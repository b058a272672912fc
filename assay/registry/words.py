"""The words in which the registry's server refuses, as they are said and as they are read."""

from __future__ import annotations

import re

from assay.errors import AssayError

_SAID = re.compile(r"\[assay\] refused, code (\w+): (.*)", re.DOTALL)


def say(error: AssayError) -> str:
    """A refusal as text, wherever MLflow may carry it."""
    return f"[assay] refused, code {error.code}: {error.message}"


def hear(text: str) -> tuple[str, str] | None:
    """Code and message of the refusal that a text carries; None when it carries none."""
    said = _SAID.search(text)
    return (said[1], said[2].strip()) if said else None
