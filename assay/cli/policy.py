"""`assay policy`: what another one would change, and one that its owner signs elsewhere."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.cli.show import print_table, say
from assay.errors import InputError
from assay.evidence.decision import GateDecision
from assay.evidence.plain import to_plain
from assay.evidence.public import public_view
from assay.evidence.trust import Trust
from assay.home import REPOSITORY, find_home
from assay.policy.bundle import build_policy
from assay.policy.diff import BarSide, GateChange, GateSide, Shown, changed_gates
from assay.policy.force import take_in_force
from assay.policy.seal import seal_by
from assay.registry.foresight import Foresight, Outlook, Prospect, foresee
from assay.registry.users import AUDITOR
from assay.stack.record import lock_home

_COLUMNS = ("gate", "measurement", "bar", "verdict", "point [lower, upper]", "distance")


@dataclass(frozen=True, slots=True)
class _Champion:
    """What is shown of one champion: `ok` or the word of its demotion, and what differs."""

    model: str
    version: str
    before: str
    after: str
    denials: tuple[str, ...]
    gates: tuple[GateChange, ...]


def diff(arguments: argparse.Namespace) -> int:
    """Print what would change; 1 when a champion would not stay one. Nothing is put in force."""
    home = find_home(arguments.home)
    sources = Path(arguments.policies or REPOSITORY / "policies")
    found = foresee(home, sources, int(time.time()))
    champions = [_champion(found, one, arguments.user) for one in found.champions]
    if arguments.json:
        say(json.dumps(_plain(found, champions)))
    else:
        _print(found, champions, arguments.user)
    return 0 if all(one.after.holds for one in found.champions) else 1


def seal(arguments: argparse.Namespace) -> int:
    """Build and sign a policy and the keys under it, where its owner is; no home is needed."""
    out = Path(arguments.out)
    if out.exists():
        raise InputError("folder_exists", f"expected no {out}, found one")
    with tempfile.TemporaryDirectory(prefix="assay-policy-") as scratch:
        built = Path(scratch, "policy")
        build_policy(Path(arguments.policies), built)
        trust = Trust.load(Path(arguments.trust))
        policy = seal_by(Path(arguments.key), built, trust, int(time.time()))
        shutil.copytree(built, out)
    say(f"version {policy.rules.version}, {policy.digest}: built and signed in {out}")
    return 0


def put(arguments: argparse.Namespace) -> int:
    """Let a policy rule that its owner signed elsewhere, from the next start on."""
    home = find_home(arguments.home)
    with lock_home(home):  # a server would ask an OPA that has the one before
        policy = take_in_force(home, Path(arguments.sealed), int(time.time()))
    say(f"version {policy.rules.version}, {policy.digest} rules; `assay up` starts under it")
    return 0


def _champion(found: Foresight, one: Prospect, user: str) -> _Champion:
    """Sealed numbers are for the auditor and for who approves today, whatever comes."""
    row = found.before.rules.models.get(one.model)
    sealed = user == AUDITOR or (row is not None and user in row.approvers)
    before, after = (_shown(side, sealed) for side in (one.before, one.after))
    gates = changed_gates(before, after, found.after.remedies) if before and after else ()
    denials = after.denials if after else ()
    return _Champion(one.model, one.version, one.before.code, one.after.code, denials, gates)


def _shown(side: Outlook, sealed: bool) -> Shown | None:
    decision: GateDecision | None = side.decision
    return decision if sealed or decision is None else public_view(decision, "")


def _plain(found: Foresight, champions: list[_Champion]) -> dict[str, Any]:
    return {
        "before": found.before.digest,
        "after": found.after.digest,
        "files": list(found.files),
        "settings": to_plain(found.settings),
        "champions": to_plain(champions),
    }


def _print(found: Foresight, champions: list[_Champion], user: str) -> None:
    say(f"in force: version {found.before.rules.version}, {found.before.digest}")
    say(f"proposed: version {found.after.rules.version}, {found.after.digest}{_note(found)}")
    for file in found.files:
        say(f"another {file}")
    if found.settings:
        rows = [(one.key, _value(one.before), _value(one.after)) for one in found.settings]
        print_table("data.json", ("key", "in force", "proposed"), rows)
    for champion in champions:
        _print_champion(champion, user)
    if not champions:
        say("no champion stands, so none would fall")
    say("nothing was put in force: `assay up` does that with the policies it is started on")


def _note(found: Foresight) -> str:
    """What a start would say to it before anything else."""
    if found.before.digest == found.after.digest:
        return ", the same"
    least = found.before.rules.version + 1
    return "" if found.after.rules.version >= least else f"; `assay up` asks for {least} or higher"


def _value(found: Any) -> str:
    """Plain JSON in a cell; of a whole row, only that it is there."""
    if found is None:
        return "absent"
    return "present" if isinstance(found, dict) else json.dumps(found)


def _print_champion(champion: _Champion, user: str) -> None:
    say(f"{champion.model}/{champion.version}: {_fate(champion)}")
    rows = [row for gate in champion.gates for row in _rows(gate)]
    if rows:
        print_table(f"what differs, shown to {user}", _COLUMNS, rows)
    for gate in champion.gates:
        if gate.after is not None and gate.remedy:
            why = f" ({gate.after.code})" if gate.after.code else ""
            reason = f"{gate.after.reason}. " if gate.after.reason else ""
            say(f"{gate.gate} {gate.after.verdict}{why}: {reason}Remedy: {gate.remedy}")
    for denial in champion.denials:
        say(f"denied: {denial}")


def _fate(champion: _Champion) -> str:
    match champion.before, champion.after:
        case "ok", "ok":
            return "stays champion"
        case "ok", why:
            return f"would be demoted ({why})"
        case why, "ok":
            return f"does not hold today ({why}), would hold"
        case why, still:
            return f"does not hold today ({why}), would not either ({still})"


def _rows(gate: GateChange) -> Iterator[tuple[str, ...]]:
    verdict = _pair(_verdict(gate.before), _verdict(gate.after))
    yield (gate.gate, "", "", verdict, "", "")
    for bar in gate.bars:
        before, after = bar.before, bar.after
        shown = after or before
        assert shown is not None  # one of the two has it
        yield (
            "",
            bar.measurement,
            _pair(_wanted(before), _wanted(after)),
            _pair(_verdict(before), _verdict(after)),
            shown.found,
            _pair(_distance(before), _distance(after)),
        )


def _verdict(side: GateSide | BarSide | None) -> str:
    return side.verdict.value if side else "absent"


def _wanted(side: BarSide | None) -> str:
    return side.wanted if side else "absent"


def _distance(side: BarSide | None) -> str:
    return "" if side is None or side.distance is None else f"{side.distance:+.3g}"


def _pair(before: str, after: str) -> str:
    """One word where both are the same, or where one of them is nothing."""
    return " → ".join(dict.fromkeys(filter(None, (before, after))))
