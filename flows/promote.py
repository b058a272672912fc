"""From a declared pipeline to a promotable version, or to a refusal that says why."""

from __future__ import annotations

from assay.evidence.public import PublicDecision
from assay.spec import load_spec
from flows.outcome import assay_flow
from tasks.anonymization.task import anonymize_data
from tasks.evaluation.asked import check_asked
from tasks.evaluation.task import (
    evaluate_fairness,
    evaluate_membership,
    evaluate_overfitting,
    evaluate_robustness,
    evaluate_stress,
    evaluate_utility,
    report_groups,
    spend_look,
)
from tasks.gating.task import require_promotable, show_answer, show_gates, show_refusal
from tasks.promotion.task import (
    ask_once,
    describe_version,
    register_candidate,
    submit_evidence,
)
from tasks.training.task import name_code, train_model
from tasks.validation.task import report_quality, validate_data


@assay_flow("promote", answered=show_answer, refused=show_refusal)
def promote(pipeline: str) -> PublicDecision | None:
    """Judge a declared pipeline: a promotable version, or a Blocked run.

    Args:
        pipeline: Path of its YAML.
    """
    spec = load_spec(pipeline)
    check_asked(spec)
    splits, quality = validate_data(spec)
    question = ask_once(spec, quality, name_code())
    release, privacy = anonymize_data(spec, splits)
    candidate, training, curve = train_model(spec, release)
    version = register_candidate(spec, candidate, training, curve, report_quality(spec, quality))
    spend_look(spec, splits, candidate, question)
    measured = (
        evaluate_utility(spec, candidate, splits, release),
        evaluate_overfitting(spec, candidate, splits, release),
        evaluate_robustness(spec, candidate, splits, release),
        evaluate_stress(spec, candidate, splits, release),
        evaluate_fairness(spec, candidate, splits, release),
        evaluate_membership(spec, candidate, splits, release),
    )
    groups = report_groups(spec, measured)
    decision = submit_evidence(spec, version, (quality, privacy, training, *measured), groups)
    describe_version(spec, version, training, *show_gates(decision))
    return require_promotable(decision)
