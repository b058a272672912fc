"""`assay verify BUNDLE` says as of when a promotion held, and by whose keys."""

from __future__ import annotations

import pytest

from assay.cli import main
from assay.home import REPOSITORY

GOLDEN = REPOSITORY / "tests" / "golden" / "0.1.0"
TRUST = ("--trust", str(GOLDEN / "trust.json"))


def verify(*words: str) -> int:
    return main(["verify", str(GOLDEN / "credit.tar"), *words])


@pytest.mark.parametrize("at", ["2026-11-25T03:36:00Z", "2026-11-25T04:36:00+01:00"])
def test_an_auditor_asks_of_a_moment(at: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(*TRUST, "--at", at) == 0
    told = capsys.readouterr().out
    assert "signatures and bytes verified, numbers not recomputed" in told
    assert "as of 2026-11-25 03:36:00 UTC" in told
    assert "the keys that the bundle itself names" not in told


def test_without_a_trust_it_says_whose_keys_were_believed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert verify("--at", "2026-11-25T03:36:00Z") == 0
    assert "by the keys that the bundle itself names" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("at", "exit_code", "code"),
    [
        ("2026-11-24T03:00:00Z", 1, "future"),
        ("2026-12-26T03:00:00Z", 1, "expired"),
        ("9999-12-31T23:59:59Z", 1, "expired"),
        ("2026-11-25T03:36:00", 2, "bad_time"),
        ("2026-11-25", 2, "bad_time"),
        ("yesterday", 2, "bad_time"),
        ("1795574883", 2, "bad_time"),
        ("0001-01-01T00:00:00+23:00", 1, "future"),
    ],
)
def test_a_moment_is_exact_and_moves_nothing_but_the_clock(
    at: str, exit_code: int, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(*TRUST, "--at", at) == exit_code
    told = capsys.readouterr()
    assert f"[{code}]" in told.err
    assert told.out == ""


@pytest.mark.parametrize("more", [("--at", "2026-11-25T03:36:00Z"), ("--outcomes", "x")])
def test_an_alias_is_asked_of_now(
    more: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "credit@champion", *more]) == 2
    assert "[bad_target]" in capsys.readouterr().err
