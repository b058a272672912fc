"""What a signed-in user has the server open or move is on record, refused or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.cli import main
from assay.evidence.access import ANCHOR, Access, read_accesses
from assay.home import Home
from assay.ledger import Ledger
from tests.assay.registry.line import Line
from tests.assay.registry.site import Logged


@pytest.fixture(scope="module")
def clicked(line: Line, payload: Path) -> Logged:
    """A version of this module's own, which the gate allows."""
    version = line.register(payload)
    assert line.submit(version, line.bundle(payload)).status == 200
    return version


def since(home: Home, before: int) -> list[Access]:
    return list(read_accesses(home)[before:])


@pytest.mark.parametrize(
    ("who", "answer"),
    [("auditor", "granted"), ("approver", "granted"), ("trainer", "refused not_reader")],
)
def test_sealed_numbers_are_read_on_record(
    line: Line, submitted: Logged, home: Home, who: str, answer: str
) -> None:
    before = len(read_accesses(home))
    line.site.ask(who, "GET", f"/assay/decisions/credit/{submitted.version}")
    asked, *between, last = since(home, before)
    assert {access.user for access in (asked, *between, last)} == {who}
    assert asked.what == last.what == f"decision on credit {submitted.version}"
    assert (asked.outcome, last.outcome) == ("asked", answer)
    opened = [access for access in between if access.what == "sealed decision"]
    assert len(opened) == (answer == "granted")
    assert all(access.digest.startswith("sha256:") for access in opened)


def test_a_click_is_on_record_with_all_that_it_opened(
    line: Line, clicked: Logged, home: Home
) -> None:
    before = len(read_accesses(home))
    assert line.approve(clicked, "trainer").code == "not_approver"
    asked, refused = since(home, before)
    assert (refused.user, refused.outcome) == ("trainer", "refused not_approver")
    assert asked.what == refused.what == "alias champion of credit"
    before = len(read_accesses(home))
    assert line.approve(clicked).status == 200
    found = since(home, before)
    assert {access.user for access in found} == {"approver"}
    assert [access.what for access in found if access.what.startswith("key")] == [
        "key gate",
        "key promoter",
    ]
    assert "evidence" in {access.what for access in found}
    assert (found[-1].what, found[-1].outcome) == ("alias champion of credit", "granted")


@pytest.mark.parametrize("alias", ["champion\n", "СHAMPION", "previous", "jane.doe@example.org"])
def test_an_alias_from_outside_is_on_record_and_not_quoted(
    line: Line, clicked: Logged, home: Home, alias: str
) -> None:
    before = len(read_accesses(home))
    body = {"name": clicked.model, "version": clicked.version, "alias": alias}
    assert line.site.api("approver", "POST", "registered-models/alias", body).status == 403
    asked, refused = since(home, before)
    shown = alias if alias == "previous" else "(not plain)"
    assert asked.what == refused.what == f"alias {shown} of credit"
    assert refused.outcome.startswith("refused ")


def test_a_decision_names_the_last_line_before_it(
    line: Line, submitted: Logged, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    decisions = Ledger.of(home).entries("decision")
    heads = {entry.body[ANCHOR] for entry in decisions}
    assert len(heads) == len(decisions)
    read_accesses(home, frozenset(heads))
    assert main(["audit", "--what", "promoter", "--by", "nobody", "--home", str(home.root)]) == 0
    assert "0 of " in capsys.readouterr().out
    whole = home.access.read_bytes()
    try:
        home.access.write_bytes(b"".join(whole.splitlines(keepends=True)[:3]))
        assert main(["audit", "--home", str(home.root)]) == 1
        assert "log_shortened" in capsys.readouterr().err
    finally:
        home.access.write_bytes(whole)


def test_without_its_log_the_server_decides_nothing(
    line: Line, clicked: Logged, home: Home
) -> None:
    aside = home.access.rename(home.root / "aside")
    home.access.mkdir()
    try:
        assert line.approve(clicked).code == "no_access_log"
        answer = line.site.ask("auditor", "GET", f"/assay/decisions/credit/{clicked.version}")
        assert answer.status == 503
    finally:
        home.access.rmdir()
        aside.rename(home.access)
