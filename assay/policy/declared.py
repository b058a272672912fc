"""Whether each stage did what the pipeline declares, and the pipeline is this model's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from assay.evidence.canonical import canonical
from assay.evidence.statement import Evidence
from assay.policy.columns import Movable
from assay.policy.rules import ModelRules
from assay.spec import Column, PipelineSpec

COMMIT = re.compile(r"[0-9a-f]{40}|unknown")


def not_as_declared(
    spec: PipelineSpec, model: str, rules: ModelRules, evidence: Mapping[str, Evidence]
) -> tuple[str, ...]:
    """The name of each thing that is not as declared; these count as broken links."""
    broken = [name for name, holds in _identity(spec, model, rules).items() if not holds]
    broken += [f"{name} as the policy reads it" for name in misread(spec, rules)]
    for kind, wanted in _configurations(spec).items():
        if statement := evidence.get(kind):
            for key, value in wanted.items():
                if key not in statement.config or not _same(statement.config[key], value):
                    broken.append(f"{kind} {key} as declared")
    if training := evidence.get("training"):
        commit = training.config.get("commit")
        if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
            broken.append("training commit")
    return (*broken, *_names(spec, evidence))


def misread(spec: PipelineSpec, rules: ModelRules) -> tuple[str, ...]:
    """Columns that the declaration makes of something else than the policy says.

    A name alone proves nothing: `race` could be made of other columns, `AGE` of merged years, and
    the real ones be features under another name. A mutable feature on other edges would be
    attacked at another cost.
    """
    wrong = []
    for name in rules.sensitive:
        column, made_of = spec.data.columns.get(name), rules.sources.get(name, {})
        merged = column is not None and name in rules.groups and column.merge
        if column is None or column.use != "audit" or merged or column.one_hot != made_of:
            wrong.append(name)
    for name, way in rules.mutable.items():
        column = spec.data.columns.get(name)
        if column is not None and column.use == "feature" and not _on_scale(column, way):
            wrong.append(name)
    return tuple(wrong)


def _on_scale(column: Column, way: Movable) -> bool:
    """Whether a feature has the policy's edges or levels, and no level stands for another."""
    kind = "number" if way.edges else "ordinal"
    scale = (column.kind, column.edges, column.values, column.integer)
    folded = column.one_hot or column.merge
    return not folded and scale == (kind, way.edges, way.values, way.integer)


def _identity(spec: PipelineSpec, model: str, rules: ModelRules) -> dict[str, bool]:
    """The pipeline against the policy's row: the same model, label, unit and groups."""
    return {
        "a declaration of this model": spec.model == model,
        "the policy's label": spec.data.label == rules.label,
        "the policy's unit": (spec.data.unit or "row") == rules.unit,
        # A model that sees nothing of what people can move was attacked by nobody.
        "a feature that a person can move": not rules.mutable.keys().isdisjoint(spec.features()),
    }


def _configurations(spec: PipelineSpec) -> dict[str, dict[str, Any]]:
    """What the statements' configuration repeats of the declaration, by kind."""
    asked, shares = spec.evaluation, spec.data.shares
    seed = {"seed": spec.training.seed}  # one that can be chosen again may be chosen for its result
    return {
        "validation": {"shares": [shares.train, shares.development, shares.holdout]},
        "privacy": spec.privacy.model_dump(exclude={"reason"}, exclude_none=True),
        "training": {**spec.training.model_dump(), "features": spec.features()},
        "robustness": asked.robustness.model_dump() | seed,
        "stress": asked.stress.model_dump() | seed,
        "membership": asked.membership.model_dump(),
    }


def _names(spec: PipelineSpec, evidence: Mapping[str, Evidence]) -> Iterator[str]:
    """Statements about data are named for their source."""
    wanted = {"validation": spec.data.source, "privacy": f"{spec.data.source}-release"}
    for kind, name in wanted.items():
        if kind in evidence and evidence[kind].subject.name != name:
            yield f"{kind} of the declared source"


def _same(found: Any, wanted: Any) -> bool:
    """Equal as RFC 8785 JSON: 1 is not true, and 0.0 is 0."""
    return canonical(found) == canonical(wanted)
