"""Pipelines over a small table of loans, for the models that the shared stack's policy knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from tests.tasks.validation.loans import PIPELINE, SUITE, changed, table

ROWS = 3000
SECRET = "zebra-7f3a"  # a cell of a column that is dropped, and may be nowhere but in the table

HONEST = {
    "training.epochs": 4,
    "training.class_weights": "balanced",
    "evaluation.robustness.attacks": ["constrained_pgd", "feasible_search"],
}


def rows(seed: int = 5, n: int = ROWS) -> pd.DataFrame:
    """Loans whose label has to do with debt and grade; each seed has persons of its own."""
    frame = table(n, seed)
    frame["person"] = [f"P{seed}-{k:05d}" for k in range(n)]
    rng = np.random.default_rng(seed)
    odds = 4 * frame["debt"].fillna(0.5) + 0.7 * frame["grade"].clip(upper=3) - 4.5
    frame["bad"] = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(int)
    frame["note"] = SECRET
    return frame


def lay_out(
    folder: Path,
    frame: pd.DataFrame,
    changes: Mapping[str, Any] | None = None,
    name: str = "loans",
) -> Path:
    """Write table, suite and pipeline; the pipeline's path.

    Args:
        folder: Where to.
        frame: The table.
        changes: Dotted key -> value, instead of what the pipeline declares.
        name: Of the pipeline's file.
    """
    folder.mkdir(exist_ok=True)
    frame.to_csv(folder / "loans.csv", index=False)
    (folder / "loans.json").write_text(json.dumps({"name": "loans", "expectations": SUITE}))
    declared: dict[str, Any] = dict(PIPELINE)
    for key, value in {**HONEST, **(changes or {})}.items():
        declared = changed(key, value, declared)
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(declared, sort_keys=False))
    return file
