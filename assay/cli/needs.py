"""How many rows each bar takes: without them it cannot pass; with so many it is likely to."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from assay.cli.rows import Count, Rows
from assay.measures.sizes import Part, least_n, n_for_power, n_for_ratio, n_for_sum
from assay.policy.rules import Bar

MARGIN = 0.05  # how far above a floor the truth is taken to be
BELOW = 3  # a ceiling's truth is taken to be this part of it
CHURN = 0.15  # rows of either label that a corruption turns right, and as many others wrong
POWER = 0.9
_ACCURACY = 0.7  # of either label, where only its width matters

ASSUMED = (
    f"With n = enough, a bar passes with a probability of about {POWER} if the truth is {MARGIN} "
    f"above a floor or a third of a ceiling, groups are approved alike, and a corruption turns "
    f"{CHURN:.0%} of the rows right beside those that it turns wrong. may pass: not shown at this "
    "margin; a better truth takes fewer rows. n is to be expected of a split that nobody chooses."
)


@dataclass(frozen=True, slots=True)
class Need:
    """What a bar takes, in rows of the same kind.

    Attributes:
        rows: Which ones a decision will count as the measure's n.
        n: How many there will be.
        least: Fewer cannot pass, whatever is measured; None: no number of rows can.
        enough: From there on it passes with `POWER` under what is `ASSUMED`; None: nobody will
            bring so many.
    """

    rows: str
    n: Count
    least: int | None
    enough: int | None

    @property
    def cannot(self) -> str:
        """Why the bar cannot pass; empty when it can."""
        if self.least is None:
            return "no number of rows proves it"
        if self.n.most >= self.least:
            return ""
        return f"takes n >= {self.least:,} whatever is measured, a run has about {self.n.about:,}"

    @property
    def verdict(self) -> str:
        """Whether the bar cannot pass, may, or passes under what is `ASSUMED`."""
        if self.cannot:
            return "cannot"
        return "yes" if self.enough is not None and self.n.about >= self.enough else "may pass"


# Of a bar's limit, its subject such as `SEX`, the rows and alpha; without the bar's own min_n.
Rule: TypeAlias = Callable[[float, str, Rows, float], Need]


def need_of(bar: Bar, rows: Rows, alpha: float) -> Need | None:
    """What a bound takes; None for a count, and for a measurement that nothing is known of."""
    stem, _, subject = bar.measurement.partition(":")
    if bar.kind != "bound" or isinstance(bar.bar, tuple) or stem not in _NEEDS:
        return None
    found = _NEEDS[stem](bar.bar, subject, rows, alpha)
    least = None if found.least is None else max(found.least, bar.min_n)
    enough = None if found.enough is None else max(found.enough, bar.min_n)
    return Need(found.rows, found.n, least, enough)


def _floor(pick: Callable[[Rows], Count], label: str) -> Rule:
    """A proportion of these rows that has to be high."""

    def need(limit: float, _subject: str, rows: Rows, alpha: float) -> Need:
        enough = n_for_power(limit, _above(limit), alpha, "at_least", POWER)
        return Need(label, pick(rows), least_n(limit, alpha, "at_least"), enough)

    return need


def _auc(limit: float, _subject: str, rows: Rows, alpha: float) -> Need:
    """Its variance is at most a proportion's of the rarer label: Birnbaum & Klose 1957."""
    fewest = None if limit >= 1 else math.ceil(math.log(1 / alpha) / (1 - limit))
    needed = n_for_power(limit, _above(limit), alpha, "at_least", POWER)
    enough = None if needed is None else math.ceil(needed / min(rows.rate, 1 - rows.rate))
    return Need("holdout", rows.holdout, _both(fewest), enough)


def _balanced(limit: float, _subject: str, rows: Rows, alpha: float) -> Need:
    """A flawless label weighs one half, so the other one has to reach what is left."""
    fewest = least_n(max(0.0, 2 * limit - 1), alpha / 2, "at_least")
    enough = n_for_sum(limit, _by_label(_above(limit), rows), alpha, "at_least", POWER)
    return Need("holdout", rows.holdout, _both(fewest), enough)


