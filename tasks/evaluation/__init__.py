"""What a candidate does with rows that it never saw: outcome tables, and evidence from them."""

from tasks.evaluation.evaluate import (
    evaluate_fairness,
    evaluate_membership,
    evaluate_overfitting,
    evaluate_robustness,
    evaluate_stress,
    evaluate_utility,
)

__all__ = [
    "evaluate_fairness",
    "evaluate_membership",
    "evaluate_overfitting",
    "evaluate_robustness",
    "evaluate_stress",
    "evaluate_utility",
]
