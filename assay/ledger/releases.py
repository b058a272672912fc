"""Releases of private units: each set of units is released once in a home.

Two releases of the same units compose, and their epsilons add up; until the ledger can account for
that, another declaration is refused. What was reserved stays spent: only a stored release shows
that the rows need not be asked again.
"""

from __future__ import annotations

from assay.errors import Refused
from assay.ledger.chain import Chain, Ledger
from assay.ledger.form import require_digests, require_time

RESERVED = "release_reserved"
STORED = "release_stored"


def reserve_release(
    ledger: Ledger, units_digest: str, declaration_digest: str, now: int
) -> str | None:
    """Charge a release of some units; call it before their rows are touched.

    Args:
        ledger: The chain.
        units_digest: Digest of the training units.
        declaration_digest: Digest of mechanism, epsilon, delta and schema.
        now: Unix seconds.

    Returns:
        The digest of the release that is stored already; None: make it, then `store_release`.

    Raises:
        Refused: Another declaration released these units, or the same one was interrupted
            (`epsilon_spent`).
        EvidenceError: A digest or time is malformed, or the chain is broken.
    """
    require_digests(units_digest, declaration_digest)
    with ledger.writing() as chain:
        declared = _declared(chain, units_digest)
        if not declared:
            body = {"units": units_digest, "declaration": declaration_digest}
            chain.append(RESERVED, {**body, "at": require_time(now)})
            return None
        stored = _stored(chain, units_digest)
    if declared != declaration_digest:
        told = "another release of them"
    elif stored is None:
        told = "one that was begun and never stored, so that what it showed is not known"
    else:
        return stored
    raise Refused(
        "epsilon_spent",
        f"expected units that were not released yet, found {told}; "
        "go back to that declaration's stored release, or bring new units",
    )


def store_release(ledger: Ledger, units_digest: str, release_digest: str, now: int) -> None:
    """Note the release that a reservation led to, once its file is safe.

    Raises:
        Refused: Nothing was reserved (`not_reserved`), or another release is stored
            (`epsilon_spent`).
        EvidenceError: A digest or time is malformed, or the chain is broken.
    """
    require_digests(units_digest, release_digest)
    with ledger.writing() as chain:
        if not _declared(chain, units_digest):
            raise Refused("not_reserved", "expected a reservation for these units, found none")
        if (stored := _stored(chain, units_digest)) is None:
            body = {"units": units_digest, "release": release_digest}
            chain.append(STORED, {**body, "at": require_time(now)})
        elif stored != release_digest:
            raise Refused("epsilon_spent", "expected one release of these units, found a second")


def _declared(chain: Chain, units: str) -> str | None:
    found = [e.body["declaration"] for e in chain.entries(RESERVED) if e.body["units"] == units]
    return found[0] if found else None


def _stored(chain: Chain, units: str) -> str | None:
    found = [e.body["release"] for e in chain.entries(STORED) if e.body["units"] == units]
    return found[0] if found else None
