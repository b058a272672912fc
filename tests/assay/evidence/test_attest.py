"""A stage's evidence is signed by its own role, and read as its own kind."""

from __future__ import annotations

import pytest

from assay.errors import EvidenceError
from assay.evidence.attest import attest, verify_evidence
from assay.evidence.dsse import sign
from assay.evidence.keys import ROLES, load_key
from assay.evidence.statement import ROLE_OF
from assay.evidence.trust import Trust
from assay.home import Home
from tests.assay.evidence.samples import evidence


@pytest.mark.parametrize("kind", ROLE_OF)
def test_every_kind_is_read_back_as_it_was_said(home: Home, kind: str) -> None:
    said = evidence(kind)
    assert verify_evidence(attest(said, home), kind, Trust.load(home.trust)) == said


@pytest.mark.parametrize("kind", ROLE_OF)
@pytest.mark.parametrize("role", ROLES)
def test_no_other_role_may_say_it(home: Home, kind: str, role: str) -> None:
    envelope = sign(evidence(kind).to_statement(), [load_key(home, role)])
    if role == ROLE_OF[kind]:
        return
    with pytest.raises(EvidenceError, match="wrong_role"):
        verify_evidence(envelope, kind, Trust.load(home.trust))


def test_one_kind_is_not_taken_for_another(home: Home) -> None:
    with pytest.raises(EvidenceError, match="wrong_role"):
        verify_evidence(attest(evidence("stress"), home), "utility", Trust.load(home.trust))


def test_an_unknown_kind_is_refused(home: Home) -> None:
    with pytest.raises(EvidenceError, match="unknown_evidence"):
        verify_evidence(attest(evidence(), home), "vibes", Trust.load(home.trust))
