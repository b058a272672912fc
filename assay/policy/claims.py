"""What is left of a submission once nothing in it is believed that does not verify."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from assay.evidence.public import ABSENT
from assay.evidence.statement import Evidence
from assay.evidence.values import Measurement


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
        return self.code in ABSENT


@dataclass(frozen=True, slots=True)
class Claim:
    """One kind of evidence, and what it proves.

    Attributes:
        role: Role whose key signed it; `core` for what the core makes itself.
        evidence: The statement once signature, subject and times verify; None before.
        measured: Its measurements once every one of them has been recomputed; empty before.
        development: The same from the development rows.
        denials: Why it is not believed, or asks too little; empty when it is whole.
    """

    role: str
    evidence: Evidence | None
    measured: Mapping[str, Measurement] = field(default_factory=dict)
    development: Mapping[str, Measurement] = field(default_factory=dict)
    denials: tuple[Denial, ...] = ()

    def denied(self, *reasons: Denial) -> Claim:
        """The same claim with more reasons against it; what was measured stands."""
        return replace(self, denials=(*self.denials, *reasons))

    def proven(self) -> Claim:
        """The same claim with its statement's numbers, now that they have been recomputed."""
        assert self.evidence is not None
        measured, development = self.evidence.measurements, self.evidence.development
        return replace(self, measured=measured, development=development)


@dataclass(frozen=True, slots=True)
class Looked:
    """The looks at the sealed holdout, as the ledger tells of them.

    Attributes:
        spent: Looks at this holdout, whoever made them and for whatever model.
        recorded: Whether one of them was for this candidate.
    """

    spent: int
    recorded: bool


@dataclass(frozen=True, slots=True)
class Claims:
    """Everything that a submission proves.

    Attributes:
        by_kind: A claim for every kind that the policy asks for, and the chain.
        denials: Reasons that belong to no kind of evidence.
    """

    by_kind: Mapping[str, Claim]
    looked: Looked
    denials: tuple[Denial, ...]
