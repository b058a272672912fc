"""How the digests of a submission fit together, from the raw file to the candidate's bytes.

A link is a set of digests that must be there and equal. What does not fit is named and counted;
the count is the evidence `chain` that the core makes itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from assay.evidence.statement import Evidence

# Every name is <kind>.<material>; `subject` is the statement's, `submission` what was submitted.
SAME: Mapping[str, tuple[str, ...]] = {
    "the raw file": ("validation.subject", "validation.raw"),
    "the declaration": (
        "submission.spec",
        "validation.spec",
        "privacy.spec",
        "training.spec",
    ),
    "the train split": ("validation.train", "privacy.train", "membership.train"),
    "the development split": (
        "validation.development",
        "utility.development",
        "robustness.development",
        "membership.development",
    ),
    "the holdout": (
        "validation.holdout",
        "utility.holdout",
        "robustness.holdout",
        "membership.holdout",
    ),
    "the release": (
        "privacy.subject",
        "privacy.release",
        "training.release",
        "overfitting.release",
    ),
    "the mechanism": ("privacy.declaration", "submission.privacy"),
    "the predictions": (
        "utility.outcomes:predictions",
        "robustness.outcomes:predictions",
        "stress.outcomes:predictions",
        "fairness.outcomes:predictions",
    ),
    "the development predictions": (
        "utility.development:predictions",
        "robustness.development:predictions",
        "stress.development:predictions",
        "fairness.development:predictions",
    ),
}
RECORDED = ("validation.suite", "training.lock", "training.code")
DIFFERENT = ("validation.train", "validation.development", "validation.holdout")


def broken_links(evidence: Mapping[str, Evidence], made: Mapping[str, str]) -> tuple[str, ...]:
    """The name of each link that does not hold, among statements that are there.

    Args:
        evidence: Kind -> statement that verified.
        made: Digests that the core computed itself: `submission.spec`, `submission.privacy`.
    """
    digests = {**dict(_digests(evidence)), **made}

    def found(names: Iterable[str]) -> list[str | None]:
        told = [name for name in names if name.partition(".")[0] in evidence or name in made]
        return [digests.get(name) for name in told]

    broken = []
    for link, names in SAME.items():
        same = found(names)
        if None in same or len(set(same)) > 1:
            broken.append(link)
    broken += [f"{name} on record" for name in RECORDED if None in found([name])]
    splits = found(DIFFERENT)
    if None in splits or len(set(splits)) < len(splits):
        broken.append("three different splits")
    return (*broken, *_broken_release(evidence))


def _digests(evidence: Mapping[str, Evidence]) -> Iterator[tuple[str, str]]:
    for kind, statement in evidence.items():
        yield f"{kind}.subject", statement.subject.digest
        for name, digest in statement.materials.items():
            yield f"{kind}.{name}", digest


def _broken_release(evidence: Mapping[str, Evidence]) -> Iterator[str]:
    """The release is the train split exactly when no mechanism made it."""
    if privacy := evidence.get("privacy"):
        is_train = privacy.materials.get("release") == privacy.materials.get("train")
        if is_train != (privacy.config.get("mechanism") == "none"):
            yield "a release by the declared mechanism"
