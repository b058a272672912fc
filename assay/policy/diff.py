"""What another policy asks, and what it makes of one decision: pure, and row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from assay.evidence.decision import BarResult, GateDecision, GateResult, Verdict
from assay.evidence.public import PublicBar, PublicDecision, PublicGate
from assay.policy.explain import show, wanted
from assay.policy.rules import Rules

Shown: TypeAlias = GateDecision | PublicDecision


@dataclass(frozen=True, slots=True)
class Setting:
    """One value of the table that is another; None where there is none.

    Attributes:
        key: Such as `tiers.standard.bars.utility.auc.at_least.bar`, or `models.loans`.
        before: Plain JSON.
        after: Plain JSON.
    """

    key: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class BarSide:
    """One bar under one policy.

    Attributes:
        wanted: Such as `>= 0.68`.
        found: Such as `0.73 [0.69, 0.76]`, or `nothing`.
        distance: From the deciding end to the bar; below 0 short of it.
        code: The word of the verdict; in public only when it tells nothing of the sealed rows.
    """

    wanted: str
    verdict: Verdict
    found: str
    distance: float | None
    code: str


@dataclass(frozen=True, slots=True)
class BarChange:
    """A bar that asks or answers something else; None where a policy does not have it."""

    measurement: str
    before: BarSide | None
    after: BarSide | None


@dataclass(frozen=True, slots=True)
class GateSide:
    """One gate under one policy.

    Attributes:
        code: As of a bar.
        reason: What was expected and found; in public nothing.
    """

    verdict: Verdict
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class GateChange:
    """A gate that asks or answers something else; None where a policy does not have it.

    Attributes:
        remedy: The new policy's, where the gate does not pass under it.
        bars: Those that ask or answer something else.
    """

    gate: str
    before: GateSide | None
    after: GateSide | None
    remedy: str
    bars: tuple[BarChange, ...]


def changed_settings(before: Rules, after: Rules) -> tuple[Setting, ...]:
    """Each value of the table that is another, in the order of its key."""
    return tuple(_changed("", _keyed(before), _keyed(after)))


def changed_gates(
    before: Shown, after: Shown, remedies: Mapping[str, str]
) -> tuple[GateChange, ...]:
    """Each gate that asks or answers something else of the same version.

    None where a policy does not know the model: it judged nothing that could be compared.

    Args:
        before: The decision by one policy, or its public view.
        after: The same by another policy.
        remedies: Gate -> what a person can do, from the other policy.
    """
    if not before.gates or not after.gates:
        return ()
    found = []
    for gate in dict.fromkeys([*before.gates, *after.gates]):
        one, other = before.gates.get(gate), after.gates.get(gate)
        bars = tuple(_changed_bars(_bars(one), _bars(other)))
        sides = _gate_side(one), _gate_side(other)
        if bars or sides[0] != sides[1]:
            fails = other is not None and other.verdict is not Verdict.PASS
            found.append(GateChange(gate, *sides, remedies[gate] if fails else "", bars))
    return tuple(found)


def _keyed(rules: Rules) -> dict[str, Any]:
    """The table with a name for each bar and floor, so that their order tells nothing."""
    table = rules.model_dump(mode="json", exclude_none=True)
    for tier in table["tiers"].values():
        tier["bars"] = {
            f"{bar.pop('gate')}.{bar.pop('measurement')}.{bar.pop('per')}.{bar['direction']}": bar
            for bar in tier["bars"]
        }
        floors: dict[str, list[Any]] = {}
        for floor in tier["floors"]:
            key = f"{floor['evidence']}.{floor['key']}.{floor['rule']}"
            floors.setdefault(key, []).append(floor["value"])
        tier["floors"] = floors
    return table


def _changed(key: str, before: Any, after: Any) -> Iterator[Setting]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            inner = f"{key}.{name}" if key else name
            yield from _changed(inner, before.get(name), after.get(name))
    elif before != after:
        yield Setting(key, before, after)


def _bars(gate: GateResult | PublicGate | None) -> dict[tuple[str, str], BarSide]:
    bars = gate.bars if gate is not None else ()
    return {(bar.measurement, bar.direction): _bar_side(bar) for bar in bars}


def _changed_bars(
    before: Mapping[tuple[str, str], BarSide], after: Mapping[tuple[str, str], BarSide]
) -> Iterator[BarChange]:
    for key in dict.fromkeys([*before, *after]):
        one, other = before.get(key), after.get(key)
        if one != other:
            yield BarChange(key[0], one, other)


def _bar_side(bar: BarResult | PublicBar) -> BarSide:
    code = bar.fault if isinstance(bar, PublicBar) else bar.code
    return BarSide(wanted(bar), bar.verdict, show(bar.value), bar.distance, code)


def _gate_side(gate: GateResult | PublicGate | None) -> GateSide | None:
    if gate is None:
        return None
    if isinstance(gate, PublicGate):
        return GateSide(gate.verdict, gate.fault, "")
    return GateSide(gate.verdict, gate.code, gate.reason)
