"""The decision: allowed is what the core proves and what OPA, asked anew, does not deny."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from assay.errors import AssayError, Refused
from assay.evidence.decision import GateDecision, GateResult, Verdict
from assay.evidence.digest import digest_bytes
from assay.evidence.trust import Trust
from assay.policy.answer import Answer, read_answer
from assay.policy.claims import Denial
from assay.policy.judge import judge
from assay.policy.looks import Looks
from assay.policy.question import question_of
from assay.policy.rules import Policy
from assay.policy.verify import Submission, verify
from assay.policy.waivers import Waived, standing_waivers, until

Ask: TypeAlias = Callable[[dict[str, Any]], Any]


def decide(
    submission: Submission,
    *,
    policy: Policy,
    trust: Trust,
    outcomes: Path,
    looks: Looks,
    ask: Ask,
    now: int,
    waivers: Iterable[bytes] = (),
) -> GateDecision:
    """The gate's answer for one version of one model; it never raises on evidence.

    Args:
        submission: What the registry was handed.
        policy: The policy in force.
        trust: Whose keys are believed.
        outcomes: Folder of outcome tables, `<sha256>.parquet`.
        looks: What the ledger knows of looks at the holdout.
        ask: Puts the question to OPA; raises `Unavailable` when there is no answer to believe.
        now: Unix seconds.
        waivers: Envelopes that were handed in for this payload.
    """
    try:
        policy.model(submission.model)
    except Refused as error:
        return _answer(submission, policy, trust, {}, [Denial(error.code, error.message)], now, {})
    tier, subject = policy.tier(submission.model), submission.subject
    waived = standing_waivers(waivers, tier=tier, trust=trust, subject=subject, now=now)
    claims = verify(submission, policy=policy, trust=trust, outcomes=outcomes, looks=looks, now=now)
    bars, alpha = policy.bars(submission.model), policy.alpha(submission.model)
    gates = judge(bars, claims.by_kind, alpha, policy.remedies)
    denials = [*_mismatched(submission), *claims.denials]
    nonce = secrets.token_hex(16)
    try:
        found = ask(question_of(submission, claims, nonce=nonce, now=now, waived=waived))
        answer = read_answer(
            found, nonce=nonce, required=frozenset(gates), waivers=frozenset(waived)
        )
    except (AssayError, OSError) as error:
        denials.append(Denial("opa_unavailable", str(error)))
    else:
        gates = _tightened(gates, answer, policy.remedies, waived)
        denials += _unplaced(gates, answer, denials)
    return _answer(submission, policy, trust, gates, denials, now, waived)


def _mismatched(submission: Submission) -> Iterator[Denial]:
    if submission.subject.name != submission.model:
        yield Denial("wrong_subject", "expected a payload of the model that is asked about")
    if submission.bundle.digest != submission.bundle_digest:
        yield Denial("malformed", "expected the bundle's own digest, found another")


def _tightened(
    gates: Mapping[str, GateResult],
    answer: Answer,
    remedies: Mapping[str, str],
    waived: Iterable[str],
) -> dict[str, GateResult]:
    """The core's results, where a PASS that OPA denies is none, nor an excuse that it denies."""
    told: dict[str, list[str]] = {}
    for violation in answer.violations:
        told.setdefault(violation.gate, []).append(f"{violation.code} {violation.measurement}")
    tightened = {}
    for gate, result in gates.items():
        if gate in told and result.verdict is Verdict.PASS:
            result = replace(
                result,
                verdict=Verdict.FAIL,
                code="opa_denied",
                reason=f"expected no denial by OPA, found {', '.join(sorted(told[gate]))}",
                remedy=remedies[gate],
            )
        excusable = result.excusable and (gate not in waived or gate in answer.waived)
        tightened[gate] = replace(result, excusable=excusable)
    return tightened


def _unplaced(
    gates: Mapping[str, GateResult], answer: Answer, known: list[Denial]
) -> Iterator[Denial]:
    """Denials of OPA's that stand against no gate and that the core does not make itself."""
    codes = {denial.code for denial in known}
    for violation in answer.violations:
        if violation.gate not in gates and violation.code not in codes:
            told = f"expected no denial by OPA, found {violation.code} {violation.measurement}"
            yield Denial("opa_denied", told)
    if not answer.allow and {violation.gate for violation in answer.violations} <= answer.waived:
        yield Denial("opa_denied", "expected OPA to allow, found a denial without a reason")


def _answer(
    submission: Submission,
    policy: Policy,
    trust: Trust,
    gates: Mapping[str, GateResult],
    denials: list[Denial],
    now: int,
    waived: Mapping[str, Waived],
) -> GateDecision:
    expiry = policy.tier(submission.model).decision_expiry_s if gates else 0
    return GateDecision(
        model=submission.model,
        version=submission.version,
        subject=submission.subject,
        policy_digest=policy.digest,
        trust_digest=trust.digest,
        bundle_digest=submission.bundle_digest,
        attestations={
            kind: digest_bytes(envelope) for kind, envelope in submission.bundle.envelopes.items()
        },
        gates=gates,
        denials=tuple(f"{denial.code}: {denial.reason}" for denial in denials),
        decided_at=now,
        expires_at=until(now + expiry, waived),
        waivers={gate: found.envelope.decode("ascii") for gate, found in waived.items()},
    )
