"""What another policy would make of each champion, before it is put in force.

It reads the home itself, evidence and sealed rows included, and writes nothing there. So it is
for whoever operates the registry's server.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import AssayError, Refused, Unavailable
from assay.evidence.decision import GateDecision, Promotion
from assay.home import Home
from assay.ledger import Entry, standing
from assay.policy.bundle import build_policy, changed_files
from assay.policy.client import ask
from assay.policy.diff import Setting, changed_settings
from assay.policy.opa import OpaServer
from assay.policy.rules import Policy, load_policy
from assay.registry.gate import Gate
from assay.registry.promoted import held_until, promoted, rested_on


@dataclass(frozen=True, slots=True)
class Outlook:
    """What one policy makes of a champion.

    Attributes:
        code: `ok`, or the word by which it would be demoted, as everybody may read it.
        decision: None where nothing could be judged: its evidence is not there.
    """

    code: str
    decision: GateDecision | None

    @property
    def holds(self) -> bool:
        """Whether it stays champion."""
        return self.code == "ok"


@dataclass(frozen=True, slots=True)
class Prospect:
    """A champion under the policy in force and under another one."""

    model: str
    version: str
    before: Outlook
    after: Outlook


@dataclass(frozen=True, slots=True)
class Foresight:
    """All that another policy would change.

    Attributes:
        before: The policy in force.
        after: The other one.
        files: Rego files that differ, and `capabilities.json`.
        settings: Values of the table that differ.
        champions: Every champion that stands, in the order of their names.
    """

    before: Policy
    after: Policy
    files: tuple[str, ...]
    settings: tuple[Setting, ...]
    champions: tuple[Prospect, ...]


@dataclass(frozen=True, slots=True)
class _Bench:
    """A policy, and an OPA of its own that runs it."""

    gate: Gate
    policy: Policy
    opa: OpaServer

    def outlook(self, entry: Entry, now: int) -> Outlook:
        """What an audit by it makes of a promotion; the bytes that are served are not read."""
        decision = None
        try:
            promotion = promoted(self.gate, entry.body["envelope"])
            decision = self._judge(promotion)
            held_until(promotion, decision, now)
        except Refused as why:
            return Outlook(why.code, decision)
        return Outlook("ok", decision)

    def _judge(self, promotion: Promotion) -> GateDecision:
        case, as_of = rested_on(self.gate, promotion)
        return self.gate.judge_by(self.policy, self.gate.trust(), self._ask, case, as_of)

    def _ask(self, question: dict[str, Any]) -> Any:
        return ask(self.opa.socket, self.opa.token, question, policy_digest=self.policy.digest)


def foresee(home: Home, sources: Path, now: int) -> Foresight:
    """Build a policy aside, and judge every champion's kept evidence under it and today's.

    Args:
        home: The installation; nothing in it changes.
        sources: Folder of the other policy's Rego, `data.json` and `capabilities.json`.
        now: Unix seconds.

    Raises:
        InputError: `no_policy`, `bad_policy` and the like: the sources are no policy; the
            message names file and key.
        Unavailable: OPA, or a part of the home that a decision takes.
    """
    gate = Gate(home)
    _require_whole(gate)
    with tempfile.TemporaryDirectory(prefix="assay-policy-") as scratch:
        built = Path(scratch, "policy")
        build_policy(sources, built)
        before, after = gate.policy(), load_policy(built)
        with OpaServer(home.policy) as ours, OpaServer(built) as theirs:
            benches = _Bench(gate, before, ours), _Bench(gate, after, theirs)
            champions = tuple(_prospects(gate, *benches, now))
        files = changed_files(home.policy, built)
    settings = changed_settings(before.rules, after.rules)
    return Foresight(before, after, files, settings, champions)


def _prospects(gate: Gate, before: _Bench, after: _Bench, now: int) -> Iterator[Prospect]:
    ledger = gate.ledger()
    for model in sorted({entry.body["model"] for entry in ledger.entries("promotion")}):
        if entry := standing(ledger, model):
            sides = before.outlook(entry, now), after.outlook(entry, now)
            yield Prospect(model, entry.body["version"], *sides)


def _require_whole(gate: Gate) -> None:
    """Whoever lacks something can tell of no model that it would fall."""
    try:
        gate.check()
    except AssayError as error:
        raise Unavailable(error.code, error.message) from error
