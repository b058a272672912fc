"""`assay waiver` and the keys that sign one: what two people do, each on a machine of their own."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from assay.cli import main
from assay.evidence.decisions import waiver_of
from assay.evidence.dsse import unverified
from assay.evidence.statement import Subject
from assay.evidence.trust import Trust
from assay.evidence.waivers import verify_waiver
from assay.home import Home
from tests.assay.evidence.samples import digest

SUBJECT = Subject("credit", digest("payload"))


@pytest.fixture
def signers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, ...]:
    """Three people's keys, made; their public halves."""
    made = []
    for name in "abc":
        assert main(["keys", "make", str(tmp_path / f"{name}.pem")]) == 0
        made.append(capsys.readouterr().out.strip())
    return tuple(made)


def write(folder: Path, *more: str, days: str = "2") -> int:
    words = ["--model", "credit", "--payload", SUBJECT.digest, "--gate", "stress"]
    words += ["--reason", "the feed is back on Monday", "--days", days]
    words += ["--key", str(folder / "a.pem"), *more]
    return main(["waiver", "write", str(folder / "w.json"), *words])


def test_two_people_sign_what_they_read(
    home: Home, tmp_path: Path, signers: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "trust", "waiver", *signers, "--home", str(home.root)]) == 0
    told = f"stress of credit {SUBJECT.digest} waived until "
    assert write(tmp_path) == 0
    file, now = tmp_path / "w.json", int(time.time())
    assert told in capsys.readouterr().out
    assert main(["waiver", "sign", str(file), "--key", str(tmp_path / "b.pem")]) == 0
    assert told in capsys.readouterr().out
    waiver = verify_waiver(file.read_bytes(), Trust.load(home.trust), SUBJECT, now)
    assert waiver.expires_at - waiver.issued_at == 2 * 86_400
    assert waiver == waiver_of(unverified(file.read_bytes()))


def test_a_signers_key_that_is_lost_is_taken_out(
    home: Home, signers: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--home", str(home.root)]
    assert main(["keys", "trust", "waiver", *signers[:2], *at]) == 0
    before = Trust.load(home.trust)
    lost = min(before.role("waiver").keys)
    capsys.readouterr()
    assert main(["keys", "revoke", lost, *at]) == 1
    assert "[last_key]" in (err := capsys.readouterr().err)
    assert "assay keys trust waiver" in err
    assert main(["keys", "trust", "waiver", signers[2], *at]) == 0
    assert main(["keys", "revoke", lost, *at]) == 0
    assert lost not in Trust.load(home.trust).role("waiver").keys
    assert Trust.load(home.trust).role("waiver").threshold == 2
    assert main(["keys", "list", *at]) == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["gate", "A"], "no_key"),
        (["waiver", "A"], "malformed"),
        (["waiver", "not base64"], "malformed"),
    ],
)
def test_keys_that_cannot_be_trusted_change_nothing(
    words: list[str],
    code: str,
    home: Home,
    signers: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = home.trust.read_bytes()
    keys = [signers[0] if word == "A" else word for word in words]
    assert main(["keys", "trust", *keys, "--home", str(home.root)]) != 0
    assert f"[{code}]" in capsys.readouterr().err
    assert home.trust.read_bytes() == before


@pytest.mark.parametrize("days", ["0", "-1", "nan", "inf"])
def test_a_waiver_has_a_day_on_which_it_ends(
    tmp_path: Path,
    days: str,
    signers: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert write(tmp_path, days=days) == 2
    assert "[malformed]" in capsys.readouterr().err
    assert not (tmp_path / "w.json").exists()


def test_neither_a_waiver_nor_a_key_is_written_over(
    tmp_path: Path, signers: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert write(tmp_path) == 0
    assert write(tmp_path) == 2
    assert "[file_exists]" in capsys.readouterr().err
    assert main(["keys", "make", str(tmp_path / "a.pem")]) == 1
    assert "[key_exists]" in capsys.readouterr().err
    assert main(["waiver", "sign", str(tmp_path / "w.json"), "--key", str(tmp_path / "a.pem")]) == 1
    assert "[duplicate]" in capsys.readouterr().err
