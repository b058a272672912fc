"""The tag `assay.waive`: signers let one gate's shortfall of one payload stand until a day."""

from __future__ import annotations

import time
from typing import Any

from assay.errors import Refused
from assay.evidence.kept import kept_bundle, read_evidence
from assay.ledger import record_waiver
from assay.policy.verify import Submission
from assay.policy.waivers import require_waiver
from assay.registry.anchor import deciding, write_anchored
from assay.registry.docket import Docket
from assay.registry.gate import Gate
from assay.registry.identity import require_one_of
from assay.registry.names import CHALLENGER
from assay.registry.reviews import drawn
from assay.registry.ruling import rule


def waive(store: Any, name: str, version: str, envelope: str) -> None:
    """Take a waiver in, and judge the version anew; whoever brings it has no say in it.

    Args:
        store: The gated store.
        name: Registered model.
        version: Its number.
        envelope: What the signers signed.

    Raises:
        Refused: Neither owner nor approver, never submitted, allowed already, or a waiver that
            does not count, as `require_waiver` and `record_waiver`.
        AssayError: Something that a decision takes is not there; then nothing is waived.
    """
    gate = Gate.here()
    rules = gate.policy().model(name)
    people = (rules.owner, *rules.approvers)
    user = require_one_of(people, "not_approver", f"hand in waivers of {name}")
    with deciding(gate, store):
        docket = Docket.open(store, name, version)
        before = docket.last_decision(gate)
        if before.allowed:
            told = f"expected a version that is denied, found {name} {version}, which is allowed"
            raise Refused("already_allowed", told)
        subject, now, tier = docket.subject(), int(time.time()), gate.policy().tier(name)
        found = require_waiver(
            envelope.encode("utf-8"), tier=tier, trust=gate.trust(), subject=subject, now=now
        )
        evidence = read_evidence(kept_bundle(gate.home, before.bundle_digest))
        record_waiver(gate.ledger(), found.waiver, found.envelope, user, now)
        case = Submission(docket.model, docket.version, subject, evidence, before.bundle_digest)
        ruling = rule(gate, gate.judge(case, now))
        aliases = {CHALLENGER: version} if ruling.decision.allowed else {}
        tags = {**ruling.tags, **drawn(gate, ruling.decision, docket.tags)}
        write_anchored(gate, store, name, {version: tags}, aliases)
