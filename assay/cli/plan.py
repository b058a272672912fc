"""`assay check`: what a declaration will cost and can prove, said before a run."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import pandas as pd

from assay.cli.show import print_table, say
from assay.home import ENVIRONMENT, REPOSITORY, find_home
from assay.measures.sizes import n_for_power, n_for_ratio
from assay.policy.floors import reaches
from assay.policy.rules import Bar, ModelRules, Rules, Tier, load_policy, parse_rules
from assay.sources import locate
from assay.spec import PipelineSpec, load_spec
from assay.tables import read_table
from tasks.evaluation.asked import check_asked
from tasks.validation.schema import check_declared, check_table, fold

MARGIN = 0.05  # how far beyond its bar the truth is taken to be
POWER = 0.9
_ACCURACY = 0.7  # of either label, where only its width matters


@dataclass(frozen=True, slots=True)
class Rows:
    """How many rows a run will have, from the counts of the source alone.

    Attributes:
        train: Rows that the release or the model is made from.
        held_out: Rows of the release that are only measured, with its rarer label.
        holdout: Sealed rows.
        unfavourable: Sealed rows with the unfavourable label.
        favourable: The other sealed rows.
        groups: Comparison, such as `SEX*AGE` -> sealed rows of its smallest cell.
        favourable_groups: The same among rows with the favourable label.
    """

    train: int
    held_out: int
    holdout: int
    unfavourable: int
    favourable: int
    groups: Mapping[str, int]
    favourable_groups: Mapping[str, int]

    @property
    def rate(self) -> float:
        """Share of the favourable label."""
        return self.favourable / self.holdout


Need: TypeAlias = tuple[str, int, int | None]  # which rows, has, needs


def check(arguments: argparse.Namespace) -> int:
    """Print what the pipeline asks, costs and can prove; 1 when a gate cannot pass."""
    spec = load_spec(arguments.pipeline)
    check_asked(spec)
    rules = _rules(arguments.home)
    row = rules.models.get(spec.model)
    if row is None:
        say(f"unknown_model: the policy has no row for {spec.model}; ask its owner to add one")
        return 1
    tier = rules.tiers[row.tier]
    rows = count_rows(spec, row)
    _print_cost(spec, rows, tier)
    refusals = [*_undercut(spec, tier), *_not_allowed(spec, tier)]
    for refusal in refusals:
        say(f"cannot pass: {refusal}")
    short = _print_needs(tier, row, rows)
    if not refusals and not short:
        say("every gate can pass with these rows")
    return 1 if refusals or short else 0


def _rules(home: str | None) -> Rules:
    """The policy of the home that is named, else the sources that a fresh home is built from."""
    if home or os.environ.get(ENVIRONMENT):
        return load_policy(find_home(home).policy).rules
    return parse_rules((REPOSITORY / "policies" / "data.json").read_bytes())


def count_rows(spec: PipelineSpec, row: ModelRules) -> Rows:
    """Counts from the declared source; no cell is kept."""
    check_declared(spec, row)
    frame = read_table(locate(spec))
    check_table(spec, frame)
    folded, share = fold(spec, frame), spec.data.shares
    good = frame[spec.data.label] != row.unfavourable
    levels = pd.DataFrame(
        {
            name: folded[name].map(group.level, na_action="ignore")
            for name, group in row.groups.items()
        }
    )
    comparisons = {name: [name] for name in row.groups}
    comparisons |= {"*".join(columns): list(columns) for columns in row.products}

    def smallest(table: pd.DataFrame) -> dict[str, int]:
        return {
            name: int(share.holdout * table.value_counts(columns).min())
            for name, columns in comparisons.items()
        }

    holdout = int(len(frame) * share.holdout)
    favourable = int(share.holdout * good.sum())
    train = int(len(frame) * share.train)
    rarer = min(good.mean(), 1 - good.mean())
    return Rows(
        train=train,
        held_out=int((spec.privacy.rows or train) * spec.training.held_out / 2 * rarer),
        holdout=holdout,
        unfavourable=holdout - favourable,
        favourable=favourable,
        groups=smallest(levels),
        favourable_groups=smallest(levels[good.to_numpy()]),
    )


def need_of(bar: Bar, rows: Rows, alpha: float) -> Need | None:
    """The rows that a bound rests on, and how many of them would prove it; None for a count."""
    if bar.kind != "bound" or isinstance(bar.bar, tuple):
        return None
    stem, _, subject = bar.measurement.partition(":")
    return _NEEDS[stem](bar, bar.bar, subject, rows, alpha)


def _one(pick: Callable[[Rows], int], label: str, parts: int = 1) -> Callable[..., Need]:
    """A proportion of these rows; with two parts, one of two proportions at alpha / 2."""

    def need(bar: Bar, limit: float, _subject: str, rows: Rows, alpha: float) -> Need:
        if bar.direction == "at_least":
            needed = n_for_power(limit, min(limit + MARGIN, 1.0), alpha / parts, "at_least", POWER)
        else:
            needed = n_for_power(limit, limit / 3, alpha / parts, "at_most", POWER)
        return label, pick(rows), _at_least(bar, needed)

    return need


def _ratio(bar: Bar, limit: float, subject: str, rows: Rows, alpha: float) -> Need:
    needed = n_for_ratio(limit, rows.rate, alpha, POWER)
    return f"smallest group of {subject}", rows.groups[subject], _at_least(bar, needed)


def _opportunity(bar: Bar, limit: float, subject: str, rows: Rows, alpha: float) -> Need:
    """Two equal rates, each of which has to be known to half the allowed difference."""
    needed = n_for_power(rows.rate - limit / 2, rows.rate, alpha / 2, "at_least", POWER)
    label = f"smallest group of {subject}, favourable label"
    return label, rows.favourable_groups[subject], _at_least(bar, needed)


def _gap(bar: Bar, limit: float, _subject: str, rows: Rows, alpha: float) -> Need:
    """No gap at all, by a mean of two accuracies, of which the rarer label's is known less well."""
    rarer = min(rows.rate, 1 - rows.rate)
    width = 2 * limit * math.sqrt(1 - rarer) / (math.sqrt(1 - rarer) + math.sqrt(rarer))
    needed = n_for_power(_ACCURACY - width, _ACCURACY, alpha / 2, "at_least", POWER)
    return "release, held out, rarer label", rows.held_out, _at_least(bar, needed)


