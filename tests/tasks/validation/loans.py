"""A small table of loans, made up by a seed, with its pipeline, its suite and its policy row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from assay.evidence.artifacts import Splits
from assay.evidence.keys import make_keys
from assay.evidence.statement import Evidence
from assay.home import Home
from assay.ledger import Ledger
from assay.policy.rules import ModelRules
from assay.spec import PipelineSpec, load_spec
from tasks.validation.validate import validate

NOW = 1_700_000_000
ROWS = 400
NUMBERS = ["int64", "float64"]

PIPELINE: dict[str, Any] = {
    "model": "loans",
    "data": {
        "source": "loans.csv",
        "suite": "loans.json",
        "label": "bad",
        "unit": "person",
        "shares": {"train": 0.5, "development": 0.2, "holdout": 0.3},
        "columns": {
            "income": {"kind": "number", "integer": True, "edges": [0, 1000, 5000, 100000]},
            "debt": {"kind": "number", "nulls": True, "edges": [0.0, 0.5, 1.0]},
            "grade": {"kind": "ordinal", "values": [1, 2, 3], "merge": {9: 3}},
            "city": {"kind": "category", "values": ["north", "south"]},
            "age": {"kind": "number", "edges": [18, 35, 100], "use": "audit"},
            "race": {
                "kind": "category",
                "values": ["a", "b"],
                "use": "audit",
                "one_hot": {"race_a": "a", "race_b": "b", "race_c": "b"},
            },
        },
        "drop": ["note"],
    },
    "privacy": {"mechanism": "synthetic", "epsilon": 3, "delta": 1.0e-6},
    "training": {
        "family": "mlp",
        "hidden": [8],
        "dropout": 0.1,
        "l1": 0.0,
        "l2": 0.0,
        "learning_rate": 0.01,
        "batch": 64,
        "epochs": 2,
        "patience": 2,
        "held_out": 0.1,
        "class_weights": "none",
        "augmentation": None,
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
RULES: dict[str, Any] = {
    "tier": "standard",
    "owner": "trainer",
    "approvers": ["approver"],
    "unit": "person",
    "label": "bad",
    "unfavourable": 1,
    "sensitive": ["age", "race"],
    "sources": {"race": {"race_a": "a", "race_b": "b", "race_c": "b"}},
    "groups": {"age": {"edges": [35]}, "race": {"values": ["a", "b"]}},
    "products": [["age", "race"]],
    "mutable": {"income": {"moves": "up", "integer": True, "edges": [0, 1000, 5000, 100000]}},
}


def expectation(kind: str, **kwargs: Any) -> dict[str, Any]:
    """An entry of a suite."""
    return {"type": f"expect_{kind}", "kwargs": kwargs}


SUITE: list[dict[str, Any]] = [
    expectation("table_row_count_to_be_between", min_value=50, max_value=100_000),
    expectation(
        "table_columns_to_match_set",
        column_set=[
            *("person", "income", "debt", "grade", "city", "age"),
            *("race_a", "race_b", "race_c", "note", "bad"),
        ],
    ),
    expectation("column_values_to_be_of_type", column="person", type_="str"),
    expectation("column_values_to_not_be_null", column="person"),
    expectation("column_values_to_be_in_type_list", column="bad", type_list=NUMBERS),
    expectation("column_values_to_not_be_null", column="bad"),
    expectation("column_values_to_be_in_set", column="bad", value_set=[0, 1]),
    expectation("column_values_to_be_in_type_list", column="income", type_list=NUMBERS),
    expectation("column_values_to_not_be_null", column="income", mostly=0.99),
    expectation(
        "column_values_to_be_between", column="income", min_value=0, max_value=90_000, mostly=0.99
    ),
    expectation("column_mean_to_be_between", column="income", min_value=1000, max_value=9000),
    expectation("column_values_to_be_in_type_list", column="debt", type_list=NUMBERS),
    expectation(
        "column_proportion_of_non_null_values_to_be_between",
        column="debt",
        min_value=0.5,
        max_value=1,
    ),
    expectation("column_values_to_be_between", column="debt", min_value=0, max_value=1),
    expectation("column_values_to_be_in_type_list", column="grade", type_list=NUMBERS),
    expectation("column_values_to_not_be_null", column="grade", mostly=0.99),
    expectation("column_values_to_be_in_set", column="grade", value_set=[1, 2, 3, 9], mostly=0.99),
    expectation("column_values_to_be_of_type", column="city", type_="str"),
    expectation("column_values_to_not_be_null", column="city"),
    expectation("column_values_to_be_in_set", column="city", value_set=["north", "south"]),
    expectation("column_values_to_be_in_type_list", column="age", type_list=NUMBERS),
    expectation("column_values_to_not_be_null", column="age", mostly=0.99),
    expectation("column_values_to_be_between", column="age", min_value=18, max_value=100),
    expectation(
        "one_hot_columns_to_mark_one_level",
        column_list=["race_a", "race_b", "race_c"],
        mostly=0.99,
    ),
]


def table(n: int = ROWS, seed: int = 5) -> pd.DataFrame:
    """Loans of n persons, about a quarter of them bad."""
    rng = np.random.default_rng(seed)
    race = rng.integers(0, 3, n)
    return pd.DataFrame(
        {
            "person": [f"P{k:05d}" for k in range(n)],
            "income": rng.integers(500, 9000, n),
            "debt": np.where(rng.random(n) < 0.1, np.nan, rng.random(n).round(4)),
            "grade": rng.choice([1, 2, 3, 9], n, p=[0.4, 0.3, 0.29, 0.01]),
            "city": rng.choice(["north", "south"], n),
            "age": rng.integers(18, 90, n),
            "race_a": (race == 0).astype(int),
            "race_b": (race == 1).astype(int),
            "race_c": (race == 2).astype(int),
            "note": "none",
            "bad": (rng.random(n) < 0.25).astype(int),
        }
    )


def changed(key: str, value: object, base: Mapping[str, Any]) -> dict[str, Any]:
    """A nested mapping with one dotted key set."""
    first, _, rest = key.partition(".")
    return {**base, first: changed(rest, value, base[first]) if rest else value}


@dataclass(frozen=True)
class Case:
    """A folder with everything that `validate` reads."""

    spec: PipelineSpec
    rules: ModelRules
    home: Home

    def run(self) -> tuple[Splits, Evidence]:
        """Validate it."""
        return validate(self.spec, self.rules, self.home, NOW, lambda _message, _fraction: None)


def lay_out(
    folder: Path,
    frame: pd.DataFrame,
    *,
    pipeline: Mapping[str, Any] = PIPELINE,
    suite: object = SUITE,
    rules: Mapping[str, Any] = RULES,
) -> Case:
    """Write the table, the suite and the pipeline, in a home with keys of its own."""
    frame.to_csv(folder / "loans.csv", index=False)
    (folder / "loans.json").write_text(json.dumps({"name": "loans", "expectations": suite}))
    (folder / "loans.yaml").write_text(yaml.safe_dump(dict(pipeline), sort_keys=False))
    home = Home(folder / "home")
    if not home.root.is_dir():
        make_keys(home.create())
        Ledger.create(home)
    return Case(load_spec(folder / "loans.yaml"), ModelRules.model_validate(dict(rules)), home)
