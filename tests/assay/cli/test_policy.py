"""Whoever owns a policy signs it on a machine of their own, and the server's holds no such key."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.cli import main
from assay.errors import AssayError, Unavailable
from assay.evidence.dsse import key_id
from assay.evidence.keys import load_key, make_keys, read_key
from assay.evidence.trust import Trust
from assay.home import REPOSITORY, Home
from assay.policy.force import policy_in_force, put_in_force
from assay.stack.record import lock_home
from tests.assay.policy.test_force import amend


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """What a command prints."""
    assert main([str(word) for word in words]) == 0, capsys.readouterr().err
    return capsys.readouterr().out.strip()


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    assert main([str(word) for word in words]) != 0
    return capsys.readouterr().err


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    return amend(Path(shutil.copytree(REPOSITORY / "policies", tmp_path / "policies")), 7)


@pytest.fixture
def officer(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The officer's key, which the home believes beside its own."""
    put_in_force(home, REPOSITORY / "policies", int(time.time()))
    key = tmp_path / "officer.pem"
    public = said(capsys, "keys", "make", key)
    said(capsys, "keys", "trust", "policy", public, "--home", home.root)
    return key


def sealed(
    trust: Path, sources: Path, key: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> Path:
    said(capsys, "policy", "seal", sources, "--key", key, "--trust", trust, "--out", out)
    return out


def test_a_policy_that_was_signed_elsewhere_rules(
    home: Home, officer: Path, sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = key_id(load_key(home, "policy").public_key())
    at, now = ("--home", home.root), int(time.time())
    # From now on this home can sign none, and believes none that it had signed.
    (home.keys / "policy.pem").unlink()
    assert "nothing is decided in this home" in said(capsys, "keys", "revoke", own, *at)
    out = sealed(home.trust, sources, officer, tmp_path / "sealed", capsys)
    assert "version 7" in said(capsys, "policy", "put", out, *at)
    make_keys(home)
    assert policy_in_force(home, now).rules.version == 7
    # A start builds nothing: whatever lies in the folder of sources, the officer's policy rules.
    assert put_in_force(home, amend(sources, 8, auc=0.1), now).rules.version == 7
    listed = said(capsys, "keys", "list", *at)
    assert key_id(read_key(officer).public_key()) in listed
    assert own not in listed


def _edited(folder: Path) -> None:
    table = json.loads((folder / "data.json").read_text())
    table["tiers"]["standard"]["looks"] = 1000
    (folder / "data.json").write_text(json.dumps(table))


def _unsigned(folder: Path) -> None:
    (folder / "seal.json").unlink()


def _mixed(folder: Path) -> None:
    shutil.copy(folder.parent / "other" / "bundle.tar.gz", folder / "bundle.tar.gz")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [(_edited, "policy_mixed"), (_unsigned, "policy_unsigned"), (_mixed, "policy_mixed")],
)
def test_what_the_officer_did_not_sign_is_not_put(
    spoil: Callable[[Path], None],
    code: str,
    home: Home,
    officer: Path,
    sources: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = sealed(home.trust, sources, officer, tmp_path / "sealed", capsys)
    sealed(home.trust, amend(sources, 8, auc=0.1), officer, tmp_path / "other", capsys)
    before = policy_in_force(home, int(time.time()))
    spoil(out)
    assert f"[{code}]" in refused(capsys, "policy", "put", out, "--home", home.root)
    assert policy_in_force(home, int(time.time())) == before


def test_a_stranger_s_an_older_and_another_by_the_same_version_are_not_put(
    home: Home, officer: Path, sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger, theirs = tmp_path / "stranger.pem", tmp_path / "theirs.json"
    public = said(capsys, "keys", "make", stranger)
    theirs.write_bytes(Trust.load(home.trust).with_public("policy", [public]).to_json())
    at = ("--home", home.root)
    said(capsys, "policy", "put", sealed(home.trust, sources, officer, tmp_path / "7", capsys), *at)
    for key, trust, version, code in (
        (stranger, theirs, 8, "wrong_role"),
        (officer, home.trust, 6, "policy_older"),
        (officer, home.trust, 7, "policy_changed"),
    ):
        out = sealed(trust, amend(sources, version, auc=0.1), key, tmp_path / code, capsys)
        assert f"[{code}]" in refused(capsys, "policy", "put", out, *at)
    assert policy_in_force(home, int(time.time())).rules.version == 7


def test_who_signs_for_keys_is_one_of_them(
    home: Home, sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "officer.pem"
    said(capsys, "keys", "make", key)
    words = ("--key", key, "--trust", home.trust, "--out", tmp_path / "sealed")
    assert "[key_untrusted]" in refused(capsys, "policy", "seal", sources, *words)


def test_a_key_of_the_home_waits_for_the_officer(
    home: Home, officer: Path, sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A role gets another key while whoever owns the policy is elsewhere: nothing is decided."""
    at, now = ("--home", home.root), int(time.time())
    (home.keys / "policy.pem").unlink()
    before = sealed(home.trust, sources, officer, tmp_path / "before", capsys)
    said(capsys, "policy", "put", before, *at)
    assert "[trust_widened]" in said(capsys, "keys", "rotate", "evaluator", *at)
    for act in (policy_in_force, lambda home, now: put_in_force(home, sources, now)):
        with pytest.raises(Unavailable, match="trust_widened"):
            act(home, now)
    assert "[trust_widened]" in refused(capsys, "policy", "put", before, *at)
    after = sealed(home.trust, sources, officer, tmp_path / "after", capsys)
    assert "nothing is decided" not in said(capsys, "policy", "put", after, *at)
    assert policy_in_force(home, now).rules.version == 7


def test_no_policy_is_put_under_a_running_stack(
    home: Home, officer: Path, sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = sealed(home.trust, sources, officer, tmp_path / "sealed", capsys)
    with lock_home(home):
        told = refused(capsys, "policy", "put", out, "--home", home.root)
    assert "[already_running]" in told
    assert policy_in_force(home, int(time.time())).rules.version != 7


def test_a_home_without_a_key_and_a_policy_starts_nothing(home: Home) -> None:
    (home.keys / "policy.pem").unlink()
    with pytest.raises(AssayError, match="no_policy"):
        put_in_force(home, REPOSITORY / "policies", int(time.time()))


def test_no_folder_is_written_over(
    home: Home, officer: Path, sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("policy", "seal", sources, "--key", officer, "--trust", home.trust, "--out", tmp_path)
    assert "[folder_exists]" in refused(capsys, *words)
