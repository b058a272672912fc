"""Two tables are told apart by what they ask, whatever the order of their rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from assay.evidence.decision import Verdict
from assay.evidence.public import public_view
from assay.home import REPOSITORY
from assay.policy.diff import changed_gates, changed_settings
from assay.policy.rules import Rules, parse_rules
from tests.assay.policy.submission import Site

SOURCE = (REPOSITORY / "policies" / "data.json").read_text()
TIER = "tiers.standard"


def table(change: Callable[[dict[str, Any]], object]) -> Rules:
    found = json.loads(SOURCE)
    change(found)
    return parse_rules(json.dumps(found).encode())


def standard(found: dict[str, Any]) -> dict[str, Any]:
    tier: dict[str, Any] = found["tiers"]["standard"]
    return tier


def turned(found: dict[str, Any]) -> None:
    for rows in ("bars", "floors"):
        standard(found)[rows].reverse()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (turned, {}),
        (lambda t: standard(t).update(alpha=0.01), {f"{TIER}.alpha": (0.05, 0.01)}),
        (lambda t: standard(t)["bars"][2].update(min_n=9), {
            f"{TIER}.bars.data_quality.quarantined_share.model.at_most.min_n": (0, 9)}),
        (lambda t: standard(t)["floors"].append(
            {"evidence": "validation", "key": "expectations", "rule": "at_least", "value": 9.0}), {
            f"{TIER}.floors.validation.expectations.at_least": ([10.0], [10.0, 9.0])}),
        (lambda t: t["models"]["credit"].update(owner="x"), {
            "models.credit.owner": ("trainer", "x")}),
        (lambda t: t["models"]["credit"]["mutable"]["PAY_0"].update(moves="up"), {
            "models.credit.mutable.PAY_0.moves": ("any", "up")}),
        (lambda t: t["statements"]["utility"]["materials"].remove("development"), {
            "statements.utility.materials": (
                ["holdout", "development", "outcomes:predictions", "development:predictions"],
                ["holdout", "outcomes:predictions", "development:predictions"])}),
    ],
    ids=["order", "alpha", "min_n", "a floor", "owner", "a movable column", "materials"],
)  # fmt: skip
def test_each_value_that_is_another_is_named(
    change: Callable[[dict[str, Any]], object], expected: dict[str, tuple[Any, Any]]
) -> None:
    found = changed_settings(parse_rules(SOURCE.encode()), table(change))
    assert {row.key: (row.before, row.after) for row in found} == expected


def test_a_model_is_added_and_removed_as_a_whole() -> None:
    whole, few = parse_rules(SOURCE.encode()), table(lambda found: found["models"].pop("mortgage"))
    (removed,), (added,) = changed_settings(whole, few), changed_settings(few, whole)
    assert removed.key == added.key == "models.mortgage"
    assert removed.before == added.after
    assert removed.after is added.before is None


def test_the_public_view_tells_no_sealed_verdict(site: Site) -> None:
    """A gate that only sealed rows let fall is no difference in public."""
    before = site.decide()
    fallen = replace(before.gates["utility"], verdict=Verdict.FAIL, code="below_bar", reason="x")
    after = replace(before, gates={**before.gates, "utility": fallen})
    (gate,) = changed_gates(before, after, {"utility": "mend it"})
    assert (gate.gate, gate.remedy, gate.bars) == ("utility", "mend it", ())
    assert changed_gates(public_view(before, ""), public_view(after, ""), {}) == ()


def test_a_policy_that_does_not_know_the_model_is_compared_with_none(site: Site) -> None:
    before = site.decide()
    unknown = replace(before, gates={}, denials=("unknown_model: x",))
    assert changed_gates(before, unknown, {}) == changed_gates(unknown, before, {}) == ()
