"""References that stages hand to one another; rows never pass between tasks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Dataset:
    """A Parquet file by its digest.

    Attributes:
        name: Data source, as the pipeline names it.
        split: `train`, `development`, `holdout`, `quarantine` or `release`.
        path: The file, below the sealed folder.
        digest: `sha256:` of the file's bytes.
        n: Rows.
        schema: `sha256:` of the declared columns.
    """

    name: str
    split: str
    path: Path
    digest: str
    n: int
    schema: str


@dataclass(frozen=True, slots=True)
class Splits:
    """What validation makes: three disjoint data sets and the manifest that proves it.

    Attributes:
        manifest: Outcome file `split` (row, unit, part, label, groups), by digest.
    """

    train: Dataset
    development: Dataset
    holdout: Dataset
    manifest: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trained model's payload folder: safetensors and JSON, nothing executable.

    Attributes:
        digest: `sha256:` over the folder's names, sizes and bytes.
        materials: Name -> digest of what it was made from: release, spec, lock, commit.
    """

    family: str
    folder: Path
    digest: str
    materials: dict[str, str]
