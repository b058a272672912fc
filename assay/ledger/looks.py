"""Looks at a sealed holdout: recorded before it is opened, counted whoever looks.

The bounds are stated at alpha / H; so the holdout answers H times, and then new rows are due.
Holdouts with people in common are one holdout: other columns or an added row reset nothing.
"""

from __future__ import annotations

from assay.errors import Refused
from assay.ledger.chain import Chain, Ledger
from assay.ledger.form import require_digests, require_time
from assay.ledger.splits import kindred

LOOK = "look"


def record_look(
    ledger: Ledger,
    holdout_digest: str,
    request_digest: str,
    subject: str,
    now: int,
    allowed: int,
) -> int:
    """Spend one look; call it before the holdout is opened. A crash after it gives nothing back.

    Args:
        ledger: The chain.
        holdout_digest: Digest of the sealed rows: a new model name resets nothing.
        request_digest: Of specification, code, data and policy; see `request_digest`.
        subject: Digest of the candidate's payload.
        now: Unix seconds.
        allowed: H, at least 1.

    Returns:
        The looks spent, this one included.

    Raises:
        Refused: All are spent (`looks_spent`).
        EvidenceError: A digest or time is malformed, or the chain is broken.
    """
    require_digests(holdout_digest, request_digest, subject)
    body = {"holdout": holdout_digest, "request": request_digest, "subject": subject}
    with ledger.writing() as chain:
        spent = _spent(chain, holdout_digest)
        if spent >= allowed:
            raise Refused(
                "looks_spent",
                f"expected at most {allowed} looks at one holdout, found {spent}; bring new rows",
            )
        chain.append(LOOK, {**body, "at": require_time(now)})
    return spent + 1


def looks_spent(ledger: Ledger, holdout_digest: str) -> int:
    """Looks at this holdout or its kin so far, whoever made them and for whatever model."""
    with ledger.reading() as chain:
        return _spent(chain, holdout_digest)


def look_recorded(ledger: Ledger, holdout_digest: str, subject: str) -> bool:
    """Whether this candidate's look at this holdout was recorded."""
    return any(
        (entry.body["holdout"], entry.body["subject"]) == (holdout_digest, subject)
        for entry in ledger.entries(LOOK)
    )


def _spent(chain: Chain, holdout: str) -> int:
    same = kindred(chain, holdout)
    return sum(entry.body["holdout"] in same for entry in chain.entries(LOOK))
