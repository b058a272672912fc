"""The ledger's head, kept elsewhere: beside what the gate writes, in the registry's database.

A ledger that an older copy was put in place of verifies by itself, and has forgotten looks,
rejections and promotions. So whatever the gate writes at a version names the head that it had then,
and nobody decides by a ledger that does not go on from the newest of these heads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mlflow.store.model_registry.dbmodels.models import SqlModelVersionTag

from assay.errors import Unavailable
from assay.ledger.chain import START
from assay.registry.gate import Gate
from assay.registry.names import LEDGER
from assay.registry.rows import write_rows


@contextmanager
def deciding(gate: Gate, store: Any) -> Iterator[None]:
    """While this lasts, nobody else decides in this home, and by the newest ledger.

    Args:
        gate: The gate.
        store: The gated store.

    Raises:
        Unavailable: The ledger is older than what it decided (`ledger_behind`), or cannot be read.
        EvidenceError: It is broken in itself.
    """
    with gate.alone():
        _require_newest(gate, store)
        yield


def write_anchored(
    gate: Gate,
    store: Any,
    name: str,
    tags: Mapping[str, Mapping[str, str | None]],
    aliases: Mapping[str, str | None],
) -> None:
    """`write_rows`, and the ledger's head at each version that is written at."""
    head = gate.ledger().head()
    anchored = {version: {**own, LEDGER: head} for version, own in tags.items()}
    write_rows(store, name, anchored, aliases)


def _require_newest(gate: Gate, store: Any) -> None:
    anchor = _newest_anchor(store)
    with gate.ledger().reading() as chain:
        if not chain.passes(anchor):
            raise Unavailable(
                "ledger_behind",
                f"expected a ledger that goes on from the newest tag {LEDGER} in the registry, "
                "found an older or another one; put the newest ledger back",
            )


def _newest_anchor(store: Any) -> str:
    """The longest ledger that any version of any model names, deleted ones too."""
    with store.ManagedSessionMaker() as session:
        rows = session.query(SqlModelVersionTag.value).filter_by(key=LEDGER).all()
    return max((anchor for (anchor,) in rows), key=_length, default=START)


def _length(anchor: str) -> float:
    """Entries at that head; what is no head is longer than any ledger."""
    number = anchor.partition(":")[0]
    return int(number) if number.isdecimal() and len(number) < 20 else float("inf")
