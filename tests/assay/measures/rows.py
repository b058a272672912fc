"""Outcome tables of people whose number, labels and predictions a test chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from assay.measures import Request, build_table

SOURCE = "sha256:" + "0" * 64
REQUEST = Request(
    alpha=0.05,
    unfavourable=1,
    groups={"SEX": ("0", "1"), "AGE": ("<35", ">=35")},
    products=(("SEX", "AGE"),),
    config={
        "expectations": 3,
        "attacks": ["constrained_pgd", "feasible_search"],
        "costs": [0.1],
        "corruptions": ["noise"],
        "severities": [1],
        "fpr": 0.1,
    },
    sources={"split": SOURCE, "expectations": SOURCE},
)


def asking(**config: Any) -> Request:
    """The same request with other values in the evidence's configuration."""
    return replace(REQUEST, config={**REQUEST.config, **config})


def keys(n: int) -> list[str]:
    return [f"{i:032x}" for i in range(n)]


def groups(n: int) -> dict[str, Any]:
    """Four equal cells of sex and age, in turn."""
    index = np.arange(n)
    return {
        "group:SEX": np.where(index % 2 == 0, "0", "1"),
        "group:AGE": np.where(index // 2 % 2 == 0, "<35", ">=35"),
    }


def predictions(label: Sequence[Any], predicted: Sequence[Any], **more: Any) -> pa.Table:
    """Scores of .9 and .1; audited columns by `groups` unless others are given."""
    score = np.where(np.asarray(predicted) == 1, 0.9, 0.1)
    n = len(score)
    columns = {"row": keys(n), "label": label, "score": score, "predicted": predicted}
    return build_table("predictions", {**columns, **(more or groups(n))})


def stress(label: Sequence[Any], predicted: Sequence[Any], name: str = "noise") -> pa.Table:
    n = len(label)
    columns = {"row": keys(n), "label": label, "predicted": predicted}
    return build_table("stress", {**columns, "corruption": [name] * n, "severity": [1] * n})


def robustness(label: Sequence[Any], survived: dict[str, Sequence[Any]], cost: float) -> pa.Table:
    """One line per row of label 1 and attack; `survived` holds a value per such row."""
    targets = [key for key, of in zip(keys(len(label)), label, strict=True) if of == 1]
    n = len(targets)
    return build_table(
        "robustness",
        {
            "row": targets * len(survived),
            "label": [1] * n * len(survived),
            "budget": [cost] * n * len(survived),
            "attack": [name for name in survived for _ in range(n)],
            "survived": [value for values in survived.values() for value in values],
        },
    )


def membership(
    member: Sequence[Any],
    half: Sequence[Any],
    loss: Sequence[Any],
    reference: Sequence[Any] | None = None,
) -> pa.Table:
    n = len(loss)
    columns = {"row": keys(n), "label": [0] * n, "member": member, "half": half, "loss": loss}
    easy = [0.0] * n if reference is None else reference
    return build_table("membership", {**columns, "reference": easy, **groups(n)})
