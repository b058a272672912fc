"""Looks at the sealed holdout: each is recorded before it happens, and there are only so many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from assay.ledger import Ledger, look_recorded, looks_spent
from assay.policy.claims import Denial, Looked


class Looks(Protocol):
    """What the ledger knows of looks, asked by the holdout's digest."""

    def spent(self, holdout: str) -> int:
        """Looks at this holdout so far, whoever made them and for whatever model."""

    def recorded(self, holdout: str, subject: str) -> bool:
        """Whether a look at this holdout for the candidate with this digest is in the ledger."""


@dataclass(frozen=True, slots=True)
class LedgerLooks:
    """The looks of a ledger."""

    ledger: Ledger

    def spent(self, holdout: str) -> int:
        """As `Looks.spent`."""
        return looks_spent(self.ledger, holdout)

    def recorded(self, holdout: str, subject: str) -> bool:
        """As `Looks.recorded`."""
        return look_recorded(self.ledger, holdout, subject)


def look_up(looks: Looks, holdout: str | None, subject: str) -> Looked:
    """Ask the ledger; a holdout that nobody proves was never looked at."""
    if holdout is None:
        return Looked(0, False)
    return Looked(looks.spent(holdout), looks.recorded(holdout, subject))


def overlooked(looked: Looked, allowed: int) -> Iterator[Denial]:
    """Why these looks do not carry a decision.

    Args:
        looked: What the ledger tells.
        allowed: H, the looks that alpha was divided by.
    """
    if not looked.recorded or looked.spent < 1:
        told = "expected this candidate's look at the holdout in the ledger, found none"
        yield Denial("look_missing", told)
    if looked.spent > allowed:
        told = f"expected at most {allowed} looks at one holdout, found {looked.spent}"
        yield Denial("looks_spent", f"{told}; bring new rows")
