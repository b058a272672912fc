"""Which waivers stand: by their signers, for this payload, and where the policy lets one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assay.errors import EvidenceError, Refused
from assay.evidence.decision import Waiver
from assay.evidence.statement import Subject
from assay.evidence.trust import Trust
from assay.evidence.waivers import verify_waiver
from assay.policy.rules import Tier


@dataclass(frozen=True, slots=True)
class Waived:
    """A waiver that stands, and its envelope."""

    waiver: Waiver
    envelope: bytes


def require_waiver(
    envelope: bytes, *, tier: Tier, trust: Trust, subject: Subject, now: int
) -> Waived:
    """A waiver that counts today.

    Args:
        envelope: What its signers signed.
        tier: The model's.
        trust: Whose signers are believed.
        subject: Registered model and payload.
        now: Unix seconds.

    Raises:
        EvidenceError: As `verify_waiver`.
        Refused: `waiver_gate`, `waiver_forbidden`, `waiver_endless`.
    """
    waiver = verify_waiver(envelope, trust, subject, now)
    if waiver.gate not in tier.gates:
        told = f"expected a gate ({', '.join(tier.gates)}), found a waiver for another"
        raise Refused("waiver_gate", told)
    if waiver.gate not in tier.waivable:
        told = f"expected a gate that the policy lets be waived, found {waiver.gate}"
        raise Refused("waiver_forbidden", told)
    longest, asked = tier.waivable[waiver.gate], waiver.expires_at - waiver.issued_at
    if asked > longest:
        told = f"expected a waiver of {waiver.gate} for at most {longest} s, found {asked} s"
        raise Refused("waiver_endless", told)
    return Waived(waiver, envelope)


def standing_waivers(
    envelopes: Iterable[bytes], *, tier: Tier, trust: Trust, subject: Subject, now: int
) -> dict[str, Waived]:
    """Gate -> its waiver, of those that count today; what does not count is as if it were not."""
    found = {}
    for envelope in envelopes:
        try:
            waived = require_waiver(envelope, tier=tier, trust=trust, subject=subject, now=now)
        except (EvidenceError, Refused):
            continue
        found[waived.waiver.gate] = waived
    return found


def until(expires_at: int, waived: Mapping[str, Waived]) -> int:
    """When a decision ends that has these waivers; whether they are needed is not told by it."""
    return min([expires_at, *(found.waiver.expires_at for found in waived.values())])
