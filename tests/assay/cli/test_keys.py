"""`assay keys` says what it did, what stays believed, and what does not."""

from __future__ import annotations

import pytest

from assay.cli import main
from assay.evidence.dsse import key_id
from assay.evidence.keys import load_key, make_next_key
from assay.home import Home


def signer(home: Home) -> str:
    return key_id(load_key(home, "gate").public_key())


def keys(home: Home, *words: str) -> int:
    return main(["keys", *words, "--home", str(home.root)])


def test_a_rotation_and_a_revocation_are_told(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    old = signer(home)
    assert keys(home, "rotate", "gate") == 0
    told = capsys.readouterr().out
    assert f"gate signs with {signer(home)}" in told
    assert f"{old} still verifies what it signed" in told
    assert keys(home, "revoke", old) == 0
    told = capsys.readouterr().out
    assert f"{old} is not believed for gate any more" in told
    assert "no champion rests on it" in told
    assert keys(home, "list") == 0
    told = capsys.readouterr().out
    assert signer(home) in told
    assert old not in told


def test_an_interrupted_rotation_is_listed_and_completed(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    make_next_key(home, "gate")
    assert keys(home, "list") == 1
    assert "interrupted rotation" in capsys.readouterr().out
    assert keys(home, "rotate", "gate") == 0
    assert "this completed it" in capsys.readouterr().out
    assert keys(home, "list") == 0


def test_a_lost_key_is_listed_and_told(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    (home.keys / "gate.pem").unlink()
    assert keys(home, "list") == 1
    assert "[no_key]" in capsys.readouterr().out
    assert keys(home, "rotate", "gate") == 0
    assert "did not speak for gate: [no_key]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["rotate", "approver"], 2, "[no_key]"),
        (["revoke", "0" * 64], 2, "[no_key]"),
        (["revoke", ""], 2, "[no_key]"),
    ],
)
def test_what_is_no_role_and_no_key_is_two(
    words: list[str], code: int, said: str, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert keys(home, *words) == code
    assert said in capsys.readouterr().err


def test_the_last_key_is_refused(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert keys(home, "revoke", signer(home)) == 1
    told = capsys.readouterr().err
    assert "[last_key]" in told
    assert "assay keys rotate gate" in told
