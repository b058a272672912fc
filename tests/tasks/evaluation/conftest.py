"""A small lender: sealed splits of made-up loans, and a candidate that was fitted on them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from assay.evidence.artifacts import Candidate, Dataset, Splits
from assay.evidence.statement import Evidence
from assay.home import Home
from assay.measures import build_table, write_outcomes
from assay.models import Architecture, Encoder, Model, save_payload
from assay.models.families import build_network
from assay.policy.rules import ModelRules
from assay.spec import PipelineSpec, load_spec
from tasks.evaluation.sitting import Sitting

PIPELINE = """
model: loans
data:
  source: loans.csv
  suite: suite.json
  label: default
  unit: null
  shares: {train: 0.5, development: 0.1, holdout: 0.4}
  columns:
    late: {kind: ordinal, values: [-1, 0, 1, 2, 3]}
    bill: {kind: number, integer: true, edges: [0, 10, 100, 1000]}
    paid: {kind: number, edges: [0, 5, 50, 500]}
    color: {kind: category, values: [red, green, blue], nulls: true}
    SEX: {kind: category, values: [0, 1], use: audit}
    AGE: {kind: number, edges: [18, 35, 80], use: audit}
privacy: {mechanism: none, reason: rows that were made up for a test}
training:
  {family: mlp, hidden: [8], dropout: 0.0, l1: 0, l2: 0, learning_rate: 0.05, batch: 64,
   epochs: 1, patience: 1, held_out: 0.25, class_weights: balanced, augmentation: null, seed: 3}
evaluation:
  robustness:
    {attacks: [constrained_pgd, feasible_search], costs: [0.1, 0.3], steps: 5, restarts: 2,
     queries: 40}
  stress: {corruptions: [missing, noise, out_of_range, unseen_category], severities: [1, 3]}
  membership: {attacks: [loss_low, loss_high], fpr: 0.05}
"""
RULES = ModelRules.model_validate(
    {
        "tier": "standard",
        "owner": "trainer",
        "approvers": ["approver"],
        "unit": "row",
        "label": "default",
        "unfavourable": 1,
        "sensitive": ["SEX", "AGE"],
        "groups": {"SEX": {"values": [0, 1]}, "AGE": {"edges": [35]}},
        "products": [["SEX", "AGE"]],
        "mutable": {
            "late": {"moves": "down", "values": [-1, 0, 1, 2, 3]},
            "bill": {"moves": "any", "integer": True, "edges": [0, 10, 100, 1000]},
            "paid": {"moves": "up", "edges": [0, 5, 50, 500]},
        },
    }
)
COUNTS = {"train": 500, "development": 260, "holdout": 440}
NOW = 1_700_000_000


def loans(n: int, seed: int) -> pd.DataFrame:
    """Loans as validation seals them; those who are late and pay little default."""
    rng = np.random.default_rng(seed)
    late, paid = rng.integers(-1, 4, n), rng.choice([1.0, 20.0, 200.0], n)
    chance = 1 / (1 + np.exp(-(1.2 * late - np.log(paid) + 0.5)))
    age = rng.integers(18, 80, n).astype(float)
    color = pd.Series(rng.choice(["red", "green", "blue"], n), dtype="str")
    return pd.DataFrame(
        {
            "late": pd.Series(late, dtype="Int64"),
            "bill": rng.integers(0, 1000, n).astype(float),
            "paid": paid,
            "color": color.mask(rng.random(n) < 0.1),
            "SEX": pd.Series(rng.integers(0, 2, n), dtype="Int64"),
            "AGE": age,
            "default": (rng.random(n) < chance).astype("int8"),
            "row": [hashlib.sha256(f"{seed} {i}".encode()).hexdigest()[:32] for i in range(n)],
        }
    ).assign(
        **{
            "unit": lambda rows: rows["row"],
            "group:SEX": lambda rows: rows["SEX"].astype(str),
            "group:AGE": np.where(age < 35, "<35", ">=35"),
        }
    )


@dataclass(frozen=True)
class Lender:
    """What the evaluation room is given, and what a test does with it."""

    spec: PipelineSpec
    candidate: Candidate
    splits: Splits
    home: Home
    rules: ModelRules = RULES
    alpha: float = 0.01

    def given(self, progress: Callable[[str, float], None] = lambda *_: None) -> dict[str, Any]:
        return {
            "spec": self.spec,
            "rules": self.rules,
            "candidate": self.candidate,
            "splits": self.splits,
            "release": self.splits.train,
            "home": self.home,
            "alpha": self.alpha,
            "now": NOW,
            "progress": progress,
        }

    def sitting(self) -> Sitting:
        return Sitting(**self.given())

    def evaluate(self, stage: Callable[..., Evidence]) -> Evidence:
        return stage(**self.given())


def sealed(home: Home, frames: dict[str, pd.DataFrame], schema: str) -> Splits:
    parts = {}
    for name, frame in frames.items():
        digest = write_outcomes(home.sealed_data, pa.Table.from_pandas(frame))
        path = home.sealed_data / f"{digest[7:]}.parquet"
        parts[name] = Dataset("loans.csv", name, path, digest, len(frame), schema)
    told = pd.concat([frame.assign(part=name) for name, frame in frames.items()])
    columns = {name: told[name] for name in ("row", "unit", "part", "group:SEX", "group:AGE")}
    split = build_table("split", {**columns, "label": told["default"]})
    return Splits(**parts, manifest=write_outcomes(home.sealed_outcomes, split))


def fitted(spec: PipelineSpec, frame: pd.DataFrame) -> Model:
    encoder = Encoder(spec.data.columns)
    architecture = Architecture((8,), 0.0)
    x = torch.from_numpy(encoder.encode(frame))
    y = torch.tensor(frame["default"].to_numpy(dtype=np.int64))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network("mlp", encoder.width, architecture)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()
    return Model("mlp", architecture, encoder, network)


@pytest.fixture(scope="session")
def spec(tmp_path_factory: pytest.TempPathFactory) -> PipelineSpec:
    file = tmp_path_factory.mktemp("pipelines") / "loans.yaml"
    file.write_text(PIPELINE)
    return load_spec(file)


@pytest.fixture(scope="session")
def model(spec: PipelineSpec) -> Model:
    return fitted(spec, loans(COUNTS["train"], 0))


@pytest.fixture
def lender(tmp_path: Path, spec: PipelineSpec, model: Model) -> Lender:
    home = Home(tmp_path / "home").create()
    frames = {name: loans(n, seed) for seed, (name, n) in enumerate(COUNTS.items())}
    splits = sealed(home, frames, spec.schema_digest())
    payload = tmp_path / "payload"
    digest = save_payload(payload, model)
    return Lender(spec, Candidate("mlp", payload, digest, {}), splits, home)


@pytest.fixture
def other_rows(lender: Lender) -> Callable[..., Lender]:
    """The same lender over changed holdout rows."""

    def change(**columns: Any) -> Lender:
        frames = {name: loans(n, seed) for seed, (name, n) in enumerate(COUNTS.items())}
        frames["holdout"] = frames["holdout"].assign(**columns)
        splits = sealed(lender.home, frames, lender.spec.schema_digest())
        return replace(lender, splits=splits)

    return change
