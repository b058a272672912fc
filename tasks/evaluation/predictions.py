"""The clean predictions of a candidate on a data set: made once, shared by four evaluations."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pyarrow as pa

import assay.models
from assay.errors import EvidenceError
from assay.evidence.artifacts import Dataset
from assay.evidence.digest import digest_files, digest_json
from assay.evidence.files import read_bytes, write_once
from assay.measures import build_table, read_outcomes, write_outcomes
from tasks.evaluation.sitting import Sitting

MAX_NOTE = 71  # bytes of a digest


def predictions(sitting: Sitting, dataset: Dataset) -> pa.Table:
    """The outcome table `predictions`, from the sealed folder if it was made before.

    A note beside the tables says which one belongs to a candidate's bytes, a data set's bytes and
    the code that turns the one into scores of the other; when any of them differs, or the table is
    gone or altered, it is made anew.

    Raises:
        EvidenceError: As `Sitting.model` and `Sitting.rows`.
    """
    folder = sitting.home.sealed_outcomes
    made_of = [sitting.candidate.digest, dataset.digest, _code()]
    note = folder / f"{digest_json(made_of)[7:]}.predictions"
    with suppress(EvidenceError, UnicodeDecodeError):
        return read_outcomes(folder, read_bytes(note, limit=MAX_NOTE).decode())
    table = _predict(sitting, dataset)
    note.unlink(missing_ok=True)
    write_once(note, write_outcomes(folder, table).encode())
    return table


def _predict(sitting: Sitting, dataset: Dataset) -> pa.Table:
    frame = sitting.rows(dataset)
    score = sitting.model().score(frame)
    columns = {**sitting.told(frame), "score": score, "predicted": score > 0.5}
    return build_table("predictions", columns)


def _code() -> str:
    """Digest of the modules that make a score out of a row."""
    folder = Path(assay.models.__file__).parent
    return digest_files({path.name: path.read_bytes() for path in folder.glob("*.py")})
