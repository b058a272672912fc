"""The door of training."""

from __future__ import annotations

import time

from assay.evidence.artifacts import Candidate, Dataset
from assay.evidence.statement import Evidence
from assay.home import find_home
from assay.policy.rules import load_policy
from assay.spec import PipelineSpec
from tasks.door import door, report
from tasks.training import History, train
from tasks.training.origin import code_digest


@door("name the code")
def name_code() -> str:
    """Digest of the sources that a run may import."""
    return code_digest()


@door("train the model")
def train_model(spec: PipelineSpec, release: Dataset) -> tuple[Candidate, Evidence, History]:
    """A candidate, evidence of what it was made from, and its curve."""
    home = find_home()
    rules = load_policy(home.policy).model(spec.model)
    return train(spec, rules, release, home, int(time.time()), report)
