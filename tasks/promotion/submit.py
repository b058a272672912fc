"""Evidence is signed, uploaded and handed in; the registry's server decides."""

from __future__ import annotations

import dataclasses
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mlflow.entities import Metric

from assay.errors import EvidenceError
from assay.evidence.attest import attest
from assay.evidence.bundle import Bundle
from assay.evidence.public import PublicDecision
from assay.evidence.statement import Evidence
from assay.evidence.trust import Trust
from assay.evidence.values import Bound
from assay.home import Home
from assay.registry.docket import BUNDLE
from assay.registry.names import SUBMIT
from assay.spec import PipelineSpec
from tasks.promotion.client import registry
from tasks.promotion.read import read_decision
from tasks.promotion.register import Version

GROUPS = "groups.json"
_FOREIGN = re.compile(r"[^\w./ :-]")  # in a metric's name


def submit(
    spec: PipelineSpec,
    version: Version,
    evidence: Iterable[Evidence],
    groups: Iterable[Any],
    home: Home,
) -> PublicDecision:
    """Hand in what was measured and read the decision back.

    What is shown in the run is from the development rows; sealed numbers leave in the signed
    evidence alone.

    Args:
        spec: The declared pipeline.
        version: What is judged.
        evidence: Of each stage that has any; the gate denies what is absent.
        groups: Lines of the development report, dataclasses.
        home: Holds the keys of the stages, and trust.

    Raises:
        Refused: The registry does not take it, with its own words.
        EvidenceError: The decision that it shows is not on this evidence.
        Unavailable: It does not answer.
    """
    stated = tuple(evidence)
    bundle = Bundle({one.kind: attest(one, home) for one in stated}, spec.canonical())
    with registry() as client, tempfile.TemporaryDirectory(prefix="assay-bundle-") as scratch:
        client.log_batch(version.run, metrics=list(_metrics(stated)))
        report = json.dumps([dataclasses.asdict(line) for line in groups], indent=1)
        client.log_text(version.run, report, GROUPS)
        for name, content in bundle.files().items():
            Path(scratch, name).write_bytes(content)
        client.log_artifacts(version.run, scratch, BUNDLE)
        client.set_model_version_tag(version.model, version.number, SUBMIT, bundle.digest)
    decision = read_decision(version.model, version.number, Trust.load(home.trust))
    if decision.bundle_digest != bundle.digest:
        raise EvidenceError("wrong_bundle", "expected a decision on this evidence, found another's")
    return decision


def _metrics(stated: Iterable[Evidence]) -> Iterator[Metric]:
    """Each development number with its bounds; MLflow's names know no `*`."""
    for one in stated:
        for name, value in one.development.items():
            plain = _FOREIGN.sub(" x ", name)
            if isinstance(value, Bound):
                for end in ("point", "lower", "upper"):
                    yield Metric(f"development/{plain}/{end}", getattr(value, end), 0, 0)
            elif not isinstance(value.value, str):
                yield Metric(f"development/{plain}", float(value.value), 0, 0)
