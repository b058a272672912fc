"""Splits: which holdouts hold the same people, so that another file of them resets no look."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from assay.ledger.chain import Chain, Ledger
from assay.ledger.form import require_digests, require_time

SPLIT = "split"


@dataclass(frozen=True, slots=True)
class Split:
    """A split that was made once.

    Attributes:
        source: Name of the source.
        raw: Digest of its file.
        manifest: Digest of the table that says who is in which part.
        holdout: Digest of the sealed rows.
    """

    source: str
    raw: str
    manifest: str
    holdout: str


def splits_made(ledger: Ledger) -> tuple[Split, ...]:
    """Every split that was recorded, in order."""
    names = Split.__slots__
    return tuple(Split(**{k: e.body[k] for k in names}) for e in ledger.entries(SPLIT))


def record_split(ledger: Ledger, split: Split, kin: Collection[str], now: int) -> None:
    """Note a split; the very same one is noted once.

    Args:
        ledger: The chain.
        split: Who is where.
        kin: Digests of earlier holdouts that hold some of the same people; its own among them or
            not.
        now: Unix seconds.

    Raises:
        EvidenceError: A digest or time is malformed, or the chain is broken.
    """
    require_digests(split.raw, split.manifest, split.holdout, *kin)
    said = {name: getattr(split, name) for name in Split.__slots__}
    with ledger.writing() as chain:
        known = kindred(chain, split.holdout)
        noted = any(e.body.items() >= said.items() for e in chain.entries(SPLIT))
        if not noted or not known.issuperset(kin):
            chain.append(SPLIT, {**said, "kin": sorted(kin), "at": require_time(now)})


def kindred(chain: Chain, holdout: str) -> frozenset[str]:
    """This holdout and every other that is known to share people with it, over any number of steps.

    Args:
        chain: The verified chain.
        holdout: Digest of the sealed rows.
    """
    groups = [{e.body["holdout"], *e.body["kin"]} for e in chain.entries(SPLIT)]
    known, before = {holdout}, 0
    while len(known) > before:
        before = len(known)
        known.update(*(group for group in groups if group & known))
    return frozenset(known)
