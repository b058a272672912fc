"""What every body is made of: digests and times, in their one form."""

from __future__ import annotations

from assay.errors import EvidenceError
from assay.evidence.values import is_digest


def require_digests(*found: str) -> None:
    """Refuse what is no `sha256:` digest.

    Raises:
        EvidenceError: One is not.
    """
    if not all(map(is_digest, found)):
        raise EvidenceError("malformed", "expected sha256 digests for the ledger, found others")


def require_time(now: int) -> int:
    """The same moment, in whole Unix seconds.

    Raises:
        EvidenceError: It is none.
    """
    if type(now) is not int or now < 0:
        raise EvidenceError("malformed", "expected a time in whole seconds for the ledger")
    return now
