"""An auditor's install is enough for `assay verify`: no line, no OPA, no network, no process."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from assay.home import REPOSITORY

GOLDEN = REPOSITORY / "tests" / "golden" / "0.1.0"
BUNDLE, TRUST, OUTCOMES = (GOLDEN / name for name in ("credit.tar", "trust.json", "outcomes"))
HELD = "2026-11-25T03:36:00Z"

# As in an environment that holds nothing else; and nothing may be asked of anybody.
ALONE = """
import sys
installed = {*sys.argv[1].split(), *sys.stdlib_module_names}

class Absent:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] not in installed and not name.startswith("_sysconfigdata"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

def offline(event, _arguments):
    if event in ("socket.connect", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"):
        raise PermissionError(event)

sys.meta_path.insert(0, Absent)
sys.addaudithook(offline)
from assay.cli import main
sys.exit(main(sys.argv[2:]))
"""


def required(texts: list[str], extra: str = "") -> Iterator[tuple[str, frozenset[str]]]:
    """Names and extras of those that this machine needs."""
    for requirement in map(Requirement, texts):
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield canonicalize_name(requirement.name), frozenset(requirement.extras)


def light() -> frozenset[str]:
    """Every distribution that `pip install '.[verify]'` brings, by what each one requires."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["verify"]]
    found: set[tuple[str, frozenset[str]]] = set()
    new = set(required(asked))
    while new:
        found |= new
        below = [
            next_one
            for name, extras in new
            for extra in ("", *extras)
            for next_one in required(requires(name) or [], extra)
        ]
        new = set(below) - found
    return frozenset(name for name, _ in found)


def modules(distributions: frozenset[str]) -> list[str]:
    return [
        module
        for module, owners in packages_distributions().items()
        if distributions & {canonicalize_name(owner) for owner in owners}
    ]


def alone(folder: Path, *words: str | Path) -> tuple[int, str]:
    """Exit code and output of the command, where nothing else is installed."""
    known = " ".join(["assay", *modules(light())])
    done = subprocess.run(
        [sys.executable, "-c", ALONE, known, *map(str, words)],
        cwd=folder,
        env={"PATH": str(folder), "HOME": str(folder), "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_light_install_is_light() -> None:
    found = light()
    assert {"cryptography", "pyarrow", "cffi"} <= found
    assert not found & {"torch", "mlflow", "prefect", "pandas", "requests", "opa-python-client"}
    assert len(found) < 30


def test_help_takes_no_more(tmp_path: Path) -> None:
    code, told = alone(tmp_path, "--help")
    assert code == 0
    assert "verify" in told


def test_it_verifies_a_bundle_and_computes_every_number_again(tmp_path: Path) -> None:
    asked = ("--trust", TRUST, "--outcomes", OUTCOMES, "--at", HELD)
    code, told = alone(tmp_path, "verify", BUNDLE, *asked)
    assert code == 0, told
    assert "credit/1: signatures and bytes verified, numbers recomputed" in told
    assert "as of 2026-11-25 03:36:00 UTC: approved by approver, until 2026-12-25" in told


def test_it_refuses_what_was_changed(tmp_path: Path) -> None:
    with tarfile.open(BUNDLE) as tar:
        tar.extractall(tmp_path / "bundle", filter="data")
    shutil.copyfile(
        tmp_path / "bundle/evidence/stress.json", tmp_path / "bundle/evidence/utility.json"
    )
    code, told = alone(tmp_path, "verify", tmp_path / "bundle", "--trust", TRUST, "--at", HELD)
    assert (code, "[other_evidence]" in told) == (1, True), told


def test_what_takes_the_whole_install_says_so(tmp_path: Path) -> None:
    code, told = alone(tmp_path, "keys", "list")
    assert code == 3
    assert re.search(r"\[not_installed\] expected the module \w+, found none", told), told


@pytest.mark.slow
def test_a_fresh_environment_of_the_lock_is_enough(tmp_path: Path) -> None:
    """Takes the package index."""
    source, made = tmp_path / "source", tmp_path / "light"
    source.mkdir()
    shutil.copytree(REPOSITORY / "assay", source / "assay")
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(REPOSITORY / name, source / name)
    uv = [str(Path(sys.executable).parent / "uv")]
    lock = ["--constraint", str(REPOSITORY / "requirements.lock")]
    into = ["--python", str(made / "bin" / "python")]
    for command in (
        [*uv, "venv", "--quiet", "--python", sys.executable, str(made)],
        [*uv, "pip", "install", "--quiet", *into, *lock, f"{source}[verify]"],
    ):
        subprocess.run(command, cwd=tmp_path, check=True, timeout=600)
    listed = subprocess.run(
        [*uv, "pip", "freeze", *into], capture_output=True, text=True, check=True
    ).stdout
    names = {canonicalize_name(re.split(r"==| @ ", line)[0]) for line in listed.splitlines()}
    assert names == light() | {"assay"}
    command = [made / "bin" / "assay", "verify", BUNDLE, "--trust", TRUST, "--at", HELD]
    done = subprocess.run(
        [*map(str, command), "--outcomes", str(OUTCOMES)],
        cwd=tmp_path,
        env={"PATH": str(tmp_path), "HOME": os.environ["HOME"]},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "numbers recomputed" in done.stdout
