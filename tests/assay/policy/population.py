"""Small outcome tables of a good credit model: every bar passes at the tier's alpha, no more."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.measures.tables import build_table

COUNTS = {"train": 1600, "development": 400, "holdout": 1600, "quarantine": 4}
COSTS, ATTACKS = (0.05, 0.1, 0.2), ("constrained_pgd", "feasible_search")
CORRUPTIONS, SEVERITIES = ("missing", "noise", "out_of_range", "unseen_category"), (1, 2, 3)
UNFAVOURABLE = 1

Columns = dict[str, NDArray[Any]]


def keyed(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def every(n: int, k: int) -> NDArray[np.bool_]:
    """True for one in k rows, evenly spread."""
    return np.arange(n) % k == k - 1


def people() -> Columns:
    """Every source row: four equal cells of sex and age, three in ten with the bad label."""
    n = sum(COUNTS.values())
    index = np.arange(n)
    return {
        "row": np.array([keyed(f"row {i}") for i in index]),
        "unit": np.array([keyed(f"unit {i}") for i in index]),
        "part": np.repeat(list(COUNTS), list(COUNTS.values())),
        "label": (index // 4 % 10 < 3).astype(np.int8),
        "group:SEX": np.where(index % 2 == 0, "0", "1"),
        "group:AGE": np.where(index // 2 % 2 == 0, "<35", ">=35"),
    }


def part(name: str) -> Columns:
    """The people of one part."""
    everyone = people()
    chosen = everyone["part"] == name
    return {key: column[chosen] for key, column in everyone.items() if key not in ("unit", "part")}


def split() -> pa.Table:
    return build_table("split", people())


def expectations(n: int = 12) -> pa.Table:
    return build_table(
        "expectations",
        {
            "index": np.arange(n),
            "type": ["expect_column_to_exist"] * n,
            "success": [True] * n,
            "element_count": [sum(COUNTS.values())] * n,
            "missing_count": [0] * n,
            "unexpected_count": [0] * n,
        },
    )


def scores(rows: Columns) -> NDArray[np.float64]:
    """Wrong for one row in twenty of each cell and label; otherwise clearly right."""
    n = len(rows["label"])
    right = np.where(rows["label"] == 1, 0.8, 0.2) + 0.1 * np.sin(np.arange(n))
    rank = np.empty(n, dtype=int)
    for sex in "01":
        for age in ("<35", ">=35"):
            for label in (0, 1):
                cell = rows["label"] == label
                cell &= (rows["group:SEX"] == sex) & (rows["group:AGE"] == age)
                rank[cell] = np.arange(cell.sum())
    return np.where(rank % 20 == 19, 1 - right, right)


def predictions(name: str) -> pa.Table:
    rows = part(name)
    score = scores(rows)
    return build_table("predictions", {**rows, "score": score, "predicted": score > 0.5})


def fit(n: int = 1500) -> pa.Table:
    label = np.arange(n) % 10 < 3
    return build_table(
        "fit",
        {
            "row": [f"{i:032x}" for i in range(n)],
            "label": label,
            "predicted": label ^ every(n, 20),
            "part": np.where(np.arange(n) % 2 == 0, "held_out", "fitted"),
        },
    )


def robustness(name: str) -> pa.Table:
    rows = part(name)
    attacked = rows["label"] == UNFAVOURABLE
    caught = scores(rows)[attacked] > 0.5
    keys, n = rows["row"][attacked], int(attacked.sum())
    lines: dict[str, list[Any]] = {"row": [], "budget": [], "attack": [], "survived": []}
    for strength, cost in enumerate(COSTS):
        for attack in ATTACKS:
            lines["row"] += list(keys)
            lines["budget"] += [cost] * n
            lines["attack"] += [attack] * n
            lines["survived"] += list(caught & ~every(n, 12 - 3 * strength))
    return build_table("robustness", {**lines, "label": [UNFAVOURABLE] * len(lines["row"])})


def stress(name: str) -> pa.Table:
    rows = part(name)
    clean, n = scores(rows) > 0.5, len(rows["row"])
    cases = [(corruption, severity) for corruption in CORRUPTIONS for severity in SEVERITIES]
    worse = {severity: clean ^ every(n, 80 // severity + 1) for severity in SEVERITIES}
    return build_table(
        "stress",
        {
            "row": np.tile(rows["row"], len(cases)),
            "label": np.tile(rows["label"], len(cases)),
            "corruption": np.repeat([corruption for corruption, _ in cases], n),
            "severity": np.repeat([severity for _, severity in cases], n),
            "predicted": np.concatenate([worse[severity] for _, severity in cases]),
        },
    )


def membership() -> pa.Table:
    """Members' losses lie within those of the others: neither tail tells them apart."""
    inside, outside = part("train"), part("holdout")
    score = scores(outside)
    likely = np.where(outside["label"] == 1, score, 1 - score)
    columns = {key: np.concatenate([inside[key], outside[key]]) for key in inside}
    n = len(inside["row"])
    member = np.arange(n + len(score)) < n
    return build_table(
        "membership",
        {
            **columns,
            "member": member,
            "half": member | [int(row[-1], 16) % 2 == 1 for row in columns["row"]],
            "loss": np.concatenate([0.2 + 0.01 * np.sin(np.arange(n)), -np.log(likely)]),
            "reference": np.zeros(len(member)),
        },
    )


def tables() -> dict[str, pa.Table]:
    """Every table that the evidence rests on, under its material's name."""
    found = {"outcomes:split": split(), "outcomes:expectations": expectations()}
    for prefix, name in (("outcomes", "holdout"), ("development", "development")):
        found[f"{prefix}:predictions"] = predictions(name)
        found[f"{prefix}:robustness"] = robustness(name)
        found[f"{prefix}:stress"] = stress(name)
    fitted = fit()
    return {
        **found,
        "outcomes:fit": fitted,
        "outcomes:release": fitted.drop_columns(["predicted"]),
        "outcomes:membership": membership(),
    }
