"""What an audit of one model's champion found, and what was done about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """`WELL` and `VACANT` moved nothing."""

    WELL = "well"  # everything verified
    VACANT = "vacant"  # no champion, as the ledger says
    RESTORED = "restored"  # back to the version that the ledger committed
    ROLLED_BACK = "rolled back"  # to the newest earlier one that passes today's policy
    REMOVED = "removed"  # no version passes


@dataclass(frozen=True, slots=True)
class Finding:
    """One model's audit, as everybody may read it: no number and no bar of the sealed rows.

    Attributes:
        found: The version that `champion` led to, or "".
        champion: The version that it leads to now, or "".
        code: `ok`, or the word of what was wrong.
        told: A sentence: what was expected, what was found.
        entry: The demotion's place in the ledger; 0: there was none.
    """

    model: str
    outcome: Outcome
    found: str
    champion: str
    code: str
    told: str
    entry: int

    @property
    def reverted(self) -> bool:
        """Whether the gate moved the alias."""
        return self.outcome not in (Outcome.WELL, Outcome.VACANT)
