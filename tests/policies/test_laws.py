"""The laws of the policy's Rego are kept, and each would be noticed if it were not."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.home import REPOSITORY
from assay.policy.binary import find_opa
from tools.lint_policies import broken_laws, main
from tools.write_capabilities import TARGET, allowed, current, render

POLICIES = REPOSITORY / "policies"
GATE = """# METADATA
# title: Kindness
# description: The model is kind.
package gates.kindness

import rego.v2

deny contains {"code": "missing", "measurement": $"kind:{input.x}"} if not input.kind
"""
TEST = """package gates.kindness_test

import rego.v2

import data.gates.kindness

test_kind if kindness.deny == set() with input as {"kind": true}
"""
Edit = Callable[[str], str]


def write(folder: Path, gate: str = GATE, test: str = TEST) -> Path:
    (folder / "gates").mkdir()
    (folder / "gates" / "kindness.rego").write_text(gate)
    (folder / "gates" / "kindness_test.rego").write_text(test)
    return folder


def test_our_policy_keeps_every_law() -> None:
    assert broken_laws(POLICIES) == []


def test_a_lawful_gate(tmp_path: Path) -> None:
    assert broken_laws(write(tmp_path)) == []


HEAD = '{"code": "missing", "measurement": $"kind:{input.x}"}'
BROKEN: dict[str, tuple[Edit, str]] = {
    "no import": (lambda gate: gate.replace("import rego.v2\n", ""), "imports rego.v2"),
    "an older import": (lambda gate: gate.replace("rego.v2", "rego.v1"), "imports rego.v2"),
    "allowed by default": (lambda gate: gate + "\ndefault ok := true\n", "no default is true"),
    "a lookup in the head": (
        lambda gate: gate.replace(HEAD, '{"code": input.code, "measurement": "kind"}'),
        "a denial's head",
    ),
    "a call in the head": (
        lambda gate: gate.replace(HEAD, 'sprintf("%v", [input.x])'),
        "a denial's head",
    ),
    "a denial that is a value": (
        lambda gate: gate.replace(f"contains {HEAD}", ":= count(input.x)"),
        "a denial's head",
    ),
    "another package": (
        lambda gate: gate.replace("gates.kindness", "gates.kindnes"),
        "the package is the path",
    ),
    "no title": (lambda gate: gate.replace("# title: Kindness\n", ""), "METADATA has a title"),
    "no description": (
        lambda gate: gate.replace("# description: The model is kind.\n", ""),
        "METADATA has a title",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_law_is_told_by_file(tmp_path: Path, name: str) -> None:
    edit, law = BROKEN[name]
    (told,) = broken_laws(write(tmp_path, edit(GATE)))
    assert told.startswith(f"{tmp_path}/gates/kindness.rego: ")
    assert law in told


def test_two_tests_of_one_name(tmp_path: Path) -> None:
    (told,) = broken_laws(write(tmp_path, test=TEST + "\ntest_kind if true\n"))
    assert told.endswith("kindness_test.rego: test_kind is one test")


def test_a_gate_without_a_test(tmp_path: Path) -> None:
    (write(tmp_path) / "gates" / "kindness_test.rego").unlink()
    (told,) = broken_laws(tmp_path)
    assert told.endswith("kindness.rego: a test file stands beside it")


def test_no_policy_is_no_lawful_policy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 1
    assert "expected Rego files" in capsys.readouterr().out
    assert main([str(write(tmp_path, gate="package"))]) == 1
    assert "kindness.rego" in capsys.readouterr().out
    assert main([]) == 2


def opa(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [find_opa(), *arguments], cwd=REPOSITORY, env={}, capture_output=True, text=True
    )


def test_the_policys_own_tests_pass_and_cover_every_line() -> None:
    ran = opa(
        "test",
        "--fail-on-empty",
        "--coverage",
        "--coverage-runs=",  # one pass says all that is asked
        "--threshold",
        "100",
        "--timeout",
        "60s",
        "policies",
    )
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr


def test_the_policy_is_laid_out_and_checked() -> None:
    assert opa("fmt", "--fail", "--list", "policies").returncode == 0
    checked = opa("check", "--strict", "--capabilities", "policies/capabilities.json", "policies")
    assert checked.returncode == 0, checked.stderr


def test_capabilities_are_opas_less_what_a_policy_may_not() -> None:
    kept = json.loads(TARGET.read_text())
    assert TARGET.read_text() == render(kept)
    known = {one["name"]: one for one in allowed(current())["builtins"]}
    assert [one["name"] for one in kept["builtins"] if one["name"] not in known] == []


FORBIDDEN = """
http.send net.lookup_ip_addr opa.runtime time.now_ns rand.intn uuid.rfc4122 rego.metadata.rule
rego.parse_module trace io.jwt.decode graphql.parse providers.aws.sign_req crypto.x509.parse_keypair
"""


@pytest.mark.parametrize("name", FORBIDDEN.split())
def test_a_policy_may_not_call(name: str) -> None:
    kept = json.loads(TARGET.read_text())
    assert name in {one["name"] for one in current()["builtins"]}
    assert name not in {one["name"] for one in kept["builtins"]}
    assert kept["allow_net"] == []
