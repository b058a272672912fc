"""What makes a folder a home: an empty ledger and the keys, once."""

from __future__ import annotations

from assay.errors import InputError
from assay.evidence.keys import make_keys
from assay.home import Home
from assay.ledger import START, Ledger


def establish(home: Home) -> None:
    """Give a fresh folder its ledger and its keys; of an older home, check that they are there.

    A ledger that was lost is never replaced by an empty one: looks would be forgotten, releases
    could be made again, and old promotions could be played back.

    Raises:
        InputError: The ledger of a home with keys is gone (`ledger_gone`), or a key is (`no_key`);
            a home without keys has the ledger of another (`ledger_foreign`).
        Refused, EvidenceError: What `make_keys` refuses.
    """
    home.create()
    ledger, fresh = Ledger.of(home), not (home.trust.exists() or any(home.keys.iterdir()))
    if not ledger.exists():
        if not fresh:
            raise InputError(
                "ledger_gone",
                f"expected {ledger} beside the keys in {home.root}, found none; "
                "restore it from a backup, or start a fresh home",
            )
        Ledger.create(home)  # before the keys: a start that is cut short can be repeated
    elif fresh and ledger.head() != START:
        raise InputError(
            "ledger_foreign",
            f"expected an empty ledger for a fresh home, found entries at {ledger}; "
            "name another database, or restore the home whose ledger it is",
        )
    make_keys(home)
