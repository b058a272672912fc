"""A promotion as a folder or a tar, which an auditor verifies without network or registry.

`promotion.json`, `public.json` and `decision.json` are envelopes, `evidence/` is what was handed
in, `payload/` the model, `policy/` and `trust.json` what it was judged by. Keys that were rotated
since do no harm: whoever still trusts all that was trusted then covers it.
"""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assay.errors import AssayError, EvidenceError, InputError
from assay.evidence.attest import verify_evidence
from assay.evidence.decision import GateDecision, Promotion
from assay.evidence.decisions import decision_of, promotion_of
from assay.evidence.digest import digest_bytes
from assay.evidence.dsse import MAX_ENVELOPE, verify
from assay.evidence.files import list_files, read_bytes
from assay.evidence.kept import read_evidence
from assay.evidence.payload import read_payload
from assay.evidence.public import PublicDecision, public_view
from assay.evidence.standing import Standing, verify_standing
from assay.evidence.trust import Trust
from assay.policy.bundle import verify_policy
from assay.policy.judge import judge
from assay.policy.rules import Policy
from assay.policy.seal import open_sealed, require_named
from assay.policy.verify import Submission
from assay.policy.verify import verify as verify_submission
from assay.policy.waivers import require_waiver

PROMOTION, PUBLIC, SEALED, TRUST = "promotion.json", "public.json", "decision.json", "trust.json"
EVIDENCE, PAYLOAD, POLICY = "evidence", "payload", "policy"
CONTENT = {PROMOTION, PUBLIC, SEALED, TRUST, EVIDENCE, PAYLOAD, POLICY}
MAX_TOTAL = 1 << 31  # bytes


@dataclass(frozen=True, slots=True)
class Verified:
    """What was verified of a bundle.

    Attributes:
        promotion: Who promoted what, until when.
        decision: Every gate with its sealed bounds.
        pinned: By the auditor's own trust.json, and not only by the one inside.
        recomputed: Every number was computed again from outcome tables; if not, signatures and
            bytes were verified and numbers were not.
    """

    promotion: Promotion
    decision: GateDecision
    pinned: bool
    recomputed: bool


def verify_bundle(
    path: Path, *, now: int, trust: Trust | None = None, outcomes: Path | None = None
) -> Verified:
    """Verify an exported promotion.

    Args:
        path: Folder or tar.
        now: Unix seconds.
        trust: Whose keys are believed; None: those that the bundle itself names, which proves
            that it agrees with itself and not who made it.
        outcomes: Folder of outcome tables, to compute every number again.

    Raises:
        InputError: No such bundle.
        EvidenceError: Some of it does not verify; as `verify_standing`, and `foreign_file`,
            `other_trust`, `wrong_decision`, `other_evidence`, `other_policy`, `trust_widened`,
            `recomputed_differently`; as `require_waiver` of what it was waived by.
    """
    with opened(path) as folder:
        inside = Trust.load(folder / TRUST)
        believed = trust or inside
        # 1. The promotion and the public decision, against the payload's bytes.
        promotion, public = verify_standing(read_standing(folder, believed)[0], believed, now)
        # 2. The sealed decision is the one that both rest on, and says nothing else.
        decision = _sealed(folder, believed, public)
        # 3. It was made by a trust and a policy that are here, on this evidence, each piece signed.
        if inside.digest != decision.trust_digest or not believed.covers(inside):
            raise EvidenceError(
                "other_trust",
                "expected the trust that decided, and each of its keys still trusted, found "
                "otherwise; where a key was revoked, approve again and export anew",
            )
        submission = _evidence(folder, believed, decision)
        policy = _policy(folder / POLICY, believed, inside, decision)
        _waivers(decision, policy, believed)
        # 4. The numbers, where the outcome tables are at hand.
        if outcomes is not None:
            _recompute(submission, decision, policy, believed, outcomes)
    return Verified(promotion, decision, trust is not None, outcomes is not None)


def read_standing(folder: Path, trust: Trust) -> tuple[Standing, dict[str, bytes]]:
    """What a bundle says of its promotion, and the payload's files; only who signed is checked.

    Args:
        folder: Of the bundle.
        trust: Whose promoter is believed.

    Raises:
        EvidenceError: Somebody else signed, or the payload holds what it may not.
    """
    envelope = _read(folder / PROMOTION)
    said = promotion_of(verify(envelope, trust.role("promoter")))
    digest, files = read_payload(folder / PAYLOAD)
    found = Standing(
        name=said.model,
        version=said.version,
        alias=said.alias,
        promotion=envelope,
        decision=_read(folder / PUBLIC),
        payload=digest,
    )
    return found, files


