"""Raw rows in; three disjoint sealed data sets and the evidence of their quality out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeAlias

import pandas as pd
import pyarrow as pa

from assay.errors import InputError
from assay.evidence.access import note
from assay.evidence.artifacts import Splits
from assay.evidence.digest import digest_file
from assay.evidence.keys import load_split_key
from assay.evidence.statement import Evidence, Subject
from assay.home import Home
from assay.ledger import Ledger, Split, record_split
from assay.measures import MEASURES, Request, build_table, write_outcomes
from assay.policy.rules import ModelRules
from assay.sources import locate
from assay.spec import PipelineSpec
from assay.tables import read_table
from tasks.validation.cover import require_cover
from tasks.validation.fixed import find_kin
from tasks.validation.rows import QUARANTINE, manifest, seal, tell_rows
from tasks.validation.schema import check_declared, check_table
from tasks.validation.split import PARTS
from tasks.validation.suite import Suite, load_suite
from tasks.validation.verdict import Outcome, sift

Progress: TypeAlias = Callable[[str, float], None]


def validate(
    spec: PipelineSpec, rules: ModelRules, home: Home, now: int, progress: Progress
) -> tuple[Splits, Evidence]:
    """Check a table by its suite, set broken rows apart, and split the rest by a keyed hash.

    Args:
        spec: The declared pipeline.
        rules: The policy's row of its model: sensitive columns and groups.
        home: Where the split's key is and the sealed files go.
        now: Unix seconds.
        progress: Called with a message and a fraction from 0 to 1.

    Returns:
        Train, development and holdout by digest, and evidence of kind `validation`.

    Raises:
        InputError: The suite or the table is not what was declared; the message names the column.
        Refused: `data_invalid`, or `split_changed` when somebody was in another part before; with
            counts and never a value.
    """
    check_declared(spec, rules)
    suite = declared_suite(spec)
    key = load_split_key(home)
    progress("reading the table", 0.0)
    frame, raw = _read(locate(spec), home, spec.data.source)
    check_table(spec, frame)
    progress(f"{len(suite.declared)} expectations on {len(frame):,} rows", 0.1)
    kept, outcomes = sift(frame, suite)
    progress(f"splitting {int(kept.sum()):,} rows", 0.8)
    told = tell_rows(spec, rules, frame, kept, key)
    tables = {"split": manifest(spec, told), "expectations": _table_of(outcomes)}
    kin = find_kin(spec.data.source, raw, tables["split"], home)
    splits = seal(spec, told, home)
    digests = {name: write_outcomes(home.sealed_outcomes, table) for name, table in tables.items()}
    made = Split(spec.data.source, raw, digests["split"], splits["holdout"].digest)
    record_split(Ledger.of(home), made, kin, now)
    materials = {
        "raw": raw,
        "suite": suite.digest,
        "spec": spec.digest(),
        **{part: splits[part].digest for part in PARTS},
        **{f"outcomes:{name}": digest for name, digest in digests.items()},
    }
    if not kept.all():
        broken = pa.Table.from_pandas(frame[~kept], preserve_index=False)
        materials[QUARANTINE] = write_outcomes(home.sealed_data, broken)
    evidence = _evidence(spec, rules, suite, tables, digests, materials, now)
    progress(f"{int(kept.sum()):,} rows kept, {int((~kept).sum()):,} set apart", 1.0)
    return Splits(**splits, manifest=digests["split"]), evidence


def declared_suite(spec: PipelineSpec) -> Suite:
    """The suite that a pipeline names, checked, and covering all that the pipeline declares.

    Raises:
        InputError: `path_outside`, `no_suite`, `bad_suite` or `bad_expectation`.
    """
    file = spec.resolve(spec.data.suite)
    suite = load_suite(file)
    require_cover(suite, spec, file)
    return suite


def _read(file: Path, home: Home, source: str) -> tuple[pd.DataFrame, str]:
    """The table and the digest of the very bytes that it was read from."""
    before = digest_file(file)
    note(home, f"raw data of {source}", before)
    frame = read_table(file)
    if digest_file(file) != before:
        raise InputError("changed", f"expected {file.name} to stand still, found a writer")
    return frame, before


def _table_of(outcomes: Sequence[Outcome]) -> pa.Table:
    lines = [{**asdict(o), "type": o.declared.type} for o in outcomes]
    names = ("index", "type", "success", "element_count", "missing_count", "unexpected_count")
    return build_table("expectations", {name: [line[name] for line in lines] for name in names})


def _evidence(
    spec: PipelineSpec,
    rules: ModelRules,
    suite: Suite,
    tables: Mapping[str, pa.Table],
    digests: Mapping[str, str],
    materials: Mapping[str, str],
    now: int,
) -> Evidence:
    shares = spec.data.shares
    config = {
        **suite.asked,
        "shares": [shares.train, shares.development, shares.holdout],
        "sensitive": list(rules.sensitive),
    }
    groups = {column: group.levels for column, group in rules.groups.items()}
    # Counts have no confidence: alpha is not used, and any valid one will do.
    request = Request(0.05, rules.unfavourable, groups, rules.products, config, digests)
    return Evidence(
        kind="validation",
        subject=Subject(spec.data.source, materials["raw"]),
        measurements=MEASURES["validation"](tables, request),
        config=config,
        materials=materials,
        started_at=now,
        finished_at=now,
    )
