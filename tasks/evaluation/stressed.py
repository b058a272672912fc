"""Every row under every corruption: the outcome table `stress`."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from assay.evidence.artifacts import Dataset
from assay.measures import build_table
from tasks.evaluation.corruptions import corrupt
from tasks.evaluation.sitting import Progress, Sitting


def stress(sitting: Sitting, dataset: Dataset, progress: Progress) -> pa.Table:
    """The outcome table of one data set, at every severity that is asked."""
    asked, seed = sitting.spec.evaluation.stress, sitting.spec.training.seed
    cases = [(name, severity) for name in asked.corruptions for severity in asked.severities]
    frame, model = sitting.rows(dataset), sitting.model()
    declared = model.encoder.columns
    predicted = []
    for done, (name, severity) in enumerate(cases, start=1):
        broken = corrupt(name, frame, declared, severity, seed)
        predicted.append(model.score(broken) > 0.5)
        progress(f"{name} at severity {severity}", done / len(cases))
    n = len(frame)
    columns = {
        "row": np.tile(frame["row"].to_numpy(dtype=object), len(cases)),
        "label": np.tile(sitting.labels(frame), len(cases)),
        "corruption": np.repeat([name for name, _ in cases], n),
        "severity": np.repeat(np.array([s for _, s in cases], dtype=np.int8), n),
        "predicted": np.concatenate(predicted),
    }
    return build_table("stress", columns)
