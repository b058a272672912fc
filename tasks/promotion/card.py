"""The model card: a version's description in the registry, as markdown."""

from __future__ import annotations

from collections.abc import Iterator

from assay.evidence.statement import Evidence
from assay.spec import PipelineSpec

UNDECIDED = "**Nothing was decided yet.**"


def write_card(
    spec: PipelineSpec, training: Evidence, *, picture: str, decided: str = UNDECIDED
) -> str:
    """What the model is, what it was made from, and what the gate said of it.

    Args:
        spec: The declared pipeline.
        training: Of kind `training`.
        picture: Address of the training curve.
        decided: Markdown of the public decision.
    """
    return "\n".join([decided, "", *_origin(spec, training), "", f"![training curve]({picture})"])


def _origin(spec: PipelineSpec, training: Evidence) -> Iterator[str]:
    asked = spec.training
    hard = asked.augmentation
    augmented = f"{hard.attack} at cost {hard.cost:g}" if hard else "none"
    audited = [name for name, column in spec.data.columns.items() if column.use == "audit"]
    yield f"**{spec.model}**: a {asked.family} that predicts `{spec.data.label}`"
    yield ""
    yield "| | |"
    yield "|---|---|"
    yield f"| data | {spec.data.source}, split by {spec.data.unit or 'row'} |"
    yield f"| privacy | {_privacy(spec)} |"
    yield f"| features | {len(spec.features())}; audited and never seen: {', '.join(audited)} |"
    yield f"| adversarial augmentation | {augmented} |"
    yield f"| regularisation | dropout {asked.dropout:g}, L1 {asked.l1:g}, L2 {asked.l2:g} |"
    yield f"| commit | `{training.config['commit']}` |"
    yield f"| payload | `{training.subject.digest}` |"
    yield f"| release | `{training.materials['release']}` |"


def _privacy(spec: PipelineSpec) -> str:
    asked = spec.privacy
    if asked.mechanism == "none":
        return f"none: {asked.reason}"
    return f"{asked.mechanism} release, ε {asked.epsilon:g}, δ {asked.delta:g}, {asked.neighbours}"
