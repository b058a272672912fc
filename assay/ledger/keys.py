"""Keys that came and went: which role's, and when."""

from __future__ import annotations

from assay.ledger.chain import Ledger
from assay.ledger.form import require_time

ROTATION = "rotation"
REVOCATION = "revocation"


def record_rotation(ledger: Ledger, role: str, key: str, now: int) -> None:
    """Note that a role signs with a new key, before it does.

    Args:
        ledger: The chain.
        role: Whose.
        key: The new key's id; it is noted once, however often the rotation is interrupted.
        now: Unix seconds.

    Raises:
        EvidenceError: The time is malformed, or the chain is broken.
        Unavailable: The ledger cannot be written; then no key may change.
    """
    _record(ledger, ROTATION, role, key, now)


def record_revocation(ledger: Ledger, role: str, key: str, now: int) -> None:
    """Note that a key of a role is not believed any more, before it is not.

    Args:
        ledger: The chain.
        role: Whose.
        key: The key's id; it is noted once.
        now: Unix seconds.

    Raises:
        EvidenceError, Unavailable: As `record_rotation`.
    """
    _record(ledger, REVOCATION, role, key, now)


def _record(ledger: Ledger, kind: str, role: str, key: str, now: int) -> None:
    with ledger.writing() as chain:
        if all(entry.body["key"] != key for entry in chain.entries(kind)):
            chain.append(kind, {"role": role, "key": key, "at": require_time(now)})
