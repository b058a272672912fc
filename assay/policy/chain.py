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
DIFFERENT = ("validation.train", "validation.development", "validation.holdout")
RECORDED = ("validation.suite", "training.lock", "training.code")
ROOTS = ("validation", "privacy", "training")  # without them there is no chain at all


def broken_links(
    evidence: Mapping[str, Evidence], required: Iterable[str], made: Mapping[str, str]
) -> tuple[str, ...]:
    """The name of each link that does not hold.

    Args:
        evidence: Kind -> statement that verified.
        required: Kinds that have to be there.
        made: Digests that the core computed itself: `submission.spec`, `submission.privacy`.
    """
    digests = {**dict(_digests(evidence)), **made}
    broken = [f"{kind} evidence" for kind in required if kind not in evidence]
    for link, names in SAME.items():
        present = [name for name in names if name.partition(".")[0] in {*evidence, "submission"}]
        found = {digests.get(name) for name in present}
        if None in found or len(found) != 1:
            broken.append(link)
    broken += [name for name in RECORDED if name not in digests]
    if len({digests.get(name) for name in DIFFERENT} - {None}) < len(DIFFERENT):
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
