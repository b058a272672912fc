"""The consumer verifies: the alias, its promotion, its decision and the bytes, then it loads.

It trusts neither the registry nor the disk: a raw write to either meets a signature here.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from assay.evidence.decision import Promotion
from assay.evidence.public import PublicDecision
from assay.evidence.standing import verify_standing
from assay.evidence.trust import Trust
from assay.models import Model, load_payload
from assay.serving.fetch import fetch

CHAMPION = "champion"


@dataclass(frozen=True, slots=True)
class Champion:
    """A model whose promotion was verified.

    Attributes:
        model: Ready to score.
        promotion: Who promoted it, when, and until when it holds.
        decision: What the gate said, in public.
    """

    model: Model
    promotion: Promotion
    decision: PublicDecision


def load_champion(
    name: str,
    *,
    trust: Trust | Path,
    tracking_uri: str | None = None,
    alias: str = CHAMPION,
    floor: int = 0,
    now: int | None = None,
) -> Champion:
    """Verify whatever holds the alias, then load exactly the bytes that were verified.

    Args:
        name: Registered model.
        trust: Whose keys are believed, or the path of a trust.json that came by another way than
            the registry.
        tracking_uri: The server; None: MLflow's own setting.
        alias: A protected alias; never `latest`.
        floor: Smallest promotion sequence to accept; keep the last one that was loaded, so that
            nobody can roll back to an older promotion.
        now: Unix seconds; None: this machine's clock.

    Raises:
        EvidenceError: Some of it does not verify; as `verify_standing`, and the payload's own.
        Refused: `latest`, or nothing holds the alias (`no_champion`).
        Unavailable: The server does not answer.
    """
    believed = trust if isinstance(trust, Trust) else Trust.load(trust)
    moment = int(time.time()) if now is None else now
    with tempfile.TemporaryDirectory(prefix="assay-") as scratch:  # 0700
        found, payload = fetch(name, alias, tracking_uri, Path(scratch))
        promotion, decision = verify_standing(found, believed, moment, floor)
        return Champion(load_payload(payload), promotion, decision)
