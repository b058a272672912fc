"""Reviews: what an approver says of a version's evidence, and why; each one's last word stands."""

from __future__ import annotations

import re
from dataclasses import dataclass

from assay.errors import InputError
from assay.evidence.decision import GateDecision
from assay.evidence.public import PublicDecision
from assay.ledger.chain import Entry, Ledger
from assay.ledger.form import require_digests, require_time

REVIEW = "review"
LONGEST = 200  # characters of a comment
_SAID = re.compile(rf"(approve|reject): (\S|\S.{{0,{LONGEST - 2}}}\S)")


@dataclass(frozen=True, slots=True)
class Review:
    """Yes or no, and why.

    Attributes:
        approves: Whether it is a yes.
        comment: One line of 1 to `LONGEST` printable characters; everybody may read it.
    """

    approves: bool
    comment: str

    @classmethod
    def parse(cls, said: object) -> Review:
        """What a text says.

        Args:
            said: `approve: comment` or `reject: comment`.

        Raises:
            InputError: Another form (`malformed`); control, format and invisible characters too.
        """
        match = _SAID.fullmatch(said) if isinstance(said, str) and said.isprintable() else None
        if match is None:
            raise InputError(
                "malformed",
                "expected 'approve: comment' or 'reject: comment', the comment one line of "
                f"1 to {LONGEST} printable characters, found another form",
            )
        return cls(match[1] == "approve", match[2])

    def __str__(self) -> str:
        return f"{'approve' if self.approves else 'reject'}: {self.comment}"


def record_review(
    ledger: Ledger, decision: GateDecision | PublicDecision, by: str, review: Review, now: int
) -> Entry:
    """Note what an approver says of the evidence that a decision rests on.

    Args:
        ledger: The chain.
        decision: The one that stands.
        by: Who is signed in.
        review: Their word.
        now: Unix seconds.

    Raises:
        EvidenceError: The chain is broken.
        Unavailable: The ledger cannot be written; then nothing was said.
    """
    require_digests(decision.bundle_digest)
    said = {"by": by, "said": str(review), "at": require_time(now)}
    return ledger.append(REVIEW, {**_about(decision), **said})


def standing_reviews(ledger: Ledger, decision: GateDecision | PublicDecision) -> dict[str, Review]:
    """User -> their last word on the evidence that a decision rests on, and on no other."""
    about = _about(decision)
    return {
        entry.body["by"]: Review.parse(entry.body["said"])
        for entry in ledger.entries(REVIEW)
        if entry.body.items() >= about.items()
    }


def _about(decision: GateDecision | PublicDecision) -> dict[str, str]:
    return {
        "model": decision.model,
        "version": decision.version,
        "bundle": decision.bundle_digest,
    }
