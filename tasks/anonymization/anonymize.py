"""The training units' one release: made once, charged first, stored, and handed out again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from assay.evidence.artifacts import Dataset, Splits
from assay.evidence.digest import digest_json
from assay.evidence.statement import Evidence, Subject
from assay.home import Home
from assay.ledger import Ledger, store_release
from assay.measures import (
    MEASURES,
    Request,
    build_table,
    read_outcomes,
    read_rows,
    rho_of_epsilon,
    write_outcomes,
)
from assay.models import release_parts, release_rows
from assay.spec import PipelineSpec
from tasks.anonymization.domain import Domain
from tasks.anonymization.tree import SHARES, ask, draw
from tasks.anonymization.units import reserve_units, rows_of_single_units

Progress: TypeAlias = Callable[[str, float], None]


def anonymize(
    spec: PipelineSpec,
    splits: Splits,
    home: Home,
    ledger: Ledger,
    now: int,
    progress: Progress,
) -> tuple[Dataset, Evidence]:
    """What training may see: the declared release of the train split, or the split itself.

    Args:
        spec: The declared pipeline; its `privacy` says which.
        splits: From validation; only `train` is opened.
        home: Where the release is sealed.
        ledger: Where it is charged, before the rows are asked.
        now: Unix seconds.
        progress: Called with a message and a fraction from 0 to 1.

    Returns:
        The release, and evidence of kind `privacy`.

    Raises:
        Refused: These units had another release (`epsilon_spent`), or several rows belong to one
            unit (`rows_per_unit`).
        InputError: A cell has no declared level (`undeclared_value`), there are fewer than two
            features (`too_few_columns`), or rows for one part only (`too_few_rows`).
    """
    declared = declare(spec)
    if spec.privacy.mechanism == "none":
        progress("no release: the rows themselves go on", 1.0)
        return splits.train, _evidence(spec, splits, splits.train, declared, home, now)
    train = read_rows(home, splits.train).to_pandas()
    frame = rows_of_single_units(spec, train)
    release_parts(spec, spec.privacy.rows or len(frame))  # too few rows are told while unspent
    charge = digest_json({"declaration": declared, "schema": spec.schema_digest()})
    units, stored = reserve_units(frame, charge, home, ledger, now)
    if stored is None:
        rows = _release(spec, frame, declared, progress)
        table = pa.Table.from_pandas(rows, preserve_index=False)
        stored = write_outcomes(home.sealed_data, table)
        store_release(ledger, units, stored, now)
    n = read_outcomes(home.sealed_data, stored).num_rows
    path = home.sealed_data / f"{stored[7:]}.parquet"
    release = Dataset(spec.data.source, "release", path, stored, n, spec.schema_digest())
    progress(f"a release of {n:,} rows", 1.0)
    return release, _evidence(spec, splits, release, declared, home, now)


def declare(spec: PipelineSpec) -> dict[str, Any]:
    """The mechanism as values, from which anyone recomputes its epsilon.

    Every part's rho is what its noise is scaled to; together they are the most that the declared
    epsilon and delta allow.
    """
    privacy = spec.privacy
    declared: dict[str, Any] = {
        "mechanism": privacy.mechanism,
        "neighbours": privacy.neighbours,
        "unit": spec.data.unit or "row",
    }
    if privacy.epsilon is None or privacy.delta is None:
        return declared | {"reason": privacy.reason}
    rho = rho_of_epsilon(privacy.epsilon, privacy.delta)
    parts = [{"name": name, "rho": share * rho} for name, share in SHARES.items()]
    drawn = {} if privacy.rows is None else {"rows": privacy.rows}
    return declared | {
        "epsilon": privacy.epsilon,
        "delta": privacy.delta,
        "rho": math.fsum(share * rho for share in SHARES.values()),
        "parts": parts,
        **drawn,
    }


def _release(
    spec: PipelineSpec, frame: pd.DataFrame, declared: Mapping[str, Any], progress: Progress
) -> pd.DataFrame:
    domain = Domain.of(spec)
    bins: NDArray[np.int64] = domain.bins(frame)
    progress(f"asking {len(frame):,} rows under epsilon {spec.privacy.epsilon}", 0.2)
    budget = {part["name"]: part["rho"] for part in declared["parts"]}
    answers = ask(bins, domain.sizes, budget)
    progress("drawing rows from the answers", 0.8)
    return domain.rows(draw(answers, domain.sizes, spec.privacy.rows or answers.n))


def _evidence(
    spec: PipelineSpec,
    splits: Splits,
    release: Dataset,
    declared: Mapping[str, Any],
    home: Home,
    now: int,
) -> Evidence:
    # The measure reads the declaration alone: alpha, label and groups are not asked for.
    request = Request(0.05, 1, {}, (), declared)
    return Evidence(
        kind="privacy",
        subject=Subject(f"{spec.data.source}-release", release.digest),
        measurements=MEASURES["privacy"]({}, request),
        config=declared,
        materials={
            "train": splits.train.digest,
            "release": release.digest,
            "declaration": digest_json(declared),
            "spec": spec.digest(),
            "outcomes:release": write_outcomes(home.sealed_outcomes, _told(spec, release, home)),
        },
        started_at=now,
        finished_at=now,
    )


def _told(spec: PipelineSpec, release: Dataset, home: Home) -> pa.Table:
    """Which rows there are to be fitted on: whoever evaluates can leave none of them out."""
    frame = read_rows(home, release).to_pandas(ignore_metadata=True)
    columns = {
        "row": release_rows(spec, frame),
        "label": frame[spec.data.label].to_numpy(),
        "part": release_parts(spec, len(frame)),
    }
    return build_table("release", columns)
