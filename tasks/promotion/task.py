"""The doors of promotion: register, submit, and read what was decided before."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from assay.evidence.artifacts import Candidate
from assay.evidence.public import PublicDecision
from assay.evidence.statement import Evidence
from assay.home import find_home
from assay.spec import PipelineSpec
from tasks.door import Answered, door
from tasks.promotion.read import recall
from tasks.promotion.register import Curve, Version, describe, register
from tasks.promotion.submit import submit


def ask_once(spec: PipelineSpec, quality: Evidence, code: str) -> str:
    """The question's digest.

    Raises:
        Answered: The very same was asked before; the flow ends with that decision.
    """
    question, decision = recall_decision(spec, quality, code)
    if decision is not None:
        raise Answered(decision)
    return question


@door("recall the decision")
def recall_decision(
    spec: PipelineSpec, quality: Evidence, code: str
) -> tuple[str, PublicDecision | None]:
    """What is asked, and the decision if it was asked before."""
    return recall(spec, quality, code, find_home(), int(time.time()))


@door("register the candidate")
def register_candidate(
    spec: PipelineSpec, candidate: Candidate, training: Evidence, curve: Curve, quality: str
) -> Version:
    """A version of its own, whatever comes of it."""
    return register(spec, candidate, training, curve, quality)


@door("submit the evidence")
def submit_evidence(
    spec: PipelineSpec,
    version: Version,
    evidence: Iterable[Evidence | None],
    groups: Iterable[Any] | None,
) -> PublicDecision:
    """The server's decision on what was measured."""
    stated = [one for one in evidence if one is not None]
    return submit(spec, version, stated, groups or (), find_home())


@door("describe the version")
def describe_version(
    spec: PipelineSpec, version: Version, training: Evidence, decided: str, gates: bytes | None
) -> None:
    """The card in the registry says what was decided, and the run shows it."""
    describe(spec, version, training, decided, gates)
