"""The validation report: every expectation with its counts, and not one value."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from assay.errors import EvidenceError
from assay.measures import read_table
from tasks.validation.suite import Declared, Suite


def write_report(suite: Suite, expectations: pa.Table) -> str:
    """A Markdown table of what was expected and in how many rows it held.

    Args:
        suite: The declared suite.
        expectations: The outcome table of the same suite.

    Raises:
        EvidenceError: `malformed`, the table is not about this suite.
    """
    told = read_table("expectations", {"expectations": expectations})
    order = told["index"].argsort()
    kinds = [told["type"][place] for place in order]
    if kinds != [declared.type for declared in suite.declared]:
        raise EvidenceError("malformed", "expected one line for each expectation of the suite")
    lines = ["| expectation | about | asked | rows | without value | broken | holds |"]
    lines.append("|---|---|---|---:|---:|---:|---|")
    for declared, place in zip(suite.declared, order, strict=True):
        counts = (f"{told[name][place]:,}" for name in ("element_count", "missing_count"))
        broken = f"{told['unexpected_count'][place]:,}" if declared.row_level else ""
        holds = "yes" if told["success"][place] else "no"
        cells = (declared.type.removeprefix("expect_"), _about(declared), _asked(declared))
        lines.append(f"| {' | '.join((*cells, *counts, broken, holds))} |")
    return "\n".join(lines) + "\n"


def _about(declared: Declared) -> str:
    return ", ".join(map(_cell, declared.about))


def _asked(declared: Declared) -> str:
    return ", ".join(_settings(declared))


def _settings(declared: Declared) -> Iterator[str]:
    for name, value in declared.kwargs.items():
        if name in ("column", "column_A", "column_B", "column_list"):
            continue
        shown = f"{len(value)} of them" if isinstance(value, list) and len(value) > 8 else value
        yield f"{name} {_cell(shown)}"


def _cell(value: object) -> str:
    """Text that cannot leave its cell."""
    return str(value).replace("|", "\\|").replace("\n", " ")
