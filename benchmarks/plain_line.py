"""One pipeline from raw rows to the gate's decision, in plain Python: no flow engine, no registry.

Run it in the repository: `python -m benchmarks.plain_line pipelines/credit.yaml [HOME]`.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from assay.errors import Refused
from assay.evidence.artifacts import Candidate, Dataset, Splits
from assay.evidence.attest import attest
from assay.evidence.bundle import Bundle
from assay.evidence.decision import GateDecision
from assay.evidence.statement import Evidence, Subject
from assay.evidence.trust import Trust
from assay.home import REPOSITORY, Home
from assay.ledger import Ledger, record_look, request_digest
from assay.policy.client import ask
from assay.policy.decide import decide
from assay.policy.force import put_in_force
from assay.policy.looks import LedgerLooks
from assay.policy.opa import OpaServer
from assay.policy.rules import load_policy
from assay.policy.verify import Submission
from assay.spec import PipelineSpec, load_spec
from assay.stack.establish import establish
from tasks import evaluation
from tasks.anonymization.anonymize import anonymize
from tasks.evaluation.asked import check_asked
from tasks.evaluation.evaluate import Evaluation
from tasks.training import History, train
from tasks.validation.validate import validate

Listener: TypeAlias = Callable[[str, str, float], None]
EVALUATIONS: Mapping[str, Evaluation] = MappingProxyType(
    {
        "utility": evaluation.evaluate_utility,
        "overfitting": evaluation.evaluate_overfitting,
        "robustness": evaluation.evaluate_robustness,
        "stress": evaluation.evaluate_stress,
        "fairness": evaluation.evaluate_fairness,
        "membership": evaluation.evaluate_membership,
    }
)


def nobody(stage: str, message: str, fraction: float) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the stages made, before anybody judges it.

    Attributes:
        request: Digest of what was asked: declaration, code, data and policy.
        evidence: Kind -> what that stage states.
        refused: Kind -> why an evaluation states nothing; the gate denies what is absent.
        seconds: Stage -> wall time.
    """

    spec: PipelineSpec
    request: str
    splits: Splits
    release: Dataset
    candidate: Candidate
    history: History
    evidence: Mapping[str, Evidence]
    refused: Mapping[str, Refused]
    seconds: Mapping[str, float]

    def submission(self, home: Home, version: str = "1") -> Submission:
        """The evidence, signed by each stage's role, as a registry would be handed it."""
        signed = {kind: attest(one, home) for kind, one in self.evidence.items()}
        bundle = Bundle(signed, self.spec.canonical())
        subject = Subject(self.spec.model, self.candidate.digest)
        return Submission(self.spec.model, version, subject, bundle, bundle.digest)


@dataclass(frozen=True, slots=True)
class Clock:
    """Times stages and tells a listener how far each one is."""

    tell: Listener
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[str, float], None]]:
        """The progress to hand to a stage; at its end `done` is told, unless it raised."""
        started = time.perf_counter()
        yield lambda message, fraction: self.tell(name, message, fraction)
        self.seconds[name] = time.perf_counter() - started
        self.tell(name, "done", 1.0)


def make_home(root: Path, policies: Path = REPOSITORY / "policies") -> Home:
    """A home with keys, an empty ledger and the built policy; what is there stays.

    Args:
        root: Its folder.
        policies: Sources of the policy, which is built anew.
    """
    home = Home(root)
    establish(home)
    put_in_force(home, policies, _now())
    return home


def measure(spec: PipelineSpec, home: Home, tell: Listener = nobody) -> Measured:
    """Every stage up to the evidence, in the order of the flow.

    Args:
        spec: The declared pipeline.
        home: Made by `make_home`.
        tell: Told the stage, a message and a fraction from 0 to 1.

    Raises:
        AssayError: What a stage before evaluation refuses, or has to do without.
    """
    check_asked(spec)
    policy, ledger, clock = load_policy(home.policy), Ledger.of(home), Clock(tell)
    rules, tier = policy.model(spec.model), policy.tier(spec.model)
    with clock.stage("validation") as progress:
        splits, quality = validate(spec, rules, home, _now(), progress)
    with clock.stage("anonymization") as progress:
        release, privacy = anonymize(spec, splits, home, ledger, _now(), progress)
    with clock.stage("training") as progress:
        candidate, training, history = train(spec, rules, release, home, _now(), progress)
    request = request_digest(
        spec=spec.digest(),
        code=candidate.materials["code"],
        data=quality.subject.digest,
        policy=policy.digest,
    )
    record_look(ledger, splits.holdout.digest, request, candidate.digest, _now(), tier.looks)
    evidence = {one.kind: one for one in (quality, privacy, training)}
    refused: dict[str, Refused] = {}
    for kind, evaluate in EVALUATIONS.items():
        with clock.stage(kind) as progress:
            given = (spec, rules, candidate, splits, release, home, tier.alpha_per_look)
            try:
                evidence[kind] = evaluate(*given, _now(), progress)
            except Refused as refusal:
                refused[kind] = refusal
    return Measured(
        spec,
        request,
        splits,
        release,
        candidate,
        history,
        evidence=evidence,
        refused=refused,
        seconds=clock.seconds,
    )


def judge(submission: Submission, home: Home, opa: OpaServer) -> GateDecision:
    """The answer of core and OPA under the home's policy.

    Args:
        submission: What is handed in.
        home: Holds policy, trust, ledger and outcome tables.
        opa: Runs on the home's policy.
    """
    policy = load_policy(home.policy)
    return decide(
        submission,
        policy=policy,
        trust=Trust.load(home.trust),
        outcomes=home.sealed_outcomes,
        looks=LedgerLooks(Ledger.of(home)),
        ask=lambda asked: ask(opa.socket, opa.token, asked, policy_digest=policy.digest),
        now=_now(),
    )


@dataclass(frozen=True, slots=True)
class Run:
    """A decided pipeline.

    Attributes:
        seconds: Stage -> wall time; `decision` is the last one.
    """

    decision: GateDecision
    measured: Measured
    seconds: Mapping[str, float]

    @property
    def candidate(self) -> Candidate:
        """The model that was judged."""
        return self.measured.candidate


def run_line(spec: PipelineSpec, home: Home, opa: OpaServer, tell: Listener = nobody) -> Run:
    """All stages of one pipeline, and the decision.

    Args:
        spec: The declared pipeline.
        home: Made by `make_home`.
        opa: Runs on the home's policy.
        tell: Told the stage, a message and a fraction from 0 to 1.

    Raises:
        AssayError: As `measure`.
    """
    measured = measure(spec, home, tell)
    clock = Clock(tell, dict(measured.seconds))
    with clock.stage("decision"):
        decision = judge(measured.submission(home), home, opa)
    return Run(decision, measured, clock.seconds)


def _now() -> int:
    return int(time.time())


def main(pipeline: str, root: str | None = None) -> int:
    """Run one pipeline, print each stage's seconds and each gate's verdict; 0 when allowed."""
    os.umask(0o077)
    home = make_home(Path(root or tempfile.mkdtemp(prefix="assay-")))
    with OpaServer(home.policy) as opa:
        run = run_line(load_spec(pipeline), home, opa)
    for stage, taken in run.seconds.items():
        print(f"{stage:14} {taken:6.1f} s")
    for gate, result in run.decision.gates.items():
        print(f"{gate:14} {result.verdict:12} {result.code}")
    print("allowed" if run.decision.allowed else f"denied {'; '.join(run.decision.denials)}")
    return 0 if run.decision.allowed else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
