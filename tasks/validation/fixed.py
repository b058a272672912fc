"""Whoever was in a part once stays there: sealed rows never turn into rows that may be shown.

Other shares would hand the holdout's rows, one by one, to the development rows, whose numbers are
public; and rows that were seen already would be sealed afterwards.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import Refused
from assay.home import Home
from assay.ledger import Ledger, splits_made
from assay.measures import read_outcomes

QUARANTINE = "quarantine"


def find_kin(source: str, raw: str, table: pa.Table, home: Home) -> frozenset[str]:
    """Earlier holdouts that share people with a new one, once nobody has changed parts.

    Args:
        source: Name of the source.
        raw: Digest of its file.
        table: Manifest of the new split: unit and part of every row.
        home: Whose ledger remembers every earlier split of this source.

    Returns:
        Digests of their sealed rows.

    Raises:
        Refused: `split_changed`, with counts.
        EvidenceError: An earlier manifest is gone or altered.
    """
    mine, kin = _placed(table), set()
    for earlier in splits_made(Ledger.of(home)):
        if earlier.source != source and earlier.raw != raw:
            continue
        theirs = _placed(read_outcomes(home.sealed_outcomes, earlier.manifest))
        both = mine.join(theirs, "unit", join_type="inner", right_suffix=" before")
        same = pc.equal(both["part"], both["part before"])
        if moved := both.num_rows - (pc.sum(same).as_py() or 0):
            raise Refused(
                "split_changed",
                f"expected everyone in the part where they were, found {moved:,} of "
                f"{mine.num_rows:,} units in another; go back to the shares of the first split, "
                "or start a fresh home",
            )
        if pc.any(pc.equal(both["part"], "holdout")).as_py():
            kin.add(earlier.holdout)
    return frozenset(kin)


def _placed(table: pa.Table) -> pa.Table:
    """Each unit once, with its part; a unit that is set apart is in none."""
    kept = table.filter(pc.not_equal(table["part"], QUARANTINE)).select(["unit", "part"])
    return kept.group_by(["unit", "part"]).aggregate([])
