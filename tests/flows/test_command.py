"""What a person types about a version that was decided, against a real stack."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pandas as pd
import pytest

from assay.cli import main
from assay.cli.registry import Registry
from assay.evidence.access import read_accesses
from assay.stack.pipeline import environment, run_pipeline
from tests.flows.loans import lay_out, rows
from tests.stack_fixture import Running

Command: TypeAlias = Callable[..., tuple[int, str]]


@pytest.fixture
def assay(stack: Running, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command: its exit code, and what it printed on either stream."""

    def run(*words: str) -> tuple[int, str]:
        with environment({}):  # it may sign in by variables of its process
            code = main([*words, "--home", str(stack.home.root)])
        return code, "".join(capsys.readouterr())

    return run


def run(stack: Running, folder: Path, model: str, frame: pd.DataFrame) -> str:
    """Run a model's pipeline; the run's id, as `assay run` prints it."""
    file = lay_out(folder, frame, {"model": model})
    outcome = run_pipeline(file, stack.home, lambda _message, _share: None)
    assert outcome.lines[-1].endswith(f"/runs/flow-run/{outcome.run}")
    return outcome.run


@pytest.fixture(scope="module")
def runs() -> dict[str, str]:
    """Model -> run of it."""
    return {}


@pytest.fixture(scope="module")
def decided(
    stack: Running, runs: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """A promotable version of `loans` and a blocked one of `tight`."""
    found = {}
    for seed, model in ((41, "loans"), (42, "tight")):
        runs[model] = run(stack, tmp_path_factory.mktemp(model), model, rows(seed))
        name, found[model] = Registry(stack.home, "auditor").newest()
        assert name == model
    return found


def test_all_that_a_run_opened_is_on_record(
    assay: Command, decided: dict[str, str], stack: Running
) -> None:
    assert decided
    accesses = read_accesses(stack.home)
    source = next(a.what for a in accesses if a.what.startswith("raw data of "))[12:]
    assert {access.what for access in accesses} >= {
        *(f"{part} of {source}" for part in ("train", "release", "development", "holdout")),
        *(f"key {role}" for role in ("split", "data", "trainer", "evaluator", "gate")),
        "evidence",
    }
    code, text = assay("audit", "--what", "holdout")
    opened = sum(access.what == f"holdout of {source}" for access in accesses)
    assert (code, text.count("holdout of ")) == (0, opened)
    assert f"{opened} of {len(accesses):,} lines; the chain is whole" in text


def test_a_run_is_shown_by_the_id_that_was_printed(
    assay: Command, decided: dict[str, str], runs: dict[str, str]
) -> None:
    for model, code in (("loans", 0), ("tight", 1)):
        for command in ("gates", "explain"):
            shown = assay(command, runs[model], "--as", "auditor")
            assert shown == assay(command, f"{model}/{decided[model]}", "--as", "auditor")
            assert shown[0] == code


def test_a_run_that_stopped_shows_why(assay: Command, stack: Running, tmp_path: Path) -> None:
    stopped = run(stack, tmp_path, "loans", rows(43).assign(age=7))
    code, told = assay("gates", stopped)
    assert code == 1
    assert "data_invalid" in told


@pytest.mark.parametrize(
    ("target", "word"),
    [
        ("loans/99", "no_version"),
        ("rumour/1", "unknown_model"),
        ("0" * 32, "no_version"),
        ("01234567-89ab-cdef-0123-456789abcdef", "no_version"),
    ],
)
def test_what_is_not_there_is_no_verdict(
    assay: Command, decided: dict[str, str], target: str, word: str
) -> None:
    code, told = assay("gates", target)
    assert (code, told.startswith(f"assay: [{word}] ")) == (2, True), told


def test_doctor_looks_at_a_running_stack(
    assay: Command, decided: dict[str, str], stack: Running
) -> None:
    code, told = assay("doctor")
    assert (code, "all well" in told) == (0, True), told
    assert str(stack.said["mlflow"]) in "".join(told.split())


def test_gates_shows_each_reader_what_that_reader_may_see(
    assay: Command, decided: dict[str, str]
) -> None:
    version = f"loans/{decided['loans']}"
    for user, whose in (("trainer", "development rows"), ("auditor", "the sealed holdout")):
        code, told = assay("gates", version, "--as", user)
        assert (code, "decision: promotable" in told) == (0, True), told
        assert whose in " ".join(told.split())
    code, told = assay("gates", f"tight/{decided['tight']}", "--as", "auditor")
    assert code == 1
    assert "decision: BLOCKED" in told


def test_explain_says_what_would_change_each_verdict(
    assay: Command, decided: dict[str, str]
) -> None:
    code, told = assay("explain", f"tight/{decided['tight']}", "--as", "auditor")
    assert code == 1
    lines = told.splitlines()
    assert any(line.startswith("robustness FAIL (floor_undercut): ") for line in lines), told
    assert "  robust_recall:0.05: expected >= 0.4, found nothing; measure it" in told, told
    assert "expected robustness steps at least 30.0, found 1" in told, told
    # Which bounds fall short hangs on the noise of the release; that some do, on few rows alone.
    assert re.search(r"^  \S+: expected [<>]= \S+, found \S+ \[.+\], short by ", told, re.M), told
    assert lines[-1] == "blocked"
    code, told = assay("explain", f"loans/{decided['loans']}")
    assert (code, told.splitlines()) == (0, ["promotable"])


def test_a_version_is_approved_verified_exported_and_verified_offline(
    assay: Command, decided: dict[str, str], tmp_path: Path, stack: Running
) -> None:
    version = decided["loans"]
    code, told = assay("approve", "loans", version, "--as", "trainer")
    assert (code, "not_approver" in told) == (1, True), told
    reject = ("reject", "loans", version, "--as", "approver", "--comment", "a feed is missing")
    said = f"loans/{version}: approver says reject: a feed is missing\n"
    assert assay(*reject) == (0, said)
    code, told = assay("gates", f"loans/{version}")
    assert (code, "approver says reject: a feed is missing" in told) == (0, True), told
    approve = ("approve", "loans", version, "--as", "approver")
    code, told = assay(*approve)
    assert (code, told.startswith("assay: [rejected] ")) == (1, True), told
    said = f"loans/{version}: approver says approve: it is there\n"
    champion = f"loans/{version} is champion, approved by approver\n"
    assert assay(*approve, "--comment", "it is there") == (0, said + champion)
    code, told = assay("verify", "loans@champion")
    assert (code, f"version {version}" in told) == (0, True), told
    bundle = tmp_path / "loans.bundle"
    trusted = ("--trust", str(stack.home.trust))
    assert assay("export", "loans@champion", str(bundle))[0] == 0
    code, told = assay("verify", str(bundle), *trusted)
    assert (code, "numbers not recomputed" in told) == (0, True), told
    sealed = str(stack.home.sealed_outcomes)
    code, told = assay("verify", str(bundle), *trusted, "--outcomes", sealed)
    assert (code, "numbers recomputed" in told) == (0, True), told


def test_a_blocked_version_is_approved_by_nobody(assay: Command, decided: dict[str, str]) -> None:
    code, told = assay("approve", "tight", decided["tight"], "--as", "approver")
    assert (code, "does not pass" in told) == (1, True), told
