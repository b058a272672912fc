"""A small declared table with a train split in a fresh home, for the rooms' tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from assay.evidence.artifacts import Dataset, Splits
from assay.home import Home
from assay.measures import write_outcomes
from assay.spec import PipelineSpec

DECLARED: dict[str, Any] = {
    "model": "loans",
    "data": {
        "source": "loans.csv",
        "suite": "loans.json",
        "label": "bad",
        "unit": "person",
        "shares": {"train": 0.5, "development": 0.1, "holdout": 0.4},
        "columns": {
            "late": {"kind": "ordinal", "values": [0, 1, 2, 3]},
            "paid": {"kind": "number", "edges": [0, 10, 20, 50, 100], "integer": True},
            "debt": {"kind": "number", "edges": [0, 1, 2, 4, 8], "nulls": True},
            "sex": {"kind": "category", "values": [0, 1], "use": "audit"},
        },
    },
    "privacy": {"mechanism": "synthetic", "epsilon": 3.0, "delta": 1e-6},
    "training": {
        "family": "mlp",
        "hidden": [16],
        "dropout": 0.1,
        "l1": 1e-6,
        "l2": 1e-4,
        "learning_rate": 0.01,
        "batch": 64,
        "epochs": 6,
        "patience": 3,
        "held_out": 0.25,
        "class_weights": "balanced",
        "augmentation": {"attack": "constrained_pgd", "cost": 0.2, "steps": 3},
        "seed": 1,
    },
    "evaluation": {
        "robustness": {
            "attacks": ["constrained_pgd"],
            "costs": [0.1],
            "steps": 1,
            "restarts": 1,
            "queries": 1,
        },
        "stress": {"corruptions": ["noise"], "severities": [1]},
        "membership": {"attacks": ["loss_low"], "fpr": 0.01},
    },
}


def declare(folder: Path, **changes: dict[str, Any]) -> PipelineSpec:
    """The declaration with some keys of some sections changed."""
    sections = {
        name: {**section, **changes.get(name, {})} if isinstance(section, dict) else section
        for name, section in DECLARED.items()
    }
    if "privacy" in changes:
        sections["privacy"] = changes["privacy"]
    return PipelineSpec.model_validate({**sections, "folder": folder})


def make_rows(n: int, seed: int = 0) -> pd.DataFrame:
    """Rows as a split holds them; who is late and paid little is likelier bad."""
    choices = np.random.default_rng(seed)
    late = choices.integers(0, 4, n)
    paid = choices.integers(0, 101, n)
    debt = np.where(choices.random(n) < 0.1, np.nan, choices.random(n) * 8)
    odds = 1.5 * late - 0.05 * paid + 0.2 * np.nan_to_num(debt) - 1
    bad = choices.random(n) < 1 / (1 + np.exp(-odds))
    return pd.DataFrame(
        {
            "late": late,
            "paid": paid,
            "debt": debt,
            "sex": choices.integers(0, 2, n),
            "bad": bad.astype("int8"),
            "row": [f"{seed:016x}{i:016x}" for i in range(n)],
            "unit": [f"{seed:016x}{i:016x}" for i in range(n)],
            "group:sex": choices.integers(0, 2, n).astype(str),
        }
    )


def seal(home: Home, spec: PipelineSpec, rows: pd.DataFrame, part: str) -> Dataset:
    """A sealed file of rows."""
    table = pa.Table.from_pandas(rows, preserve_index=False)
    digest = write_outcomes(home.sealed_data, table)
    path = home.sealed_data / f"{digest[7:]}.parquet"
    return Dataset(spec.data.source, part, path, digest, len(rows), spec.schema_digest())


def split(home: Home, spec: PipelineSpec, train: pd.DataFrame) -> Splits:
    """Splits whose other parts are small."""
    parts = {
        part: seal(home, spec, make_rows(50, seed), part)
        for part, seed in (("development", 901), ("holdout", 902))
    }
    return Splits(seal(home, spec, train, "train"), **parts, manifest="sha256:" + "0" * 64)


def quiet(message: str, fraction: float) -> None:
    """Progress that nobody looks at."""
