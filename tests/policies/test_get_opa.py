"""A genuine OPA that is new enough is found, or built once, or its absence is told."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from assay.home import REPOSITORY

SCRIPT = REPOSITORY / "tools" / "get_opa.sh"
BUILDS = """
case "$1" in
env) echo go1.26.0 ;;
install)
  env >"$HOME/../told"
  echo "$@" >>"$HOME/../told"
  mkdir -p "$GOBIN"
  printf '#!/bin/sh\\necho "Version: %s"\\n' "{built}" >"$GOBIN/opa"
  chmod +x "$GOBIN/opa"
  ;;
esac
"""


def program(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def opa(folder: Path, version: str) -> Path:
    return program(folder, "opa", f'echo "Version: {version}"\necho "Build Commit: "')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder on PATH, with a Python that can make no environment."""
    program(tmp_path / "path", "go", "exit 1")
    program(tmp_path / "path", "python3", "echo no venv here; exit 1")
    return tmp_path / "path"


def run(path: Path, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    scratch = path.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    environment = {"PATH": f"{path}:/usr/bin:/bin", "TMPDIR": str(scratch), **variables}
    return subprocess.run(
        [SCRIPT, *arguments], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("version", ["1.22.2", "1.22.10", "1.23.0", "10.0.0"])
def test_takes_what_is_on_the_path(path: Path, tmp_path: Path, version: str) -> None:
    found = opa(path, version)
    ran = run(path, tmp_path / "bin")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"{found}\n", "")
    assert not (tmp_path / "bin").exists()


def test_takes_what_is_in_the_folder(path: Path, tmp_path: Path) -> None:
    opa(path, "1.0.0")
    found = opa(tmp_path / "bin", "1.22.2")
    ran = run(path, tmp_path / "bin")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"{found}\n", "")


def test_builds_once(path: Path, tmp_path: Path) -> None:
    opa(path, "1.22.1")
    program(path, "go", BUILDS.format(built="1.22.2"))
    ran = run(path, tmp_path / "bin", GOFLAGS="-mod=mod", GOPROXY="https://proxy.example")
    assert (ran.returncode, ran.stdout) == (0, f"{tmp_path}/bin/opa\n")
    assert f"found 1.22.1 at {path}/opa" in ran.stderr
    told = (tmp_path / "scratch" / "told").read_text().splitlines()
    assert told[-1].endswith("github.com/open-policy-agent/opa@v1.22.2")
    assert {"GOFLAGS=", "GOPROXY=https://proxy.example", "GOTOOLCHAIN=local"} <= set(told)
    program(path, "go", "exit 1")
    again = run(path, tmp_path / "bin")
    assert (again.returncode, again.stdout, again.stderr) == (0, f"{tmp_path}/bin/opa\n", "")


BUILDERS = {
    "no Go": ("exit 1", "no Go 1.26.0, and no venv: no venv here"),
    "an old Go": ("echo go1.25.9", "no Go 1.26.0"),
    "a Go that says nothing": ("true", "no Go 1.26.0"),
    "a Go that fails": (
        'test "$1" = env && echo go1.26.0 || { echo no network; exit 1; }',
        "OPA 1.22.2 did not build",
    ),
    "a Go that builds another": (BUILDS.format(built="1.22.1"), "does not say that it is OPA"),
    "a Go that builds nonsense": (BUILDS.format(built="new"), "does not say that it is OPA"),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_says_why_there_is_none(path: Path, tmp_path: Path, name: str) -> None:
    text, reason = BUILDERS[name]
    program(path, "go", text)
    ran = run(path, tmp_path / "bin")
    assert (ran.returncode, ran.stdout) == (3, "")
    assert reason in ran.stderr
    assert not (tmp_path / "bin").exists()
    assert [one.name for one in (tmp_path / "scratch").iterdir() if one.is_dir()] == []


@pytest.mark.parametrize("arguments", [[], ["a", "b"]])
def test_asks_for_a_folder(path: Path, arguments: list[str]) -> None:
    ran = run(path, *arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "usage" in ran.stderr


def test_can_be_run() -> None:
    assert os.access(SCRIPT, os.X_OK)
