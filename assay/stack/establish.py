"""What makes a folder a home: an empty ledger and the keys, once."""

from __future__ import annotations

from assay.errors import InputError
from assay.evidence.keys import make_keys
from assay.home import Home
from assay.ledger import Ledger


def establish(home: Home) -> None:
    """Give a fresh folder its ledger and its keys; of an older home, check that they are there.

    A ledger that was lost is never replaced by an empty one: looks would be forgotten, releases
    could be made again, and old promotions could be played back.

    Raises:
        InputError: The ledger of a home with keys is gone (`ledger_gone`), or a key is (`no_key`).
        Refused, EvidenceError: What `make_keys` refuses.
    """
    home.create()
    if not home.ledger.exists():
        if home.trust.exists() or any(home.keys.iterdir()):
            raise InputError(
                "ledger_gone",
                f"expected {home.ledger.name} beside the keys, found none in {home.root}; "
                "restore it from a backup, or start a fresh home",
            )
        Ledger.create(home.ledger)  # before the keys: a start that is cut short can be repeated
    make_keys(home)
