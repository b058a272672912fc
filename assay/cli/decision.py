"""`assay gates`, `explain`, `approve`, `reject`: decisions, and what follows one."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

from assay.cli.registry import Registry
from assay.cli.show import print_table, say
from assay.errors import InputError
from assay.evidence.decision import BarResult, GateDecision, Verdict
from assay.evidence.plain import to_plain
from assay.evidence.public import PublicBar, PublicDecision
from assay.evidence.values import Bound, Exact
from assay.evidence.waivers import read_waivers
from assay.ledger import Review
from assay.policy.explain import Change, show, wanted
from assay.policy.explain import explain as explained
from assay.policy.rules import load_policy
from assay.registry.users import AUDITOR
from assay.stack.record import running_home


def gates(arguments: argparse.Namespace) -> int:
    """Print the decision on a version; 1 when it is blocked."""
    registry = Registry(running_home(arguments.home), arguments.user)
    decision = _decision(registry, arguments.target)
    if arguments.json:
        say(json.dumps(to_plain(decision)))
    else:
        print_decision(decision, arguments.user)
        for who, said in registry.reviews(decision.model, decision.version).items():
            say(f"{who} says {said}")
    return 0 if decision.allowed else 1


def explain(arguments: argparse.Namespace) -> int:
    """Print what would change each verdict; 1 when the version is blocked."""
    registry = Registry(running_home(arguments.home), arguments.user)
    decision = _decision(registry, arguments.target)
    remedies = load_policy(registry.home.policy).remedies
    for gate in explained(decision, remedies):
        say(f"{gate.gate} {gate.verdict}{f' ({gate.code})' if gate.code else ''}: {gate.remedy}")
        if gate.reason:
            say(f"  {gate.reason}")
        for change in gate.changes:
            say(f"  {_told(change)}")
    for denial in decision.denials:
        say(f"denied: {denial}")
    say("promotable" if decision.allowed else "blocked")
    return 0 if decision.allowed else 1


def approve(arguments: argparse.Namespace) -> int:
    """Ask the registry to make a version champion, as an approver.

    A comment is said first, and stands also where the tier asks for more approvals.
    """
    if arguments.comment is not None:
        _review(arguments, "approve")
    registry = Registry(running_home(arguments.home), arguments.user)
    registry.promote(arguments.model, arguments.version)
    say(f"{arguments.model}/{arguments.version} is champion, approved by {arguments.user}")
    return 0


def reject(arguments: argparse.Namespace) -> int:
    """Say no to a version, as an approver; no click promotes it until that is taken back."""
    _review(arguments, "reject")
    return 0


def _review(arguments: argparse.Namespace, answer: str) -> None:
    review = Review.parse(f"{answer}: {arguments.comment}")
    registry = Registry(running_home(arguments.home), arguments.user)
    registry.review(arguments.model, arguments.version, review)
    say(f"{arguments.model}/{arguments.version}: {arguments.user} says {review}")


def print_decision(decision: GateDecision | PublicDecision, user: str) -> None:
    """One table: every bar of every gate."""
    sealed = isinstance(decision, GateDecision)
    rows = [
        (name, *_bar_row(bar), _last_cell(bar))
        for name, gate in decision.gates.items()
        for bar in gate.bars
    ]
    whose = "the sealed holdout" if sealed else "development rows"
    title = f"{decision.model}/{decision.version}: numbers from {whose}, shown to {user}"
    columns = ("gate", "measurement", "verdict", "point [lower, upper]", "n", "bar", "distance")
    print_table(title, (*columns, "n needed" if sealed else "fault"), rows)
    for denial in decision.denials:
        say(f"denied: {denial}")
    for name, waiver in read_waivers(decision.waivers).items():
        say(f"{name} is waived {waiver}")
    for line in _reasons(decision):
        say(line)
    say(f"decision: {'promotable' if decision.allowed else 'BLOCKED'}")


def _bar_row(bar: BarResult | PublicBar) -> tuple[str, ...]:
    distance = "" if bar.distance is None else f"{bar.distance:+.3g}"
    return (bar.measurement, bar.verdict.value, show(bar.value), _rows(bar), wanted(bar), distance)


def _rows(bar: BarResult | PublicBar) -> str:
    match bar.value:
        case Bound(n=n):
            return f"{n:,}"
        case Exact():
            return "exact"
    return ""


def _last_cell(bar: BarResult | PublicBar) -> str:
    if isinstance(bar, PublicBar):
        return bar.fault
    return f"{bar.n_needed:,}" if bar.n_needed else ""


def _reasons(decision: GateDecision | PublicDecision) -> Iterator[str]:
    """Why each gate of a sealed decision does not pass, and what to do."""
    if isinstance(decision, GateDecision):
        for name, gate in decision.gates.items():
            if gate.verdict is not Verdict.PASS:
                yield f"{name} {gate.verdict} ({gate.code}): {gate.reason}. Remedy: {gate.remedy}"


def _told(change: Change) -> str:
    """One bar that does not pass: what it found, how far that is, and what would change it."""
    away = change.distance
    short = "" if away is None else f", {'short' if away < 0 else 'clear'} by {abs(away):.3g}"
    return (
        f"{change.measurement}: expected {change.wanted}, found {change.found}{short}; "
        f"{change.advice}"
    )


def _decision(registry: Registry, target: str | None) -> GateDecision | PublicDecision:
    if target is None:
        model, version = registry.newest()
    elif "/" in target:
        model, _, version = target.partition("/")
    else:
        model, version = registry.of_run(target)
    models = load_policy(registry.home.policy).rules.models
    if model not in models:
        raise InputError("unknown_model", f"expected one of {', '.join(models)}, found {model!r}")
    if registry.user in {AUDITOR, *models[model].approvers}:
        return registry.sealed(model, version)
    return registry.public(model, version)