def _at_least(bar: Bar, needed: int | None) -> int | None:
    return None if needed is None else max(needed, bar.min_n)


def _rarer(rows: Rows) -> int:
    return min(rows.unfavourable, rows.favourable)


_NEEDS: Mapping[str, Callable[..., Need]] = {
    "auc": _one(_rarer, "holdout, rarer label"),
    "balanced_accuracy": _one(_rarer, "holdout, rarer label", parts=2),
    "balanced_accuracy_gap": _gap,
    "robust_recall": _one(lambda rows: rows.unfavourable, "holdout, unfavourable label"),
    "clean_recall": _one(lambda rows: rows.unfavourable, "holdout, unfavourable label"),
    "specificity": _one(lambda rows: rows.favourable, "holdout, favourable label"),
    "black_box_advantage": _one(lambda rows: rows.unfavourable, "holdout, unfavourable label", 2),
    "worst_balanced_accuracy": _one(_rarer, "holdout, rarer label", parts=2),
    "worst_drop": _one(lambda rows: rows.holdout, "holdout"),
    "approval_ratio": _ratio,
    "equal_opportunity_difference": _opportunity,
    "tpr_at_fpr": _one(lambda rows: rows.train, "train"),
}


def _print_cost(spec: PipelineSpec, rows: Rows, tier: Tier) -> None:
    asked = spec.evaluation.robustness
    passes = asked.steps * asked.restarts + asked.queries
    attacked = rows.unfavourable * len(asked.costs)
    lines = [
        ("rows", f"train {rows.train:,}, sealed holdout {rows.holdout:,}"),
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


def _undercut(spec: PipelineSpec, tier: Tier) -> Iterator[str]:
    """Floors that the declared evaluation does not reach."""
    asked = spec.evaluation.model_dump(mode="json")
    for floor in tier.floors:
        if floor.evidence in asked and not reaches(asked[floor.evidence].get(floor.key), floor):
            yield f"{floor.evidence}.{floor.key} {floor.rule.replace('_', ' ')} {floor.value}"


def _not_allowed(spec: PipelineSpec, tier: Tier) -> Iterator[str]:
    """Privacy bars that the declaration misses before anything is measured."""
    asked = spec.privacy.model_dump(mode="json")
    for bar in tier.bars:
        if bar.evidence != "privacy" or bar.measurement not in asked:
            continue
        found = asked[bar.measurement]
        ok = (
            found in bar.bar
            if isinstance(bar.bar, tuple)
            else found is not None and found <= bar.bar
        )
        if not ok:
            yield f"privacy.{bar.measurement}: expected {bar.direction} {bar.bar}, found {found}"


def _print_needs(tier: Tier, row: ModelRules, rows: Rows) -> bool:
    """Print each bound's rows; whether one falls short."""
    subjects = {"group": tuple(row.groups), "product": row.product_names}
    printed, short = [], False
    for bar in [one for each in tier.bars for one in each.expanded(subjects)]:
        need = need_of(bar, rows, tier.alpha_per_look)
        if need is None:
            continue
        label, has, needs = need
        enough = needs is not None and has >= needs
        short = short or not enough
        verdict = "yes" if enough else f"no: needs {needs:,}, has {has:,}" if needs else "no n can"
        shown = f"{'>=' if bar.direction == 'at_least' else '<='} {bar.bar}"
        printed.append((bar.gate, bar.measurement, shown, label, f"{has:,}", verdict))
    columns = ("gate", "measurement", "bar", "rows", "has", "enough")
    truth = f"if the truth is {MARGIN} above a floor, or a third of a ceiling"
    print_table(f"Rows for power {POWER} at alpha {tier.alpha_per_look}, {truth}", columns, printed)
    return short
