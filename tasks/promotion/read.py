"""What the gate said of a version, read back and verified."""

from __future__ import annotations

from collections.abc import Mapping

from assay.errors import EvidenceError, Refused
from assay.evidence.decisions import public_of
from assay.evidence.dsse import verify
from assay.evidence.public import PublicDecision
from assay.evidence.statement import Evidence
from assay.evidence.trust import Trust
from assay.home import Home
from assay.ledger import Ledger, find_decision, request_digest
from assay.policy.rules import load_policy
from assay.registry.names import DECISION
from assay.spec import PipelineSpec
from tasks.promotion.client import registry


def read_decision(model: str, version: str, trust: Trust) -> PublicDecision:
    """The public decision on a version.

    Raises:
        Refused: There is no such version, or nothing was decided on it.
        EvidenceError: The gate did not sign it, or signed it of another version.
        Unavailable: The registry does not answer.
    """
    with registry() as client:
        tags: Mapping[str, str] = client.get_model_version(model, version).tags
    if DECISION not in tags:
        raise Refused("not_submitted", f"expected a decision on {model}/{version}, found none")
    view = public_of(verify(tags[DECISION].encode("utf-8"), trust.role("gate")))
    if (view.model, view.version) != (model, version):
        raise EvidenceError("wrong_subject", f"expected a decision on {model}/{version}")
    return view


def recall(
    spec: PipelineSpec, quality: Evidence, code: str, home: Home, now: int
) -> tuple[str, PublicDecision | None]:
    """What is asked, and the answer if the very same was asked before and still holds.

    Args:
        spec: The declared pipeline.
        quality: Of kind `validation`; its subject is the raw file.
        code: Digest of the sources.
        home: Holds policy, ledger and trust.
        now: Unix seconds.

    Returns:
        The request's digest, and the decision; None: it has to be asked. A version that is gone
        from the registry answers nothing.

    Raises:
        EvidenceError: The registry's answer is not the one that the ledger remembers.
        Unavailable: The registry does not answer.
    """
    policy = load_policy(home.policy).digest
    asked = request_digest(
        spec=spec.digest(), code=code, data=quality.subject.digest, policy=policy
    )
    found = find_decision(Ledger.of(home), asked, now)
    if found is None:
        return asked, None
    try:
        view = read_decision(found.body["model"], found.body["version"], Trust.load(home.trust))
    except EvidenceError:
        raise
    except Refused:
        return asked, None
    if view.sealed_digest != found.body["decision"]:
        return asked, None  # judged again since, on other evidence
    return asked, view
