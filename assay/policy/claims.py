"""What is left of a submission once nothing in it is believed that does not verify."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from assay.evidence.statement import Evidence
from assay.evidence.values import Measurement

NOT_THERE = ("missing", "stale", "outcomes_missing", "look_missing")  # unproven, but not untrue


@dataclass(frozen=True, slots=True)
class Denial:
    """One reason why something is not proven.

    Attributes:
        code: The reason's stable word.
        reason: A sentence: what was expected, what was found; no personal and no sealed value.
    """

    code: str
    reason: str

    @property
    def is_absence(self) -> bool:
        """Whether evidence is only not there, rather than wrong."""
        return self.code in NOT_THERE


@dataclass(frozen=True, slots=True)
class Claim:
    """One kind of evidence, and what it proves.

    Attributes:
        role: Role whose key signed it; `core` for what the core makes itself.
        evidence: The statement once signature, subject and times verify; None before.
        measured: Recomputed measurements; empty when any of them cannot be believed.
        development: The same from the development rows.
        denials: Why it is not believed, or asks too little; empty when it is whole.
    """

    role: str
    evidence: Evidence | None
    measured: Mapping[str, Measurement] = field(default_factory=dict)
    development: Mapping[str, Measurement] = field(default_factory=dict)
    denials: tuple[Denial, ...] = ()

    def denied(self, *reasons: Denial) -> Claim:
        """The same claim with more reasons against it; its numbers stand."""
        return replace(self, denials=(*self.denials, *reasons))

    def void(self, *reasons: Denial) -> Claim:
        """The same claim without a number that anybody may rely on."""
        return replace(self.denied(*reasons), measured={}, development={})


@dataclass(frozen=True, slots=True)
class Claims:
    """Everything that a submission proves.

    Attributes:
        by_kind: A claim for every kind that the policy asks for, and the chain.
        denials: Reasons that belong to no kind of evidence.
    """

    by_kind: Mapping[str, Claim]
    denials: tuple[Denial, ...] = ()

    def believed(self) -> Iterator[tuple[str, Claim, Evidence]]:
        """Each kind whose numbers verified."""
        for kind, claim in self.by_kind.items():
            if claim.evidence is not None and claim.measured:
                yield kind, claim, claim.evidence
