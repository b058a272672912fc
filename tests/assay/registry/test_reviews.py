"""Approvers say yes or no by a tag: each once, in public, of one body of evidence."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException

from assay.evidence.bundle import Bundle
from assay.ledger import Ledger, Review, record_review
from assay.policy.opa import OpaServer
from assay.policy.rules import load_policy
from assay.registry.docket import Docket
from assay.registry.gate import Gate
from assay.registry.users import set_up_users
from tests.assay.registry.line import Line
from tests.assay.registry.site import Answer, Logged
from tests.assay.registry.test_promotion import amended, without

PEOPLE = ("approver", "second", "third")


def agreeing(number: int, *approvers: str) -> Any:
    """A policy that asks for so many of these."""

    def change(data: dict[str, Any]) -> None:
        data["tiers"]["standard"]["approvals"] = number
        for row in data["models"].values():
            row["approvers"] = list(approvers)

    return change


@pytest.fixture(scope="module", autouse=True)
def two_of_three(line: Line, opa: OpaServer) -> Iterator[None]:
    """While this module's tests run, two of three have to agree."""
    home = line.evidenced.home
    with amended(home, agreeing(2, *PEOPLE)):
        for who in PEOPLE[1:]:
            (home.credentials / f"{who}.password").write_text(f"the-eyes-of-{who}")
        set_up_users(line.site.url, home, load_policy(home.policy))
        yield


@pytest.fixture
def version(line: Line, payload: Path) -> Logged:
    """A version that the gate allows, and that nobody reviewed."""
    made = line.register(payload)
    assert line.submit(made, line.bundle(payload)).status == 200
    return made


@pytest.fixture(scope="module")
def blocked(line: Line, payload: Path) -> Logged:
    """A version that the gate denies."""
    made = line.register(payload)
    assert line.submit(made, line.bundle(payload, utility=None)).status == 200
    assert line.tags(made)["gate.allowed"] == "false"
    return made


def said(line: Line, target: Logged) -> dict[str, str]:
    """User -> review, as the version's tags show it."""
    shown = line.tags(target).items()
    return {k.removeprefix("gate.review."): v for k, v in shown if k.startswith("gate.review.")}


def reviews(line: Line, *words: tuple[Logged, str, str]) -> None:
    for target, who, word in words:
        answer = line.review(target, word, who)
        assert answer.status == 200, answer.text


def refused(line: Line, target: Logged, code: str, who: str = "approver") -> Answer:
    """A click that moves nothing and leaves nothing but its refusal."""
    before = line.aliases(), line.tags(target), _entries(line)
    answer = line.approve(target, who)
    assert (answer.status, answer.code) == (403, code), answer.text
    assert (line.aliases(), line.tags(target), _entries(line)) == before
    return answer


def _entries(line: Line) -> int:
    """Entries of the ledger, but for attempts."""
    entries = Ledger.of(line.evidenced.home).entries()
    return len([e for e in entries if e.kind not in ("intent", "refused")])


def unheard(line: Line, target: Logged, word: str, code: str, who: str = "approver") -> None:
    """A review that is refused, and leaves nothing at all."""
    ledger = Ledger.of(line.evidenced.home)
    before = line.aliases(), line.tags(target), ledger.head()
    answer = line.review(target, word, who)
    assert (answer.status, answer.code) == (403, code), answer.text
    assert (line.aliases(), line.tags(target), ledger.head()) == before


def test_a_review_is_one_entry_and_one_tag(line: Line, version: Logged) -> None:
    before = _entries(line)
    reviews(line, (version, "approver", "approve: fine"))
    assert said(line, version) == {"approver": "approve: fine"}
    assert "approval" not in line.tags(version)
    entry = Ledger.of(line.evidenced.home).entries()[-1]
    assert (entry.kind, entry.body["by"], entry.body["said"], entry.body["bundle"]) == (
        *("review", "approver", "approve: fine"),
        line.tags(version)["assay.submit"],
    )
    # Said again, as a client does that heard no answer.
    reviews(line, (version, "approver", "approve: fine"))
    assert _entries(line) == before + 1


def test_a_later_word_of_the_same_person_replaces_the_earlier(line: Line, version: Logged) -> None:
    before = _entries(line)
    words = ("approve: fine", "reject: no", "approve: fine")
    reviews(line, *((version, "approver", word) for word in words))
    reviews(line, (version, "second", "reject: mine"))
    assert said(line, version) == {"approver": "approve: fine", "second": "reject: mine"}
    assert _entries(line) == before + 4


def test_the_page_and_the_client_say_the_same(line: Line, version: Logged) -> None:
    page = "/ajax-api/2.0/mlflow/model-versions/set-tag"
    tag = {"name": "credit", "version": version.version, "key": "approval", "value": "reject: no"}
    assert line.site.ask("approver", "POST", page, tag).status == 200
    with line.site.signed_in("second") as client:
        client.set_model_version_tag("credit", version.version, "approval", "approve: fine")
        with pytest.raises(MlflowException, match="malformed: expected 'approve: comment'"):
            client.set_model_version_tag("credit", version.version, "approval", "ok")
    assert said(line, version) == {"approver": "reject: no", "second": "approve: fine"}


