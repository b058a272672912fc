"""`assay check`: what a declaration will cost and can prove, said before a run."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator

from assay.cli.needs import ASSUMED, Need, need_of
from assay.cli.rows import Rows, count_rows
from assay.cli.show import print_table, say
from assay.home import ENVIRONMENT, REPOSITORY, find_home
from assay.policy.explain import SIGN
from assay.policy.floors import reaches
from assay.policy.rules import Bar, ModelRules, Rules, Tier, load_policy, parse_rules
from assay.spec import PipelineSpec, load_spec
from tasks.evaluation.asked import check_asked
from tasks.validation.suite import Suite
from tasks.validation.validate import declared_suite


def check(arguments: argparse.Namespace) -> int:
    """Print what the pipeline asks, costs and can prove; 1 when a gate cannot pass.

    Raises:
        InputError: Pipeline, suite or table are not what a run would take.
    """
    spec = load_spec(arguments.pipeline)
    check_asked(spec)
    rules = _rules(arguments.home)
    row = rules.models.get(spec.model)
    if row is None:
        say(f"unknown_model: the policy has no row for {spec.model}; ask its owner to add one")
        return 1
    tier = rules.tiers[row.tier]
    suite = declared_suite(spec)
    rows = count_rows(spec, row)
    _print_cost(spec, suite, rows, tier)
    refusals = [*_undercut(spec, suite, tier), *_not_allowed(spec, tier)]
    needs = list(_needs(tier, row, rows))
    _print_needs(tier, needs)
    refusals += [f"{bar.measurement} {need.cannot}" for bar, need in needs if need.cannot]
    for refusal in refusals:
        say(f"cannot pass: {refusal}")
    if not refusals:
        shown = sum(need.verdict == "yes" for _, need in needs)
        say(f"every gate can pass with these rows; enough of them for {shown} of {len(needs)} bars")
    return 1 if refusals else 0


def _rules(home: str | None) -> Rules:
    """The policy of the home that is named, else the sources that a fresh home is built from."""
    if home or os.environ.get(ENVIRONMENT):
        return load_policy(find_home(home).policy).rules
    return parse_rules((REPOSITORY / "policies" / "data.json").read_bytes())


def _print_cost(spec: PipelineSpec, suite: Suite, rows: Rows, tier: Tier) -> None:
    asked = spec.evaluation.robustness
    passes = asked.steps * asked.restarts + asked.queries
    attacked = rows.unfavourable.about * len(asked.costs)
    lines = [
        (
            "suite",
            f"{suite.name}: {len(suite.declared)} expectations, which a run puts to the rows",
        ),
        ("rows", f"train {rows.train.about:,}, sealed holdout {rows.holdout.about:,}"),
        (
            "attacks",
            f"{', '.join(asked.attacks)} at cost {', '.join(map(str, asked.costs))}: at most "
            f"{attacked * passes:,} forward rows",
        ),
        ("privacy", _privacy(spec)),
        ("look", f"one of the {tier.looks} that the holdout allows, alpha {tier.alpha_per_look}"),
    ]
    print_table(f"{spec.model}: what a run costs", ("what", "how much"), lines)


def _privacy(spec: PipelineSpec) -> str:
    asked = spec.privacy
    if asked.mechanism == "none":
        return f"none ({asked.reason})"
    return f"{asked.mechanism}: epsilon {asked.epsilon:g}, delta {asked.delta:g}"


def _undercut(spec: PipelineSpec, suite: Suite, tier: Tier) -> Iterator[str]:
    """Floors that the declaration or its suite does not reach."""
    asked = {
        **spec.evaluation.model_dump(mode="json"),
        "privacy": spec.privacy.model_dump(mode="json"),
        "training": spec.training.model_dump(mode="json"),
        "validation": suite.asked,
    }
    for floor in tier.floors:
        if floor.key not in asked.get(floor.evidence, {}):
            continue  # told by the run alone
        found = asked[floor.evidence][floor.key]
        if not reaches(found, floor):
            expected = f"{floor.evidence}.{floor.key} {floor.rule.replace('_', ' ')} {floor.value}"
            yield f"{expected}, found {found}"


def _not_allowed(spec: PipelineSpec, tier: Tier) -> Iterator[str]:
    """Privacy bars that the declaration misses before anything is measured."""
    asked = spec.privacy.model_dump(mode="json")
    for bar in tier.bars:
        if bar.evidence != "privacy" or bar.measurement not in asked:
            continue
        found = asked[bar.measurement]
        if isinstance(bar.bar, tuple):
            ok = found in bar.bar
        else:
            ok = found is not None and found <= bar.bar
        if not ok:
            yield f"privacy.{bar.measurement}: expected {_asks(bar)}, found {found or 'none'}"


def _asks(bar: Bar) -> str:
    words = ", ".join(bar.bar) if isinstance(bar.bar, tuple) else f"{bar.bar:g}"
    return f"{SIGN[bar.direction]} {words}"


def _needs(tier: Tier, row: ModelRules, rows: Rows) -> Iterator[tuple[Bar, Need]]:
    """Each bound that is asked of this model, with the rows that it takes."""
    subjects = {"group": tuple(row.groups), "product": row.product_names}
    for bar in (one for each in tier.bars for one in each.expanded(subjects)):
        if need := need_of(bar, rows, tier.alpha_per_look):
            yield bar, need


def _print_needs(tier: Tier, needs: list[tuple[Bar, Need]]) -> None:
    columns = ("gate", "measurement", "bar", "rows", "n", "min n", "enough", "passes")
    lines = [
        (
            bar.gate,
            bar.measurement,
            _asks(bar),
            need.rows,
            f"{need.n.about:,}",
            f"{bar.min_n:,}",
            "-" if need.enough is None else f"{need.enough:,}",
            need.verdict,
        )
        for bar, need in needs
    ]
    print_table(f"Rows that each bar takes at alpha {tier.alpha_per_look}", columns, lines)
    say(ASSUMED)
