"""The doors of evaluation: one look, then one node for each kind of evidence.

A refusal here leaves its evidence out, and the flow goes on to a decision that says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from assay.evidence.artifacts import Candidate, Dataset, Splits
from assay.evidence.statement import Evidence
from assay.home import find_home
from assay.ledger import Ledger, record_look
from assay.policy.rules import load_policy
from assay.spec import PipelineSpec
from tasks import evaluation
from tasks.door import door, report
from tasks.evaluation.evaluate import Evaluation
from tasks.evaluation.report import GroupRow, development_report


@door("spend a look")
def spend_look(spec: PipelineSpec, splits: Splits, candidate: Candidate, question: str) -> int:
    """Record the look before the holdout is opened; a crash after it gives nothing back."""
    home = find_home()
    allowed = load_policy(home.policy).tier(spec.model).looks
    ledger = Ledger.of(home)
    holdout = splits.holdout.digest
    return record_look(ledger, holdout, question, candidate.digest, int(time.time()), allowed)


@door("evaluate utility", onward=True)
def evaluate_utility(
    spec: PipelineSpec, candidate: Candidate, splits: Splits, release: Dataset
) -> Evidence:
    """How well it ranks and decides."""
    return _evaluate(evaluation.evaluate_utility, spec, candidate, splits, release)


@door("evaluate overfitting", onward=True)
def evaluate_overfitting(
    spec: PipelineSpec, candidate: Candidate, splits: Splits, release: Dataset
) -> Evidence:
    """How much better it is on what it was fitted on."""
    return _evaluate(evaluation.evaluate_overfitting, spec, candidate, splits, release)


@door("evaluate robustness", onward=True)
def evaluate_robustness(
    spec: PipelineSpec, candidate: Candidate, splits: Splits, release: Dataset
) -> Evidence:
    """Whom it still turns down when they move what they can."""
    return _evaluate(evaluation.evaluate_robustness, spec, candidate, splits, release)


@door("evaluate stress", onward=True)
def evaluate_stress(
    spec: PipelineSpec, candidate: Candidate, splits: Splits, release: Dataset
) -> Evidence:
    """What broken feeds and edge cases do to it."""
    return _evaluate(evaluation.evaluate_stress, spec, candidate, splits, release)


@door("evaluate fairness", onward=True)
def evaluate_fairness(
    spec: PipelineSpec, candidate: Candidate, splits: Splits, release: Dataset
) -> Evidence:
    """Whether the policy's groups are approved alike."""
    return _evaluate(evaluation.evaluate_fairness, spec, candidate, splits, release)


@door("evaluate membership", onward=True)
def evaluate_membership(
    spec: PipelineSpec, candidate: Candidate, splits: Splits, release: Dataset
) -> Evidence:
    """Whether an attacker recognises the rows that it was made from."""
    return _evaluate(evaluation.evaluate_membership, spec, candidate, splits, release)


@door("report groups", onward=True)
def report_groups(spec: PipelineSpec, measured: Iterable[Evidence | None]) -> tuple[GroupRow, ...]:
    """What each group met on the development rows; nothing where fairness was not measured."""
    home = find_home()
    policy = load_policy(home.policy)
    rules, alpha = policy.model(spec.model), policy.alpha(spec.model)
    return tuple(
        row
        for evidence in measured
        if evidence is not None and evidence.kind == "fairness"
        for row in development_report(evidence, rules, home, alpha)
    )


def _evaluate(
    stage: Evaluation,
    spec: PipelineSpec,
    candidate: Candidate,
    splits: Splits,
    release: Dataset,
) -> Evidence:
    home = find_home()
    policy = load_policy(home.policy)
    rules, alpha = policy.model(spec.model), policy.alpha(spec.model)
    now = int(time.time())
    return stage(spec, rules, candidate, splits, release, home, alpha, now, report)
