"""A table that nobody here has seen, its draft, and homes whose policy knows its model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from assay.draft import draft
from assay.evidence.keys import make_keys
from assay.home import REPOSITORY, Home
from assay.ledger import Ledger
from assay.policy.bundle import build_policy
from assay.spec import PipelineSpec, load_spec

LABEL, SENSITIVE = "bad", ("sex", "age")
ROWS = 3000


def borrowers(n: int = ROWS, seed: int = 11) -> pd.DataFrame:
    """Borrowers, of whom about three in ten do not pay back."""
    rng = np.random.default_rng(seed)
    late = rng.poisson(0.8, n).clip(0, 5)
    income = np.exp(rng.normal(8, 0.7, n)).round()
    debt = np.where(rng.random(n) < 0.05, np.nan, rng.gamma(2, 1500, n).round(2))
    job = rng.choice(["clerk", "nurse", "smith"], n, p=[0.5, 0.3, 0.2])
    owed = 1.2 * late + 0.0004 * np.nan_to_num(debt) - 0.0006 * income - 0.4 * (job == "nurse")
    chance = 1 / (1 + np.exp(-owed))
    return pd.DataFrame(
        {
            "client": [f"C{k:06d}" for k in rng.permutation(n)],
            "income": income.astype(int),
            "debt": debt,
            "late": late,
            "job": job,
            "remark": [f"call {k} back" for k in rng.integers(0, 9999, n)],
            "sex": rng.choice(["f", "m"], n),
            "age": rng.integers(18, 80, n),
            LABEL: (rng.random(n) < chance).astype(int),
        }
    )


def save(folder: Path, frame: pd.DataFrame) -> Path:
    """The table as a person would bring it."""
    file = folder / "borrowers.csv"
    frame.to_csv(file, index=False)
    return file


@dataclass(frozen=True)
class Stranger:
    """A drafted pipeline, and the policy to which its row was added.

    Attributes:
        folder: Holds table, pipeline and suite.
        policies: Sources of the policy.
        built: The policy, built.
    """

    folder: Path
    policies: Path
    built: Path

    @classmethod
    def draft(cls, folder: Path) -> Stranger:
        """As `assay init` writes it; the policy's owner has added the row."""
        drafted = draft(save(folder, borrowers()), LABEL, SENSITIVE)
        (folder / f"{drafted.name}.yaml").write_text(drafted.pipeline)
        (folder / f"{drafted.name}.suite.json").write_text(drafted.suite)
        policies = folder / "policies"
        shutil.copytree(REPOSITORY / "policies", policies)
        table = json.loads((policies / "data.json").read_text())
        table["models"] |= json.loads(drafted.rules)
        (policies / "data.json").write_text(json.dumps(table))
        build_policy(policies, folder / "built")
        return cls(folder, policies, folder / "built")

    @property
    def pipeline(self) -> Path:
        """The drafted declaration."""
        return self.folder / "borrowers.yaml"

    @property
    def spec(self) -> PipelineSpec:
        """The declaration, read."""
        return load_spec(self.pipeline)

    def home(self, root: Path) -> Home:
        """A fresh home under this policy."""
        home = Home(root).create()
        make_keys(home)
        Ledger.create(home)
        shutil.copytree(self.built, home.policy, dirs_exist_ok=True)
        return home

    def copy(
        self,
        folder: Path,
        frame: pd.DataFrame | None = None,
        declare: Callable[[dict[str, Any]], object] = lambda declared: None,
    ) -> PipelineSpec:
        """The same pipeline over other rows, or declared otherwise.

        Args:
            folder: Where it is laid out.
            frame: Rows; None: those that it was drafted from.
            declare: Changes the plain declaration in place.
        """
        for name in ("borrowers.csv", "borrowers.suite.json"):
            shutil.copy(self.folder / name, folder / name)
        if frame is not None:
            save(folder, frame)
        declared = yaml.safe_load(self.pipeline.read_text())
        declare(declared)
        text = yaml.safe_dump(declared, sort_keys=False, allow_unicode=True)
        (folder / self.pipeline.name).write_text(text)
        return load_spec(folder / self.pipeline.name)


def hasten(declared: dict[str, Any]) -> None:
    """Ask for little, so that a line ends in a second; the policy's floors are undercut by it."""
    declared["privacy"].pop("rows", None)
    declared["training"].pop("selection_rate", None)
    declared["training"] |= {"hidden": [8], "epochs": 3, "held_out": 0.25, "learning_rate": 0.02}
    declared["evaluation"]["robustness"] |= {"steps": 2, "restarts": 1, "queries": 5}
