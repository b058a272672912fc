"""What the candidate remembers: the outcome tables `fit` and `membership`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from assay.measures import build_table
from assay.models import Model, release_parts, release_rows
from tasks.evaluation.sitting import Sitting


def fit(sitting: Sitting) -> pa.Table:
    """Predictions on the release: the rows that were fitted, those that chose, and the others."""
    frame = sitting.rows(sitting.release)
    columns = {
        "row": release_rows(sitting.spec, frame),
        "label": sitting.labels(frame),
        "predicted": sitting.model().score(frame) > 0.5,
        "part": release_parts(sitting.spec, len(frame)),
    }
    return build_table("fit", columns)


def membership(sitting: Sitting) -> pa.Table:
    """Losses on the rows that the weights rest on, and on rows that they do not.

    Members are all the rows that a release was made from, or, where the train rows are the release
    themselves, those that were fitted: one that was held out has left nothing to be found. Others
    are halved by the last bit of their keyed row id: nobody chooses who sets a threshold. How hard
    a row is for a model that never saw it is told by a logistic regression that is fitted on the
    development rows.
    """
    members = sitting.rows(sitting.splits.train)
    if sitting.spec.privacy.mechanism == "none":
        members = members[release_parts(sitting.spec, len(members)) == "fitted"]
    others = sitting.rows(sitting.splits.holdout)
    model = sitting.model()
    reference = _reference(sitting, model)
    parts = [
        _lines(
            sitting, model, reference, members, np.ones(len(members), dtype=np.int8), member=True
        ),
        _lines(sitting, model, reference, others, _halves(others["row"]), member=False),
    ]
    return build_table(
        "membership", {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    )


def _reference(sitting: Sitting, model: Model) -> LogisticRegression:
    frame = sitting.rows(sitting.splits.development)
    reference = LogisticRegression(max_iter=1000)
    return reference.fit(model.encoder.encode(frame).astype(np.float64), sitting.labels(frame))


def _lines(
    sitting: Sitting,
    model: Model,
    reference: LogisticRegression,
    frame: pd.DataFrame,
    half: NDArray[np.int8],
    *,
    member: bool,
) -> dict[str, Any]:
    label, x = sitting.labels(frame), model.encoder.encode(frame)
    with torch.no_grad():
        logits = model.logits(torch.from_numpy(x)).double().numpy()
    told = {name: np.asarray(column) for name, column in sitting.told(frame).items()}
    return {
        **told,
        "member": np.full(len(frame), member),
        "half": half,
        "loss": _cross_entropy(label, logits[:, 1] - logits[:, 0]),
        "reference": _cross_entropy(label, reference.decision_function(x.astype(np.float64))),
    }


def _cross_entropy(label: NDArray[np.int8], margin: NDArray[np.float64]) -> NDArray[np.float64]:
    """Loss of each row, (n,), finite for any margin of label 1."""
    return np.logaddexp(0, np.where(label == 1, -margin, margin))


def _halves(rows: pd.Series) -> NDArray[np.int8]:
    return np.array([int(row[-1], 16) % 2 for row in rows], dtype=np.int8)