def test_who_registered_a_version_does_not_review_it(line: Line, version: Logged) -> None:
    def hand_over(data: dict[str, Any]) -> None:
        data["models"]["credit"].update(owner="someone", approvers=["approver", "trainer"])

    with amended(line.evidenced.home, hand_over):
        for word in ("approve: fine", "reject: no"):
            unheard(line, version, word, "own_version", "trainer")


def test_what_is_denied_is_rejected_and_not_approved(line: Line, blocked: Logged) -> None:
    unheard(line, blocked, "approve: fine", "not_allowed")
    reviews(line, (blocked, "approver", "reject: no"))
    assert said(line, blocked) == {"approver": "reject: no"}


@pytest.mark.parametrize("name", ["ledger.db", "trust.json", "policy/data.json"])
def test_without_what_it_takes_nothing_is_said(line: Line, version: Logged, name: str) -> None:
    before = line.tags(version)
    with without(line.evidenced.home.root / name):
        assert line.review(version, "approve: fine").status == 403
    assert line.tags(version) == before
    assert _entries_on(line, version) == []


def _entries_on(line: Line, version: Logged) -> list[str]:
    entries = Ledger.of(line.evidenced.home).entries("review")
    return [e.body["said"] for e in entries if e.body["version"] == version.version]


def test_one_click_is_one_approval_and_leaves_none(line: Line, version: Logged) -> None:
    for who in ("approver", "approver", "second"):
        answer = refused(line, version, "more_approvals", who)
        assert "expected 2 approvals, found 1 " in answer.text
    reviews(line, (version, "approver", "approve: fine"))
    refused(line, version, "more_approvals")  # the same person again
    assert line.approve(version, "second").status == 200
    assert line.aliases()["champion"] == version.version
    tags = line.tags(version)
    assert (tags["gate.approved_by"], said(line, version)) == (
        *("second", {"approver": "approve: fine"}),
    )


def test_a_click_is_the_last_approval_and_no_earlier_one(line: Line, version: Logged) -> None:
    reviews(line, *((version, who, "approve: fine") for who in ("second", "third")))
    assert line.aliases()["champion"] != version.version
    assert line.approve(version).status == 200
    # A second promotion is agreed on anew.
    reviews(line, (version, "third", "reject: it fell"))
    refused(line, version, "rejected")


@pytest.mark.parametrize("who", ["third", "approver"])
def test_a_rejection_blocks_every_click_until_it_is_taken_back(
    line: Line, version: Logged, who: str
) -> None:
    """Also the click of the one who rejected: a click gives no reason."""
    reviews(line, (version, "second", "approve: fine"), (version, who, "reject: no"))
    for clicking in ("approver", "second"):
        answer = refused(line, version, "rejected", clicking)
        assert f"found one by {who}" in answer.text
    reviews(line, (version, who, "approve: looked again"))
    assert line.approve(version).status == 200


def test_only_today_s_approvers_count(line: Line, version: Logged) -> None:
    reviews(line, (version, "second", "approve: fine"), (version, "third", "reject: no"))
    with amended(line.evidenced.home, agreeing(2, "approver", "third", "fourth")):
        refused(line, version, "rejected")
    with amended(line.evidenced.home, agreeing(2, "approver", "fourth")):
        refused(line, version, "more_approvals")
    with amended(line.evidenced.home, agreeing(2, "approver", "second")):
        assert line.approve(version).status == 200
    assert said(line, version)["third"] == "reject: no"  # and is not hidden


def test_a_review_does_not_count_for_another_submission(line: Line, payload: Path) -> None:
    version = line.register(payload)
    assert line.submit(version, line.bundle(payload, utility=None)).status == 200
    reviews(line, (version, "third", "reject: nothing of utility"))
    assert line.submit(version, line.bundle(payload)).status == 200
    assert said(line, version) == {}
    reviews(line, (version, "second", "approve: fine"))
    assert line.approve(version).status == 200


def test_the_same_evidence_again_keeps_its_reviews(line: Line, payload: Path) -> None:
    version, bundle = line.register(payload), line.bundle(payload, utility=None)
    assert line.submit(version, bundle).status == 200
    reviews(line, (version, "third", "reject: no"))
    assert _submit_again(line, version, bundle).status == 200
    assert said(line, version) == {"third": "reject: no"}


def _submit_again(line: Line, version: Logged, bundle: Bundle) -> Answer:
    tag = {"key": "assay.submit", "value": bundle.digest}
    body = {"name": version.model, "version": version.version, **tag}
    return line.site.api("trainer", "POST", "model-versions/set-tag", body)


def test_a_word_that_was_noted_and_not_shown_counts_and_is_shown_next(
    line: Line, version: Logged
) -> None:
    """The server stopped between the ledger and the tags."""
    gate = Gate(line.evidenced.home)
    row = Docket("credit", version.version, "", version.run_id, line.tags(version))
    word = Review(approves=False, comment="no")
    record_review(gate.ledger(), row.last_decision(gate), "third", word, int(time.time()))
    assert said(line, version) == {}
    refused(line, version, "rejected")
    reviews(line, (version, "second", "approve: fine"))
    assert said(line, version) == {"second": "approve: fine", "third": "reject: no"}
