"""Every import law catches what it forbids, and leaves no module and no library out."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.home import REPOSITORY

LAWS: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"][
    "importlinter"
]
CONTRACTS = {contract["name"]: contract for contract in LAWS["contracts"]}
HOMES = [contract for contract in CONTRACTS.values() if contract["type"] == "protected"]
LIBRARIES = {library for home in HOMES for library in home["protected_modules"]}
LAYERS = next(contract for contract in CONTRACTS.values() if contract["type"] == "layers")
PLANTED = {
    "assay/evidence/dsse.py": ("numpy",),
    "assay/ledger/chain.py": tuple(sorted(LIBRARIES)),
    "assay/measures/bounds.py": ("assay.draft",),  # reaches pandas by another module
    "assay/policy/judge.py": ("fairlearn", "assay.registry.names"),
    "tasks/evaluation/sitting.py": ("mlflow", "prefect"),
    "tasks/gating/table.py": ("prefect", "torch"),
    "tasks/training/loop.py": ("prefect", "mlflow", "tasks.evaluation.asked"),
    "flows/promote.py": ("mlflow", "opa_client"),
}


def lint(root: Path) -> str:
    """What import-linter says of a checkout, on long lines."""
    command = Path(sys.executable).with_name("lint-imports")
    found = subprocess.run(
        [command, "--no-cache", "--no-logo"],
        cwd=root,
        env={**os.environ, "COLUMNS": "1000", "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert bool(found.returncode) is ("BROKEN" in found.stdout), found.stderr
    return found.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("checkout")
    shutil.copy(REPOSITORY / "pyproject.toml", root)
    for package in LAWS["root_packages"]:
        shutil.copytree(
            REPOSITORY / package, root / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    return root


@pytest.fixture(scope="module")
def lawful(copy: Path) -> str:
    return lint(copy)


@pytest.fixture(scope="module")
def broken(copy: Path, lawful: str) -> str:
    for name, imports in PLANTED.items():
        with (copy / name).open("a") as module:
            module.writelines(f"\n\ndef later():\n    import {name}\n" for name in imports)
    return lint(copy)


def test_the_code_keeps_every_law(lawful: str) -> None:
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in lawful


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_law_is_broken_by_what_it_forbids(name: str, broken: str) -> None:
    assert f"{name} BROKEN" in broken


@pytest.mark.parametrize(
    ("importer", "imported"),
    [(path, name) for path, names in PLANTED.items() for name in names],
)
def test_every_planted_import_is_named(importer: str, imported: str, broken: str) -> None:
    module = importer.removesuffix(".py").replace("/", ".")
    assert re.search(rf"{re.escape(module)} -> {re.escape(imported)}\b", broken)


def imported_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(name), level=0):
                yield name


def test_every_library_has_a_home_and_every_home_a_library() -> None:
    own = set(LAWS["root_packages"])
    files = [file for package in own for file in (REPOSITORY / package).rglob("*.py")]
    names = {name for file in files for name in imported_names(ast.parse(file.read_text()))}
    used = {name.partition(".")[0] for name in names}
    assert used - own - sys.stdlib_module_names == LIBRARIES


def test_every_module_has_its_layer() -> None:
    layers = {name for layer in LAYERS["layers"] for name in layer.split(" | ")}
    for package in {*LAWS["root_packages"]} - layers:
        inside = {path.stem for path in (REPOSITORY / package).iterdir()}
        modules = {f"{package}.{name}" for name in inside if not name.startswith("__")}
        assert modules <= layers
