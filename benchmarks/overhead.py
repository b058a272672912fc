"""What Prefect adds: the flow against the same functions called one after another.

Both run in this process against one stack, in turn, with another training seed each time so that
nothing is recalled; the first run of each is not counted. Imports are excluded and reported.

Run it in the repository: `python -m benchmarks.overhead [PIPELINE.yaml] [ROUNDS]`; it ends with 1
when the median ratio of wall times is not below the goal.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

from assay.home import REPOSITORY, Home
from assay.plain_yaml import read_mapping
from assay.policy.rules import load_policy
from assay.stack.environment import flow_environment
from assay.stack.pipeline import CALM, environment, run_pipeline
from assay.stack.record import read_stack

GOAL = 1.15


def seeded(pipeline: Path, seed: int, folder: Path) -> Path:
    """The pipeline with another training seed, beside the files that it names."""
    declared = read_mapping(pipeline)
    declared["training"]["seed"] = seed
    declared["data"]["suite"] = f"../expectations/{Path(declared['data']['suite']).name}"
    file = folder / f"seed-{seed}.yaml"
    file.write_text(json.dumps(declared))
    return file


def plainly(file: Path, home: Home) -> None:
    """The stages and the registry, without doors, nodes and pages."""
    from assay.ledger import Ledger, record_look
    from assay.measures import read_outcomes
    from assay.spec import load_spec
    from benchmarks.plain_line import EVALUATIONS, nobody
    from tasks.anonymization.anonymize import anonymize
    from tasks.evaluation.asked import check_asked
    from tasks.evaluation.report import development_report
    from tasks.gating.page import write_page
    from tasks.gating.picture import draw_gates
    from tasks.promotion.read import recall
    from tasks.promotion.register import describe, register
    from tasks.promotion.submit import submit
    from tasks.training import train
    from tasks.training.origin import code_digest
    from tasks.validation.report import write_report
    from tasks.validation.suite import load_suite
    from tasks.validation.validate import validate

    tell = partial(nobody, "")
    spec, policy, ledger = load_spec(file), load_policy(home.policy), Ledger.of(home)
    rules, alpha, now = policy.model(spec.model), policy.alpha(spec.model), int(time.time())
    looks = policy.tier(spec.model).looks
    check_asked(spec)
    splits, quality = validate(spec, rules, home, now, tell)
    asked, _ = recall(spec, quality, code_digest(), home, now)
    release, privacy = anonymize(spec, splits, home, ledger, now, tell)
    candidate, training, curve = train(spec, rules, release, home, now, tell)
    counts = read_outcomes(home.sealed_outcomes, quality.materials["outcomes:expectations"])
    report = write_report(load_suite(spec.resolve(spec.data.suite)), counts)
    version = register(spec, candidate, training, curve, report)
    record_look(ledger, splits.holdout.digest, asked, candidate.digest, now, looks)
    measured = [
        evaluate(spec, rules, candidate, splits, release, home, alpha, now, tell)
        for evaluate in EVALUATIONS.values()
    ]
    groups = development_report(measured[4], rules, home, alpha)
    decision = submit(spec, version, [quality, privacy, training, *measured], groups, home)
    page, picture = write_page(decision, policy.remedies, ""), draw_gates(decision)
    describe(spec, version, training, page, picture)


def timed(run: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


def compare(pipeline: Path, home: Home, folder: Path, rounds: int) -> float:
    """Run both in turn and print each pair and the medians; returns that of the wall times."""
    owner = load_policy(home.policy).model(str(read_mapping(pipeline)["model"])).owner
    variables = {**flow_environment(home, read_stack(home), owner), **CALM}
    pairs: list[tuple[tuple[float, float], tuple[float, float]]] = []
    for index in range(rounds + 1):
        files = [seeded(pipeline, 1000 + 2 * index + way, folder) for way in (0, 1)]
        with environment(variables), warnings.catch_warnings(action="ignore"):
            plain = timed(partial(plainly, files[0], home))
        flow = timed(partial(run_pipeline, files[1], home, lambda _message, _share: None))
        said = "not counted" if index == 0 else f"{flow[0] / plain[0]:.3f}"
        print(f"plain {plain[0]:.1f} s ({plain[1]:.1f} cpu)  flow {flow[0]:.1f} s "
              f"({flow[1]:.1f} cpu)  {said}", flush=True)  # fmt: skip
        pairs += [(plain, flow)] if index else []
    medians = [
        statistics.median(flow[place] / plain[place] for plain, flow in pairs) for place in (0, 1)
    ]
    for name, ratio in zip(("wall", "cpu"), medians, strict=True):
        print(f"{name}: flow / plain, median of {rounds}: {ratio:.3f} (goal {GOAL})")
    return medians[0]


def main(pipeline: str = "pipelines/credit.yaml", rounds: str = "3") -> int:
    """Start a stack, compare, stop it; 1 when the flow costs more than the goal."""
    (REPOSITORY / ".assay").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=REPOSITORY / ".assay") as scratch:
        root = Path(scratch) / "home"
        command = [sys.executable, "-m", "assay.cli", "up", "--home", str(root), "--no-worker"]
        up = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert up.stdout is not None
        up.stdout.readline()
        folder = Path(scratch) / "pipelines"
        folder.mkdir()
        shutil.copytree(REPOSITORY / "expectations", Path(scratch) / "expectations")
        try:
            home = Home(root.resolve())
            variables = {**flow_environment(home, read_stack(home), "trainer"), **CALM}
            with environment(variables), warnings.catch_warnings(action="ignore"):
                took = timed(lambda: __import__("flows.promote"))
            print(f"imports: {took[0]:.1f} s ({took[1]:.1f} cpu), excluded")
            ratio = compare(REPOSITORY / pipeline, home, folder, int(rounds))
        finally:
            up.terminate()
            up.wait()
    return 0 if ratio < GOAL else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
