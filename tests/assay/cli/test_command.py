"""The command answers at once, says what went wrong, and its exit code is one of four."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from assay.cli import main

COMMANDS = [
    "up",
    "down",
    "run",
    "check",
    "init",
    "gates",
    "explain",
    "approve",
    "verify",
    "export",
    "data",
    "doctor",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_an_example(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"example: assay {command}" in " ".join(capsys.readouterr().out.split())


def test_help_imports_nothing_slow():
    slow = [
        "torch",
        "mlflow",
        "prefect",
        "pandas",
        "great_expectations",
        "sklearn",
        "rich",
        "numpy",
    ]
    script = (
        "import sys; from assay.cli import main\n"
        "try: main(['--help'])\n"
        f"except SystemExit: sys.exit(', '.join(set({slow}) & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "required"),
        (["runn"], 2, "invalid choice"),
        (["check", "nowhere.yaml"], 2, "[no_pipeline]"),
        (["data", "get", "uci-kredit", "--yes"], 2, "did you mean 'uci-credit'?"),
        (["gates", "credit/1", "--home", "nowhere"], 2, "[no_home]"),
    ],
)
def test_wrong_usage_is_two_and_named(words, code, said, capsys):
    try:
        found = main(words)
    except SystemExit as ended:
        found = ended.code
    assert found == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["run", "pipelines/credit.yaml"],
        ["gates", "credit/1"],
        ["approve", "credit", "1", "--as", "approver"],
        ["down"],
    ],
)
def test_without_a_stack_is_three_and_says_how_to_start_one(words, tmp_path: Path, capsys):
    assert main([*words, "--home", str(tmp_path)]) == 3
    assert "assay up" in capsys.readouterr().err


def test_a_licence_is_not_accepted_in_silence(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert main(["data", "get", "uci-credit"]) == 2
    told = capsys.readouterr()
    assert "licence: data CC BY 4.0" in " ".join(told.out.split())
    assert "--yes" in told.err
    assert not (tmp_path / "uci-credit").exists()


def test_check_says_what_credit_costs_and_that_it_can_pass(capsys):
    assert main(["check", "pipelines/credit.yaml"]) == 0
    told = capsys.readouterr().out
    assert "epsilon 3" in told
    assert "every gate can pass" in told


def test_check_names_each_gate_that_cannot_pass(capsys):
    assert main(["check", "pipelines/mortgage.yaml"]) == 1
    told = capsys.readouterr().out
    assert "cannot pass: privacy.mechanism" in told
    assert "no: needs" in told


def test_check_names_an_undercut_floor(tmp_path: Path, capsys):
    weaker = Path("pipelines/credit.yaml").read_text().replace("steps: 30", "steps: 3")
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / "weak.yaml").write_text(weaker)
    assert main(["check", str(folder / "weak.yaml")]) == 1
    assert "cannot pass: robustness.steps at least 30" in capsys.readouterr().out