def _gap(limit: float, _subject: str, rows: Rows, alpha: float) -> Need:
    """Balanced accuracy of the rows held out, against a number that is no estimate."""
    bar = _ACCURACY - limit * (1 - 1 / BELOW)
    enough = n_for_sum(bar, _by_label(_ACCURACY, rows), alpha, "at_least", POWER)
    return Need("release, held out", rows.held_out, 1, enough)


def _drop(limit: float, _subject: str, rows: Rows, alpha: float) -> Need:
    """Rows of either label that turn wrong, minus those that turn right."""
    parts = [
        part
        for share in (rows.rate, 1 - rows.rate)
        for part in (Part(CHURN + limit / BELOW, share, 0.5), Part(CHURN, share, -0.5))
    ]
    enough = n_for_sum(limit, parts, alpha, "at_most", POWER)
    return Need("holdout", rows.holdout, 1, enough)


def _advantage(limit: float, _subject: str, rows: Rows, alpha: float) -> Need:
    """Rows that one kind of attack turns alone; that the other kind does is taken to be rare."""
    enough = n_for_sum(limit, [Part(limit / BELOW), Part(0, weight=-1)], alpha, "at_most", POWER)
    return Need("holdout, unfavourable label", rows.unfavourable, 1, enough)


def _ratio(limit: float, subject: str, rows: Rows, alpha: float) -> Need:
    """Two groups of the smallest one's size, alike; each ratio's end has to reach the bar."""
    least = least_n(limit**2, alpha / 2, "at_least")  # both orders: lower end >= bar * bar
    enough = n_for_ratio(limit, rows.rate, alpha, POWER)
    return Need("holdout, smallest group", rows.groups[subject], least, enough)


def _opportunity(limit: float, subject: str, rows: Rows, alpha: float) -> Need:
    """Two groups of the smallest one's size, the worse one behind by a part of the ceiling."""
    least = least_n(max(0.0, 1 - 2 * limit), alpha / 2, "at_least")  # both orders, as above
    parts = [Part(rows.rate), Part(max(0.0, rows.rate - limit / BELOW), weight=-1)]
    enough = n_for_sum(limit, parts, alpha, "at_most", POWER)
    n = rows.favourable_groups[subject]
    return Need("holdout, smallest favourable group", n, least, enough)


def _recognised(limit: float, _subject: str, rows: Rows, alpha: float) -> Need:
    least = least_n(limit, alpha, "at_most")
    enough = n_for_power(limit, limit / BELOW, alpha, "at_most", POWER)
    return Need("train, smallest group", rows.members, least, enough)


def _above(limit: float) -> float:
    return min(limit + MARGIN, 1.0)


def _by_label(accuracy: float, rows: Rows) -> list[Part]:
    return [Part(accuracy, share, 0.5) for share in (rows.rate, 1 - rows.rate)]


def _both(rarer: int | None) -> int | None:
    """Rows of both labels, of which the rarer one has at most half."""
    return None if rarer is None else 2 * rarer


_NEEDS: Mapping[str, Rule] = {
    "auc": _auc,
    "balanced_accuracy": _balanced,
    "balanced_accuracy_gap": _gap,
    "robust_recall": _floor(lambda rows: rows.unfavourable, "holdout, unfavourable label"),
    "clean_recall": _floor(lambda rows: rows.unfavourable, "holdout, unfavourable label"),
    "specificity": _floor(lambda rows: rows.favourable, "holdout, favourable label"),
    "black_box_advantage": _advantage,
    "worst_balanced_accuracy": _balanced,
    "worst_drop": _drop,
    "approval_ratio": _ratio,
    "equal_opportunity_difference": _opportunity,
    "tpr_at_fpr": _recognised,
}
