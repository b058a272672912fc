"""How `champion` moves: signed, in the ledger, all rows at once, read back, and committed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from assay.errors import Refused
from assay.evidence.decision import Demotion, Promotion
from assay.evidence.decisions import sign_demotion, sign_promotion
from assay.evidence.keys import load_key
from assay.ledger import (
    Entry,
    Ledger,
    close,
    committed_promotions,
    record_demotion,
    record_promotion,
    unsettled,
)
from assay.registry.anchor import write_anchored
from assay.registry.docket import tags_of
from assay.registry.gate import Gate
from assay.registry.names import CHALLENGER, CHAMPION, DEMOTED, PREVIOUS, PROMOTION

Tags: TypeAlias = Mapping[str, Mapping[str, str | None]]


def seat(gate: Gate, store: Any, promotion: Promotion, tags: Tags) -> None:
    """Point `champion` at a version; it is no challenger any more.

    Args:
        gate: The gate, alone.
        store: The gated store.
        promotion: What is signed; its version is champion from now on.
        tags: Version -> what its tags say from now on; whoever is named is no challenger.

    Raises:
        Refused: Another promotion took the number, or the alias is elsewhere afterwards.
        Unavailable: The ledger cannot be written, and nothing moved.
    """
    model, version = promotion.model, promotion.version
    envelope = sign_promotion(promotion, load_key(gate.home, "promoter"))
    record_promotion(gate.ledger(), promotion, envelope)
    own = {**tags.get(version, {}), PROMOTION: envelope.decode("ascii"), DEMOTED: None}
    _move(gate, store, model, {**tags, version: own}, version, promotion.previous)


def withdraw(gate: Gate, demotion: Demotion) -> Entry:
    """Note a demotion, before the alias moves on or is removed."""
    envelope = sign_demotion(demotion, load_key(gate.home, "promoter"))
    return record_demotion(gate.ledger(), demotion, envelope)


def vacate(gate: Gate, store: Any, model: str, tags: Tags) -> None:
    """Remove `champion`, and `previous` with it.

    Args:
        gate: The gate, alone.
        store: The gated store.
        model: Registered model.
        tags: As for `seat`.

    Raises:
        Refused: The alias is there afterwards.
    """
    _move(gate, store, model, tags, "", "")


def _move(gate: Gate, store: Any, model: str, tags: Tags, version: str, previous: str) -> None:
    aliases = {CHAMPION: version or None, PREVIOUS: previous or None}
    if store.protected_aliases(model).get(CHALLENGER) in tags:
        aliases[CHALLENGER] = None
    write_anchored(gate, store, model, tags, aliases)
    settle(gate, store, model)
    if store.protected_aliases(model).get(CHAMPION, "") != version:
        raise Refused("not_moved", "expected the alias to have moved, found it elsewhere")


def settle(gate: Gate, store: Any, name: str) -> None:
    """Close every move in the ledger that an interruption left open; twice equals once.

    Aliases and tags move in one transaction. So either the alias points where the promotion says
    and the version carries that very envelope, and it is committed; or nothing moved: it is void.
    A demotion stands where its successor's promotion does, or where there is no alias any more.
    """
    ledger = gate.ledger()
    for entry in unsettled(ledger, name):
        moved = _was_seated if entry.kind == "promotion" else _was_demoted
        close(ledger, entry, moved(ledger, store, entry))


def _was_seated(_ledger: Ledger, store: Any, entry: Entry) -> bool:
    name = entry.body["model"]
    version = store.protected_aliases(name).get(CHAMPION)
    tags = tags_of(store, name, version) if version else {}
    return bool(tags.get(PROMOTION) == entry.body["envelope"])


def _was_demoted(ledger: Ledger, store: Any, entry: Entry) -> bool:
    name, successor = entry.body["model"], entry.body["successor"]
    if not successor:
        return CHAMPION not in store.protected_aliases(name)
    after = (e for e in committed_promotions(ledger, name) if e.seq > entry.seq)
    return any(e.body["version"] == successor for e in after)
