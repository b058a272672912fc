"""What the gate answers: verdicts with their reasons, and the promotion that follows one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from assay.evidence.statement import Subject
from assay.evidence.values import Measurement


class Verdict(StrEnum):
    """Only `PASS` promotes."""

    PASS = "PASS"
    FAIL = "FAIL"
    INSUFFICIENT = "INSUFFICIENT"
    NOT_RUN = "NOT_RUN"


@dataclass(frozen=True, slots=True)
class BarResult:
    """One measurement against one bar.

    Attributes:
        measurement: Name, such as `approval_ratio:SEX`.
        value: What was measured on the sealed rows; None when nothing valid was.
        development: The same on the development rows; None when there is none.
        direction: `at_least`, `at_most` or `one_of`.
        bar: Number, or the allowed words.
        verdict: From the sealed rows.
        development_verdict: From the development rows; shown in public.
        distance: Gap between the deciding end of the bound and the bar, >= 0 when it passes.
        development_distance: The same from the development rows.
        n_needed: Rows that would decide, for the model or against it, at the measured point;
            None: decided, or hopeless.
        code: `ok`, or the denial's word.
    """

    measurement: str
    value: Measurement | None
    development: Measurement | None
    direction: str
    bar: float | tuple[str, ...]
    verdict: Verdict
    development_verdict: Verdict
    distance: float | None
    development_distance: float | None
    n_needed: int | None
    code: str


@dataclass(frozen=True, slots=True)
class GateResult:
    """A gate passes when it has bars, all of them pass, and nothing else denies it.

    Attributes:
        code: `ok`, or the word of the worst reason.
        reason: A sentence: what was expected, what was found.
        remedy: What a person can do about it.
        excusable: Whether all that it lacks is that numbers, measured and believed, fall short of
            their bars; nothing else can be waived.
    """

    gate: str
    verdict: Verdict
    code: str
    reason: str
    remedy: str
    bars: tuple[BarResult, ...]
    excusable: bool = False


@dataclass(frozen=True, slots=True)
class GateDecision:
    """The gate's answer for one version of one model.

    Attributes:
        model: Registered model.
        version: Version in the registry.
        subject: Payload's name and digest.
        policy_digest: `sha256:` of the policy's sources.
        trust_digest: `sha256:` of trust.json.
        bundle_digest: `sha256:` of the submitted bundle.
        attestations: Kind -> `sha256:` of its envelope.
        gates: Gate -> result; every required gate is there.
        denials: Reasons that belong to no gate, such as `opa_unavailable`.
        decided_at: Unix seconds.
        expires_at: Unix seconds.
        waivers: Gate -> envelope of the waiver that stands for it, whether it is needed or not.
    """

    model: str
    version: str
    subject: Subject
    policy_digest: str
    trust_digest: str
    bundle_digest: str
    attestations: Mapping[str, str]
    gates: Mapping[str, GateResult]
    denials: tuple[str, ...]
    decided_at: int
    expires_at: int
    waivers: Mapping[str, str] = field(default_factory=dict)

    @property
    def allowed(self) -> bool:
        """Whether there are gates, each of them passes or is waived, and nothing else denies."""
        return len(self.gates) > 0 and not self.denials and not any(self.denying())

    def denying(self) -> Iterator[GateResult]:
        """Gates that neither pass nor are waived."""
        for gate, result in self.gates.items():
            waived = result.excusable and gate in self.waivers
            if result.verdict is not Verdict.PASS and not waived:
                yield result


@dataclass(frozen=True, slots=True)
class Promotion:
    """A protected alias now points here, and who said so.

    Attributes:
        alias: Such as `champion`.
        approver: The authenticated user of the click; `gate` where the gate itself went back.
        previous: The version that held the alias before, or "".
        sequence: Rises by one with every promotion of this model.
        decision_digest: `sha256:` of the decision's envelope.
        subject: Payload's name and digest.
        promoted_at: Unix seconds.
        expires_at: Unix seconds.
    """

    model: str
    version: str
    alias: str
    approver: str
    previous: str
    sequence: int
    decision_digest: str
    subject: Subject
    promoted_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class PolicySeal:
    """A built policy, as who owns it lets it rule.

    Attributes:
        digest: `sha256:` of the policy's sources.
        version: Of its table.
        files: Name -> `sha256:` of each built file.
        signed_at: Unix seconds.
        expires_at: Unix seconds; nothing is decided by it from then on.
        trust: The canonical trust.json whose keys may speak under it; empty in seals of before.
    """

    digest: str
    version: int
    files: Mapping[str, str]
    signed_at: int
    expires_at: int
    trust: str = ""


@dataclass(frozen=True, slots=True)
class Waiver:
    """Until a day, one gate's shortfall does not keep one payload from being promoted.

    Attributes:
        subject: Registered model, and the payload's digest.
        gate: Its name.
        reason: One line; everybody may read it.
        issued_at: Unix seconds.
        expires_at: Unix seconds; whatever rests on it ends then.
    """

    subject: Subject
    gate: str
    reason: str
    issued_at: int
    expires_at: int

    def __str__(self) -> str:
        ends = datetime.fromtimestamp(self.expires_at, UTC)
        return f"until {ends:%Y-%m-%d %H:%M} UTC: {self.reason}"


@dataclass(frozen=True, slots=True)
class Demotion:
    """A protected alias no longer stands on the promotion that it stood on.

    Attributes:
        version: Whose promotion is withdrawn; where there never was one, what the alias led to.
        alias: Such as `champion`.
        found: The version that the alias led to, or "".
        successor: The version that is promoted in its place, or "": the alias is removed.
        sequence: The withdrawn promotion's; 0: there never was one.
        code: The word of the reason, as everybody may read it.
        by: The authenticated user who asked for the audit.
        demoted_at: Unix seconds.
    """

    model: str
    version: str
    alias: str
    found: str
    successor: str
    sequence: int
    code: str
    by: str
    demoted_at: int
