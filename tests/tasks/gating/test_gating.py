"""A decision is shown as it is, its numbers as what they are, and nothing sealed."""

from __future__ import annotations

import pytest

from assay.errors import Refused
from assay.evidence.decision import Verdict
from assay.evidence.public import PublicGate
from tasks.gating.page import STOPPED_BY, write_page, write_stop
from tasks.gating.picture import draw_gates
from tasks.gating.table import COLUMNS, markdown, rows, shortfalls
from tests.tasks.gating.public import (
    REMEDIES,
    measured,
    mechanism,
    public_bar,
    public_decision,
)

LINK = "http://127.0.0.1:1/#/models/credit/versions/7"


def page(allowed: bool, **more: tuple[str, ...]) -> str:
    return write_page(public_decision(allowed, **more), REMEDIES, LINK)


@pytest.mark.parametrize(("allowed", "word"), [(True, "PROMOTABLE"), (False, "BLOCKED")])
def test_the_page_begins_with_the_one_bit(allowed: bool, word: str) -> None:
    assert page(allowed).splitlines()[0] == f"# credit/7: {word}"


def test_the_page_says_what_its_numbers_are() -> None:
    assert "The sealed holdout answers one bit" in page(False)
    assert "Every number and every verdict below is from the development rows" in page(False)
    assert "`assay gates credit/7 --as USER`" in page(False)


def test_every_bar_has_a_line_with_bound_bar_and_verdict() -> None:
    text = page(False)
    assert "| utility | auc | 0.720 [0.700, 0.740] | 2,963 | ≥ 0.68 | +0.03 | PASS |" in text
    assert "| privacy | mechanism | none | exact | one of synthetic, dp_sgd |  | FAIL |" in text
    assert "| membership | tpr_at_fpr | not measured there |  | ≥ 0.68 |  | NOT_RUN |" in text


def test_a_denied_version_is_told_what_to_do() -> None:
    text = page(False)
    assert REMEDIES["privacy"] in text
    assert REMEDIES["utility"] not in text
    assert REMEDIES["membership"] not in text  # nothing that anybody sees says that it is at fault
    assert "**membership** is not measured on the development rows" in text
    assert not any(remedy in page(True) for remedy in REMEDIES.values())


def test_the_page_names_digests_days_and_the_version() -> None:
    text = page(True)
    assert LINK in text
    decision = public_decision(True)
    for digest in (decision.policy_digest, decision.bundle_digest, decision.sealed_digest):
        assert digest in text
    assert "2027-01-15 08:00 UTC" in text
    assert "2027-02-14 08:00 UTC" in text


def test_a_denial_of_no_gate_is_told() -> None:
    assert "denied: `opa_unavailable`" in page(False, denials=("opa_unavailable",))


@pytest.mark.parametrize(("code", "gate"), [*STOPPED_BY.items(), ("rows_per_unit", "")])
def test_a_stopped_run_asks_no_other_gate(code: str, gate: str) -> None:
    text = write_stop(
        "credit", Refused(code, "expected 3, found 6"), REMEDIES | {"data_quality": ""}
    )
    assert text.startswith("# credit: BLOCKED before a decision")
    assert f"`{code}`: expected 3, found 6" in text
    for name in ("utility", "privacy", "membership", "data_quality"):
        verdict = f"FAIL | {code}" if name == gate else "NOT_RUN | not run"
        assert f"| {name} | {verdict} |" in text


def test_rows_are_text_under_the_declared_columns() -> None:
    told = list(rows(public_decision()))
    assert len(told) == 3
    assert all(tuple(row) == COLUMNS for row in told)
    assert all(isinstance(cell, str) for row in told for cell in row.values())


def test_a_cell_cannot_leave_its_column() -> None:
    lines = list(markdown(iter([dict.fromkeys(COLUMNS, "a|b")])))
    assert {line.count("|") for line in lines} == {len(COLUMNS) + 1}


def test_a_fault_stands_in_the_verdicts_place() -> None:
    bar = public_bar(verdict=Verdict.NOT_RUN, fault="missing")
    gate = PublicGate("utility", Verdict.NOT_RUN, "missing", (bar,))
    assert shortfalls(gate).endswith(": missing")


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        (PublicGate("u", Verdict.PASS, "", (public_bar(value=measured()),)), "every bar passes"),
        (PublicGate("u", Verdict.NOT_RUN, "missing", ()), "missing"),
        (
            PublicGate("u", Verdict.FAIL, "", (mechanism(),)),
            "mechanism none, bar one of synthetic, dp_sgd: FAIL",
        ),
    ],
)
def test_a_gate_is_told_by_what_it_lacks(gate: PublicGate, expected: str) -> None:
    assert shortfalls(gate) == expected


def test_the_picture_is_a_png_of_the_same_bytes_each_time() -> None:
    picture = draw_gates(public_decision())
    assert picture is not None
    assert picture.startswith(b"\x89PNG")
    assert picture == draw_gates(public_decision())


def test_without_a_bound_there_is_no_picture() -> None:
    decision = public_decision()
    decision.gates.pop("utility")  # type: ignore[attr-defined]
    assert draw_gates(decision) is None
