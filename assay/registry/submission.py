"""The tag `assay.submit`: evidence is handed in, and the server decides."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import Any

from assay.errors import EvidenceError, Refused
from assay.evidence.bundle import Bundle
from assay.evidence.kept import keep_bundle, kept_bundle, read_evidence
from assay.evidence.values import is_digest
from assay.policy.verify import Submission
from assay.registry.docket import BUNDLE, Docket
from assay.registry.gate import Gate
from assay.registry.identity import require_one_of
from assay.registry.names import CHALLENGER, SUBMIT
from assay.registry.reviews import drawn
from assay.registry.rows import write_rows
from assay.registry.ruling import rule


def submit(store: Any, name: str, version: str, digest: str) -> None:
    """Decide on a version, and write down what was decided.

    What cannot be judged at all is refused with a text; whatever can be is judged, and leaves a
    signed decision even where it says no.

    Args:
        store: The gated store.
        name: Registered model.
        version: Its number.
        digest: `sha256:` of the uploaded bundle.

    Raises:
        Refused: Not the owner, no such evidence, or a version that is allowed already.
        EvidenceError: Files that are no evidence, or a payload that may not be one.
    """
    gate = Gate.here()
    owner = gate.policy().model(name).owner
    require_one_of((owner,), "not_owner", f"submit evidence for {name}")
    if not is_digest(digest):
        raise Refused("malformed", "expected the bundle's digest, sha256: and 64 hex digits")
    with gate.alone():
        docket = Docket.open(store, name, version)
        case = _take(gate, docket, owner, digest)
        ruling = rule(gate, gate.judge(case, int(time.time())))
        aliases = {CHALLENGER: version} if ruling.decision.allowed else {}
        reviews = drawn(gate, ruling.decision, docket.tags)
        write_rows(store, name, {version: {**ruling.tags, **reviews, SUBMIT: digest}}, aliases)


def _take(gate: Gate, docket: Docket, owner: str, digest: str) -> Submission:
    """What was handed in, hashed here and kept."""
    docket.registrant(owner)
    before = docket.decided(gate)
    if before is not None and before.allowed:
        raise Refused(
            "already_allowed",
            f"expected a version that is not allowed yet, found {docket.model} {docket.version}, "
            "which is; register a new version to have it judged again",
        )
    try:
        case = Submission(
            docket.model, docket.version, docket.subject(), _evidence(gate, docket, digest), digest
        )
    except EvidenceError:
        # What is no evidence can be uploaded again; what is stays to be submitted.
        docket.discard_upload()
        raise
    keep_bundle(gate.home, case.bundle)
    docket.discard_upload()
    return case


def _evidence(gate: Gate, docket: Docket, digest: str) -> Bundle:
    """What was taken in before by this digest, or what is uploaded now.

    Whoever was killed while it removed an upload leaves a part of it, which says nothing any more.
    """
    kept = kept_bundle(gate.home, digest)
    with nullcontext(kept) if kept.is_dir() else docket.uploaded() as found:
        if not found.is_dir():
            raise Refused(
                "no_bundle",
                f"expected evidence at {BUNDLE} of run {docket.run_id}, found none; "
                "upload it first",
            )
        bundle = read_evidence(found)
    if bundle.digest != digest:
        raise Refused(
            "bundle_changed",
            "expected the uploaded evidence to have the digest that was submitted, found another; "
            "upload and submit it again",
        )
    return bundle
