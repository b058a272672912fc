"""One candidate before its sealed rows: what every evaluation has at hand, and how it reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

from assay.errors import EvidenceError
from assay.evidence.artifacts import Candidate, Dataset, Splits
from assay.evidence.digest import digest_folder
from assay.evidence.statement import Evidence, Subject
from assay.evidence.values import Measurement
from assay.home import Home
from assay.measures import MEASURES, Request, read_rows, write_outcomes
from assay.models import Encoder, Model, load_payload
from assay.policy.rules import ModelRules
from assay.spec import PipelineSpec

Progress: TypeAlias = Callable[[str, float], None]
Tables: TypeAlias = Mapping[str, pa.Table]


@dataclass(frozen=True, slots=True)
class Sitting:
    """What an evaluation is given.

    Attributes:
        spec: The declared pipeline; it says which attacks and corruptions are asked.
        rules: The policy's row of the model: groups, mutable columns, unfavourable label.
        candidate: The payload that is examined.
        splits: Train, development and sealed holdout rows.
        release: What the candidate was trained on.
        home: Where sealed rows are read and outcome tables are written.
        alpha: Error probability of each end of each bound, for one look.
        now: Unix seconds.
        progress: Told a message and a fraction from 0 to 1.
    """

    spec: PipelineSpec
    rules: ModelRules
    candidate: Candidate
    splits: Splits
    release: Dataset
    home: Home
    alpha: float
    now: int
    progress: Progress

    @property
    def sides(self) -> Mapping[str, Dataset]:
        """Where numbers come from: the sealed rows, and those that may be shown."""
        return {"outcomes": self.splits.holdout, "development": self.splits.development}

    def model(self) -> Model:
        """The candidate, once its bytes are what its digest says and it sees what was declared.

        A payload carries its own columns. Were they believed, it could see an audited one, and its
        edges would set what a step of an attack costs.

        Raises:
            EvidenceError: `wrong_subject`, `other_features`; as `load_payload`.
        """
        if digest_folder(self.candidate.folder) != self.candidate.digest:
            raise EvidenceError("wrong_subject", "expected the candidate's bytes as trained")
        model = load_payload(self.candidate.folder)
        if not model.encoder.reads_as(Encoder(self.spec.data.columns)):
            raise EvidenceError(
                "other_features",
                "expected a payload that sees the declared features as declared, found another",
            )
        return model

    def rows(self, dataset: Dataset) -> pd.DataFrame:
        """A sealed data set's rows, once their bytes are what the digest says.

        Raises:
            EvidenceError, Unavailable: As `read_rows`.
        """
        frame: pd.DataFrame = read_rows(self.home, dataset).to_pandas(ignore_metadata=True)
        return frame

    def told(self, frame: pd.DataFrame) -> dict[str, Any]:
        """The columns of an outcome table that repeat what validation told of each row."""
        groups = {name: frame[name] for name in frame.columns if name.startswith("group:")}
        return {"row": frame["row"], "label": self.labels(frame), **groups}

    def labels(self, frame: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.int8]]:
        """The declared label, (n,)."""
        return frame[self.spec.data.label].to_numpy(dtype=np.int8)

    def evidence(
        self,
        kind: str,
        config: Mapping[str, Any],
        materials: Mapping[str, str],
        tables: Mapping[str, Tables],
    ) -> Evidence:
        """Store the outcome tables, measure them, and state both.

        Args:
            kind: Kind of evidence.
            config: What was asked, as plain JSON.
            materials: Name -> digest of what was read.
            tables: `outcomes` and, where there are any, `development` -> name -> table.
        """
        measured: dict[str, dict[str, Measurement]] = {"development": {}}
        stored: dict[str, str] = {}
        for side, named in tables.items():
            digests = {
                name: write_outcomes(self.home.sealed_outcomes, table)
                for name, table in named.items()
            }
            measured[side] = MEASURES[kind](named, self._request(config, digests))
            stored |= {f"{side}:{name}": digest for name, digest in digests.items()}
        return Evidence(
            kind=kind,
            subject=Subject(self.spec.model, self.candidate.digest),
            measurements=measured["outcomes"],
            development=measured["development"],
            config=config,
            materials={**materials, **stored},
            started_at=self.now,
            finished_at=self.now,
        )

    def _request(self, config: Mapping[str, Any], sources: Mapping[str, str]) -> Request:
        groups = {name: group.levels for name, group in self.rules.groups.items()}
        return Request(
            self.alpha, self.rules.unfavourable, groups, self.rules.products, config, sources
        )
