"""The consumer verifies: the alias, its promotion, its decision and the bytes, then it loads.

It trusts neither the registry nor the disk: a raw write to either meets a signature here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from assay.errors import InputError
from assay.evidence.decision import Promotion
from assay.evidence.public import PublicDecision
from assay.evidence.standing import Standing, refuse_latest, verify_standing
from assay.evidence.trust import Trust
from assay.models import Model, model_of
from assay.serving.floor import alone, read_floor, write_floor
from assay.serving.offline import opened, read_standing, verify_bundle

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

    @property
    def expires_at(self) -> int:
        """The second from which it holds no more, Unix time."""
        return min(self.promotion.expires_at, self.decision.expires_at)


def load_champion(
    name: str,
    *,
    trust: Trust | Path,
    tracking_uri: str | None = None,
    bundle: Path | None = None,
    alias: str = CHAMPION,
    floor: int | Path = 0,
    now: int | None = None,
) -> Champion:
    """Verify whatever holds the alias, then load exactly the bytes that were verified.

    Args:
        name: Registered model.
        trust: Whose keys are believed, or the path of a trust.json that came by another way than
            the registry or the bundle.
        tracking_uri: The server; None: MLflow's own setting.
        bundle: What `assay export` wrote, a folder or tar: then no server is asked, and all of it
            is verified, as by `verify_bundle`.
        alias: A protected alias; never `latest`.
        floor: Smallest promotion sequence to accept, or the file that remembers the largest one
            which was loaded, so that nobody can roll back to an older promotion. The file is made
            by the first load; from then on, one that cannot be read accepts nothing.
        now: Unix seconds; None: this machine's clock.

    Raises:
        InputError: No such bundle, or a bundle and a server (`two_sources`).
        EvidenceError: Some of it does not verify; as `verify_standing`, `verify_bundle`, and the
            payload's own, and the floor's, as `read_floor`.
        Refused: `latest`, or nothing holds the alias (`no_champion`).
        Unavailable: The server does not answer, or the floor cannot be kept.
    """
    believed = trust if isinstance(trust, Trust) else Trust.load(trust)
    moment = int(time.time()) if now is None else now
    if bundle is None:
        from assay.serving.fetch import fetch  # MLflow takes seconds, and a bundle does without

        found, files = fetch(name, alias, tracking_uri)
    elif tracking_uri is None:
        found, files = _read(bundle, name, alias, believed, moment)
    else:
        raise InputError("two_sources", "expected a bundle or a server to load from, found both")
    if isinstance(floor, int):
        return _verified(found, files, believed, moment, floor)
    with alone(floor):
        least = read_floor(floor, name, alias)
        champion = _verified(found, files, believed, moment, least)
        if champion.promotion.sequence > least:
            write_floor(floor, champion.promotion)
    return champion


def _verified(
    found: Standing, files: Mapping[str, bytes], trust: Trust, now: int, floor: int
) -> Champion:
    promotion, decision = verify_standing(found, trust, now, floor)
    return Champion(model_of(files), promotion, decision)


def _read(
    bundle: Path, name: str, alias: str, trust: Trust, now: int
) -> tuple[Standing, dict[str, bytes]]:
    """The standing of a bundle that verifies, under the name and alias that were asked for.

    Whoever writes into the folder meanwhile gains nothing: what is returned was read once, and is
    verified after this.
    """
    refuse_latest(alias)
    with opened(bundle) as folder:
        verify_bundle(folder, now=now, trust=trust)
        found, files = read_standing(folder, trust)
    return replace(found, name=name, alias=alias), files
