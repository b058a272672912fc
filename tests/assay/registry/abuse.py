"""docs/abuse.md, made of the attempts: `python -m tests.assay.registry.abuse > docs/abuse.md`."""

from __future__ import annotations

import sys

from tests.assay.registry.attempts import ATTEMPTS, CONTROLS, Attempt

HEAD = f"""# Ways around the gate

Each row is a request to a running server, and a test: it has to be refused with this status and
word, and aliases, tags, stage, models and the bytes of the version have to be as they were
([test_bypass](../tests/assay/registry/test_bypass.py)). {len(ATTEMPTS)} of {len(ATTEMPTS)} are
refused. A refusal without a word of ours is MLflow's own, which answers first.

{len(CONTROLS)} of them are also sent to a vanilla `mlflow server`, where each has to *succeed*:
an attempt that fails everywhere would prove nothing. The others were not tried there.

| who | attempt | request | refused with | vanilla server |
|---|---|---|---|---|
"""


def row(attempt: Attempt) -> str:
    """One line of the table; whatever is not plain ASCII is shown as its code."""
    shown = (
        attempt.who or "nobody",
        attempt.name,
        f"`{attempt.method} {attempt.path}`",
        f"{attempt.status} {attempt.code}".strip(),
        "succeeds" if attempt.control else "",
    )
    cells = (
        cell.encode("ascii", "backslashreplace").decode().replace("|", "\\|") for cell in shown
    )
    return f"| {' | '.join(cells)} |\n"


def page() -> str:
    """The whole page."""
    return HEAD + "".join(map(row, ATTEMPTS))


if __name__ == "__main__":
    sys.stdout.write(page())
