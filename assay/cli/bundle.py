"""`assay verify`, `export`: a promotion before a consumer, or before an auditor far from here.

An auditor has the light install: what asks a registry is imported by whoever asks one.
"""

from __future__ import annotations

import argparse
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from assay.cli.show import say
from assay.errors import InputError
from assay.evidence.decision import GateDecision
from assay.evidence.public import PublicDecision
from assay.evidence.trust import Trust
from assay.evidence.waivers import read_waivers
from assay.home import Home
from assay.stack.record import read_stack, running_home


def verify(arguments: argparse.Namespace) -> int:
    """Verify an alias against the running registry, or an exported bundle offline."""
    if Path(arguments.target).exists():
        return _verify_bundle(arguments)
    model, alias = _alias(arguments.target)
    if arguments.at or arguments.outcomes:
        raise InputError(
            "bad_target", "expected a bundle with --at or --outcomes: an alias is asked of now"
        )
    home = running_home(arguments.home)
    from assay.serving.champion import load_champion

    url = _sign_in(home)
    trust = _trusted(arguments) or home.trust
    champion = load_champion(model, trust=trust, tracking_uri=url, alias=alias)
    promotion = champion.promotion
    say(f"{model}@{alias} is version {promotion.version}: promotion, decision and bytes verified")
    say(f"approved by {promotion.approver}, holds until {_told(promotion.expires_at)[:10]}")
    _say_waived(champion.decision)
    return 0


def export(arguments: argparse.Namespace) -> int:
    """Write envelopes, evidence, policy, trust and payload of an alias into one file."""
    model, alias = _alias(arguments.target)
    home = running_home(arguments.home)
    from assay.serving.export import export_bundle

    url = _sign_in(home)
    file, now = Path(arguments.file), int(time.time())
    export_bundle(home, model, file, now=now, tracking_uri=url, alias=alias)
    say(f"{model}@{alias} written to {arguments.file}; verify it with `assay verify`")
    return 0


def _verify_bundle(arguments: argparse.Namespace) -> int:
    from assay.serving.offline import verify_bundle

    named = _trusted(arguments)
    trust = Trust.load(named) if named else None
    outcomes = Path(arguments.outcomes) if arguments.outcomes else None
    today = int(time.time())
    moment = _moment(arguments.at) if arguments.at else today
    found = verify_bundle(Path(arguments.target), now=moment, trust=trust, outcomes=outcomes)
    promotion = found.promotion
    numbers = "numbers recomputed" if found.recomputed else "numbers not recomputed"
    say(f"{promotion.model}/{promotion.version}: signatures and bytes verified, {numbers}")
    ends = promotion.expires_at
    say(f"as of {_told(moment)}: approved by {promotion.approver}, until {_told(ends)}")
    _say_waived(found.decision)
    if today >= ends:
        say("it has ended since: nobody may rest on it today")
    if moment > today:
        say("that moment is yet to come: what is revoked until then is not known")
    if not found.pinned:
        say("by the keys that the bundle itself names; give --trust FILE to know whose they are")
    return 0


def _say_waived(decision: GateDecision | PublicDecision) -> None:
    for gate, waiver in read_waivers(decision.waivers).items():
        say(f"{gate} is waived {waiver}")


def _moment(text: str) -> int:
    """Unix seconds of a time that names its zone: two auditors mean the same second by it."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min
    if moment.tzinfo is None:
        raise InputError(
            "bad_time", "expected --at as 2026-11-25T12:00:00Z, with its zone, found another form"
        )
    return int(moment.timestamp())


def _told(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _trusted(arguments: argparse.Namespace) -> Path | None:
    if arguments.trust and not Path(arguments.trust).is_file():
        raise InputError("no_trust", f"expected a trust.json at {arguments.trust}, found none")
    return Path(arguments.trust) if arguments.trust else None


def _alias(target: str) -> tuple[str, str]:
    model, _, alias = target.partition("@")
    if not model or not alias:
        raise InputError("bad_target", f"expected MODEL@ALIAS or an existing bundle: {target!r}")
    return model, alias


def _sign_in(home: Home) -> str:
    """MLflow's own client reads user and certificates from the environment of this process."""
    from assay.registry.users import AUDITOR
    from assay.stack.environment import mlflow_client

    url = read_stack(home).mlflow
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        del os.environ[name]  # such as MLFLOW_TRACKING_INSECURE_TLS
    os.environ.update(mlflow_client(home, url, AUDITOR))
    return url