def _sealed(folder: Path, trust: Trust, public: PublicDecision) -> GateDecision:
    envelope = _read(folder / SEALED)
    decision = decision_of(verify(envelope, trust.role("gate")))
    if public_view(decision, digest_bytes(envelope)) != public:
        raise EvidenceError("wrong_decision", "expected the sealed form of the public decision")
    return decision


def _evidence(folder: Path, trust: Trust, decision: GateDecision) -> Submission:
    bundle = read_evidence(folder / EVIDENCE)
    stated = {kind: digest_bytes(envelope) for kind, envelope in bundle.envelopes.items()}
    if bundle.digest != decision.bundle_digest or stated != decision.attestations:
        raise EvidenceError("other_evidence", "expected the evidence that was decided on")
    for kind, envelope in bundle.envelopes.items():
        verify_evidence(envelope, kind, trust)
    return Submission(decision.model, decision.version, decision.subject, bundle, bundle.digest)


def _policy(folder: Path, trust: Trust, inside: Trust, decision: GateDecision) -> Policy:
    """The policy that decided: its owner signed it, its files, and the keys of the trust inside."""
    try:
        sealed = open_sealed(folder, trust, decision.decided_at)
        policy, digest = sealed.policy, verify_policy(folder)
    except AssayError as error:
        raise EvidenceError("other_policy", error.message) from None
    if not digest == policy.digest == decision.policy_digest:
        raise EvidenceError("other_policy", "expected the policy that decided, found another")
    if sealed.named is not None:  # policies of an earlier version were signed without keys
        require_named(sealed.named, inside)
    return policy


def _waivers(decision: GateDecision, policy: Policy, trust: Trust) -> None:
    """What was waived was waivable then, and the decision ends with it."""
    tier, subject, now = policy.tier(decision.model), decision.subject, decision.decided_at
    for envelope in decision.waivers.values():
        said = envelope.encode("utf-8")
        waived = require_waiver(said, tier=tier, trust=trust, subject=subject, now=now)
        if decision.expires_at > waived.waiver.expires_at:
            raise EvidenceError("waiver_expired", "expected a decision that ends with its waiver")


@dataclass(frozen=True, slots=True)
class _LooksElsewhere:
    """Looks are counted by the ledger, which an exported bundle does not hold."""

    def spent(self, holdout: str) -> int:
        return 1

    def recorded(self, holdout: str, subject: str) -> bool:
        return True


def _recompute(
    submission: Submission, decision: GateDecision, policy: Policy, trust: Trust, outcomes: Path
) -> None:
    """Every gate again, as of the second of the decision."""
    claims = verify_submission(
        submission,
        policy=policy,
        trust=trust,
        outcomes=outcomes,
        looks=_LooksElsewhere(),
        now=decision.decided_at,
    )
    bars, alpha = policy.bars(decision.model), policy.alpha(decision.model)
    if judge(bars, claims.by_kind, alpha, policy.remedies) != decision.gates:
        raise EvidenceError(
            "recomputed_differently", "expected every gate as it was decided, found another result"
        )


def _read(path: Path) -> bytes:
    return read_bytes(path, limit=MAX_ENVELOPE)


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """A bundle's folder, or its tar unpacked into one that goes afterwards.

    Raises:
        InputError: Neither is there (`no_bundle`).
        EvidenceError: It holds other files than a bundle (`foreign_file`), or too much.
    """
    if path.is_dir():
        yield _checked(path)
        return
    with tempfile.TemporaryDirectory(prefix="assay-") as scratch:  # 0700
        try:
            with tarfile.open(path, "r:") as tar:
                members = tar.getmembers()
                if sum(member.size for member in members) > MAX_TOTAL:
                    raise EvidenceError("too_large", f"expected at most {MAX_TOTAL} bytes")
                tar.extractall(scratch, members, filter="data")
        except (OSError, tarfile.TarError) as error:
            told = (
                f"expected a folder or tar of a promotion at {path}, found {type(error).__name__}"
            )
            raise InputError("no_bundle", told) from None
        yield _checked(Path(scratch))


def _checked(folder: Path) -> Path:
    found = {name.partition("/")[0] for name in list_files(folder)}
    if found != CONTENT:
        wrong = min(found ^ CONTENT)
        raise EvidenceError("foreign_file", f"expected exactly a promotion's files, see {wrong!a}")
    return folder
