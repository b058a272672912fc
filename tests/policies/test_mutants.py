"""The policy's tests notice when the policy is spoilt; what spoiling means is itself tested."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.home import REPOSITORY
from tools.mutate_policies import EQUIVALENTS, main, mutants

MODULE = """# METADATA
# title: Kindness
# description: 1 == 1 in words
package gates.kindness

import rego.v2

default kind := false

# A remark that is not true.
kind if {
	input.x >= 0.5
	not input.y == "no"
}
"""


def spoilt(text: str = MODULE) -> set[tuple[str, str]]:
    return {(one.before, one.after) for one in mutants("gates/kindness.rego", text)}


def test_spoils_each_place_in_each_way() -> None:
    whole = 'kind if {\n\tinput.x >= 0.5\n\tnot input.y == "no"\n}'
    assert spoilt() == {
        ("default kind := false", ""),
        ("default kind := false", "default kind := true"),
        (f"# A remark that is not true.\n{whole}", ""),
        ("kind if {", ""),
        ("}", ""),
        ("input.x >= 0.5", ""),
        ("input.x >= 0.5", "input.x > 0.5"),
        ("input.x >= 0.5", "input.x < 0.5"),
        ("input.x >= 0.5", "input.x >= 1.5"),
        ("input.x >= 0.5", "input.x >= -0.5"),
        ('not input.y == "no"', ""),
        ('not input.y == "no"', 'input.y == "no"'),
        ('not input.y == "no"', 'not input.y != "no"'),
        ('not input.y == "no"', 'not input.y == "mutant"'),
    }


def test_a_spoilt_module_differs_in_one_place() -> None:
    for mutant in mutants("gates/kindness.rego", MODULE):
        assert mutant.text != MODULE
        assert mutant.text.startswith("# METADATA\n# title: Kindness\n")
        left = [line for line in mutant.text.splitlines() if line not in MODULE.splitlines()]
        assert len(left) <= 1


POLICY = {
    "gates/kindness.rego": MODULE,
    "gates/kindness_test.rego": """package gates.kindness_test

import rego.v2

import data.gates.kindness

test_kind if {
	kindness.kind with input as {"x": 0.5, "y": "yes"}
	not kindness.kind with input as {"x": 0.4, "y": "yes"}
	not kindness.kind with input as {"x": 0.6, "y": "no"}
	kindness.kind == false with input as {}
}
""",
}


def write(folder: Path, **changed: str) -> Path:
    for name, text in POLICY.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(changed.get(path.stem, text))
    return folder


@pytest.mark.parametrize("only", ["kindness"])
def test_reports_what_nobody_notices(
    tmp_path: Path, only: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(write(tmp_path)), "--only", only]) == 0
    assert "12 of 12 mutants killed (100.0%)" in capsys.readouterr().out
    careless = POLICY["gates/kindness_test.rego"].replace("0.4", "-1")
    assert main([str(write(tmp_path, kindness_test=careless)), "--only", only]) == 1
    told = capsys.readouterr().out
    assert "survived: gates/kindness.rego: kind if {" in told
    assert "+ input.x >= -0.5" in told
    assert "11 of 12 mutants killed" in told


def test_nothing_spoilt_is_not_enough(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--only", "nothing"]) == 1
    assert "0 of 0 mutants" in capsys.readouterr().out


def test_every_listed_survivor_has_a_reason_and_a_place() -> None:
    for row in json.loads(EQUIVALENTS.read_text()):
        assert set(row) == {"path", "rule", "before", "after", "reason"}
        assert len(row["reason"]) > 20
        text = (REPOSITORY / "policies" / row["path"]).read_text()
        keys = {mutant.key for mutant in mutants(row["path"], text)}
        assert (row["path"], row["rule"], row["before"], row["after"]) in keys


@pytest.mark.slow
def test_the_policys_tests_notice_what_is_spoilt(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(REPOSITORY / "policies")]) == 0, capsys.readouterr().out
