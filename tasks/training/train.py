"""A release in, a candidate out."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from assay.errors import EvidenceError
from assay.evidence.artifacts import Candidate, Dataset
from assay.evidence.digest import digest_folder
from assay.evidence.statement import Evidence, Subject
from assay.home import Home
from assay.measures import read_rows
from assay.models import Architecture, Encoder, Model, release_parts, save_payload
from assay.policy.rules import ModelRules
from assay.spec import PipelineSpec
from tasks.attacks import Constraint
from tasks.training.loop import History, Progress, Rows, fit
from tasks.training.origin import code_digest, commit_hash, lock_digest


def train(
    spec: PipelineSpec,
    rules: ModelRules,
    release: Dataset,
    home: Home,
    now: int,
    progress: Progress,
) -> tuple[Candidate, Evidence, History]:
    """Fit the declared model to a release and write its payload.

    Args:
        spec: The declared pipeline.
        rules: The policy's row: which columns a person can move.
        release: What may be trained on; early stopping uses a part of it too, so that no real row
            outside of the release touches the model.
        home: Where the payload goes.
        now: Unix seconds.
        progress: Told a message and a fraction from 0 to 1.

    Raises:
        InputError: `one_class`, `too_few_rows`, or an unknown family.
        EvidenceError: The release is not what its digest says.
    """
    frame = read_rows(home, release).to_pandas(ignore_metadata=True)
    encoder = Encoder(spec.data.columns)
    fitted, selection = _parts(spec, encoder, frame)
    constraint = Constraint.of(encoder, rules.moves)
    found = fit(spec.training, fitted, selection, constraint, progress)
    architecture = Architecture(spec.training.hidden, spec.training.dropout)
    model = Model(spec.training.family, architecture, encoder, found.network, found.cutoff)
    folder, digest = _store(home, model)
    materials = {
        "release": release.digest,
        "spec": spec.digest(),
        "lock": lock_digest(),
        "code": code_digest(),
    }
    evidence = Evidence(
        kind="training",
        subject=Subject(spec.model, digest),
        measurements={},
        config={
            **spec.training.model_dump(mode="json"),
            "features": list(spec.features()),
            "commit": commit_hash(),
            "epochs_run": len(found.history.epochs),
            "best_epoch": found.history.best + 1,
            "cutoff": found.cutoff,
            "mutable": rules.attacked,
        },
        materials=materials,
        started_at=now,
        finished_at=now,
    )
    return Candidate(spec.training.family, folder, digest, materials), evidence, found.history


def _parts(spec: PipelineSpec, encoder: Encoder, frame: pd.DataFrame) -> tuple[Rows, Rows]:
    """Rows that are fitted, and rows that only choose the epoch and the cut-off."""
    x = torch.from_numpy(encoder.encode(frame))
    y = torch.tensor(frame[spec.data.label].to_numpy(dtype=np.int64))
    parts = release_parts(spec, len(frame))
    fitted, selection = (torch.from_numpy(parts == name) for name in ("fitted", "selection"))
    return Rows(x[fitted], y[fitted]), Rows(x[selection], y[selection])


def _store(home: Home, model: Model) -> tuple[Path, str]:
    """The payload by its digest, below HOME/candidates; a whole one stays for those who read it."""
    shelf = home.root / "candidates"
    shelf.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=shelf, prefix=".draft-") as scratch:
        draft = Path(scratch) / "payload"
        digest = save_payload(draft, model)
        folder = shelf / digest.removeprefix("sha256:")
        if not _holds(folder, digest):
            shutil.rmtree(folder, ignore_errors=True)
            try:
                draft.rename(folder)
            except OSError:
                if not _holds(folder, digest):  # else another run has stored the same one
                    raise
    return folder, digest


def _holds(folder: Path, digest: str) -> bool:
    try:
        return digest_folder(folder) == digest
    except EvidenceError:
        return False
