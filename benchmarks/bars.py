"""Every gated bound of one pipeline over fresh homes: how far from its bar, and how far it spreads.

A home has its own keys, hence its own split, its own noise and its own training seed; the gate's
core and OPA decide each one. No bar should rest on one draw.

Run it in the repository: `python -m benchmarks.bars pipelines/credit.yaml --homes 20`, or with
`--same-rows` for one home and one release under several training seeds.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from assay.evidence.decision import BarResult, GateDecision
from assay.evidence.values import Bound, Exact
from assay.policy.opa import OpaServer
from assay.spec import PipelineSpec, load_spec
from benchmarks.plain_line import Run, make_home, run_line


def seeded(spec: PipelineSpec, seed: int) -> PipelineSpec:
    """The same declaration with another training seed."""
    training = spec.training.model_copy(update={"seed": seed})
    return spec.model_copy(update={"training": training})


def run_homes(spec: PipelineSpec, homes: int, *, same_rows: bool) -> Iterator[tuple[int, Run]]:
    """One decided run for each seed, each in a home of its own unless the rows stay the same."""
    with tempfile.TemporaryDirectory(prefix="assay-bars-") as scratch:
        for seed in range(homes):
            home = make_home(Path(scratch) / ("same" if same_rows else str(seed)))
            with OpaServer(home.policy) as opa:
                yield seed, run_line(seeded(spec, seed), home, opa)


def deciding(result: BarResult) -> float | None:
    """The end of the bound that the bar is held against, or the exact number."""
    match result.value:
        case Bound(lower=lower, upper=upper):
            return lower if result.direction == "at_least" else upper
        case Exact(value=int() | float() as value):
            return float(value)
    return None


def table(decisions: Sequence[GateDecision]) -> Iterator[str]:
    """A line for each bar: its spread over the decisions, and how many passed."""
    yield f"{'gate':12} {'measurement':38} {'bar':>8}    mean      sd   worst    pass"
    for gate, result in decisions[0].gates.items():
        for index, bar in enumerate(result.bars):
            same = [decision.gates[gate].bars[index] for decision in decisions]
            passed = f"{sum(one.verdict == 'PASS' for one in same)}/{len(same)}"
            yield f"{gate:12} {bar.measurement:38} {spread(bar, same):32} {passed:>7}"


def spread(bar: BarResult, same: Sequence[BarResult]) -> str:
    """The bar, and mean, deviation and worst of what was held against it."""
    values = [value for one in same if (value := deciding(one)) is not None]
    if not values or isinstance(bar.bar, tuple):
        return ""
    sign, worst = (">=", min(values)) if bar.direction == "at_least" else ("<=", max(values))
    mean, deviation = statistics.mean(values), statistics.pstdev(values)
    return f"{sign}{bar.bar:6.4g} {mean:7.3f} {deviation:7.4f} {worst:7.3f}"


def main() -> int:
    """Print a line per run and the table; 0 when at most one run in twenty was denied."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("pipeline")
    asked.add_argument("--homes", type=int, default=20)
    asked.add_argument("--same-rows", action="store_true")
    given = asked.parse_args()
    os.umask(0o077)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    decisions: list[GateDecision] = []
    for seed, run in run_homes(load_spec(given.pipeline), given.homes, same_rows=given.same_rows):
        decisions.append(run.decision)
        verdicts = {gate: result.verdict for gate, result in run.decision.gates.items()}
        denied = [f"{gate} {verdict}" for gate, verdict in verdicts.items() if verdict != "PASS"]
        answer = "allowed" if run.decision.allowed else "denied"
        took = f"training {run.seconds['training']:.0f} s, all {sum(run.seconds.values()):.0f} s"
        print(f"seed {seed:2}: {answer:8} {', '.join(denied):60} {took}", flush=True)
    print(*table(decisions), sep="\n")
    counts = Counter(decision.allowed for decision in decisions)
    print(f"allowed: {counts[True]} of {len(decisions)}")
    return 0 if counts[False] * 20 <= len(decisions) else 1


if __name__ == "__main__":
    sys.exit(main())
