"""The command answers at once, says what went wrong, and its exit code is one of four."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from assay.cli import doctor, main

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
    "data list",
    "data get",
    "doctor",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_an_example_and_takes_a_home(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"example: assay {command}" in told
    assert "--home DIR" in told


@pytest.mark.parametrize("words", [[], ["data"]])
def test_a_group_of_commands_shows_an_example(words, capsys):
    with pytest.raises(SystemExit):
        main([*words, "--help"])
    assert "example: assay " in capsys.readouterr().out


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
        (["up", "--home", "/proc/nowhere"], 2, "[no_home]"),
        (["up", "--home", __file__], 2, "[no_home]"),
        (["verify", __file__, "--trust", "nowhere.json"], 2, "[no_trust]"),
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
        ["explain"],
        ["approve", "credit", "1", "--as", "approver"],
        ["verify", "credit@champion"],
        ["export", "credit@champion", "b.tar"],
        ["down"],
    ],
)
@pytest.mark.parametrize("there", [True, False])
def test_without_a_stack_is_three_and_says_how_to_start_one(words, there, tmp_path: Path, capsys):
    home = tmp_path if there else tmp_path / "nowhere"
    assert main([*words, "--home", str(home)]) == 3
    assert "assay up" in capsys.readouterr().err


def test_a_defect_does_not_read_as_blocked(monkeypatch, capsys):
    def broken(_arguments):
        raise ZeroDivisionError

    monkeypatch.setattr(doctor, "doctor", broken)
    assert main(["doctor"]) == 3
    assert "ZeroDivisionError" in capsys.readouterr().err


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
