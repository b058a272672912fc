"""Whatever is wrong with a pipeline or a table, it is refused by its word, and nothing is left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.errors import AssayError, InputError, Refused
from assay.home import Home
from assay.sources import CACHE, locate
from assay.spec import load_spec
from benchmarks.plain_line import measure
from tests.line.conftest import Site, shipped
from tests.line.stranger import LABEL, Stranger, borrowers, hasten


def tree(home: Home) -> dict[str, bytes]:
    """Every file of a home, by name, but the log of who opened what."""
    files = (path for path in home.root.rglob("*") if path.is_file() and path != home.access)
    return {str(path.relative_to(home.root)): path.read_bytes() for path in files}


def put(*path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """The hasty declaration with one key set."""

    def change(declared: dict[str, Any]) -> None:
        hasten(declared)
        for key in path[:-1]:
            declared = declared[key]
        declared[path[-1]] = value

    return change


def without(*path: str) -> Callable[[dict[str, Any]], None]:
    """The hasty declaration without one key."""

    def change(declared: dict[str, Any]) -> None:
        hasten(declared)
        for key in path[:-1]:
            declared = declared[key]
        del declared[path[-1]]

    return change


def write(name: str, content: bytes) -> Callable[[Path, Home], None]:
    """A file of the pipeline's folder with other bytes."""
    return lambda folder, _home: (folder / name).write_bytes(content) and None


def remove(name: str) -> Callable[[Path, Home], None]:
    return lambda folder, _home: (folder / name).unlink()


def folder_instead(folder: Path, _home: Home) -> None:
    (folder / "borrowers.csv").unlink()
    (folder / "borrowers.csv").mkdir()


def pipe_instead(folder: Path, _home: Home) -> None:
    (folder / "borrowers.csv").unlink()
    os.mkfifo(folder / "borrowers.csv")


def no_key(_folder: Path, home: Home) -> None:
    (home.keys / "split.key").unlink()


def no_policy(_folder: Path, home: Home) -> None:
    shutil.rmtree(home.policy)


def unharmed(_folder: Path, _home: Home) -> None:
    pass


@dataclass(frozen=True)
class Bad:
    """A way to be wrong.

    Attributes:
        code: The refusal's word.
        error: Its class: usage or answer.
        rows: Changes the table.
        declare: Changes the declaration.
        harm: Changes files of the pipeline's folder, or of the home.
    """

    code: str
    error: type[AssayError] = InputError
    rows: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    declare: Callable[[dict[str, Any]], None] = hasten
    harm: Callable[[Path, Home], None] = unharmed


BAD = {
    # The declaration.
    "no pipeline": Bad("no_pipeline", harm=remove("borrowers.yaml")),
    "no YAML": Bad("bad_yaml", harm=write("borrowers.yaml", b"model: [")),
    "no declaration": Bad("bad_pipeline", harm=write("borrowers.yaml", b"model: borrowers")),
    "unknown key": Bad("bad_pipeline", declare=put("privacy", "epsilom", value=3)),
    "missing key": Bad("bad_pipeline", declare=without("evaluation", "robustness", "costs")),
    "epsilon 0": Bad("bad_pipeline", declare=put("privacy", "epsilon", value=0)),
    "epsilon negative": Bad("bad_pipeline", declare=put("privacy", "epsilon", value=-1)),
    "delta .5": Bad("bad_pipeline", declare=put("privacy", "delta", value=0.5)),
    "unknown mechanism": Bad("bad_pipeline", declare=put("privacy", "mechanism", value="noise")),
    "unknown model": Bad("unknown_model", Refused, declare=put("model", value="lenders")),
    "unknown family": Bad("unknown_family", declare=put("training", "family", value="mpl")),
    "unknown augmentation": Bad(
        "unknown_attack", declare=put("training", "augmentation", "attack", value="fgsm")
    ),
    "unknown attack": Bad(
        "unknown_attack", declare=put("evaluation", "robustness", "attacks", value=["fgsm"])
    ),
    "unknown corruption": Bad(
        "unknown_corruption", declare=put("evaluation", "stress", "corruptions", value=["mising"])
    ),
    "unknown inference": Bad(
        "unknown_attack", declare=put("evaluation", "membership", "attacks", value=["loss"])
    ),
    "label of another": Bad("policy_differs", declare=put("data", "label", value="loss")),
    "unit of another": Bad("policy_differs", declare=put("data", "unit", value=None)),
    "sensitive dropped": Bad("sensitive_absent", declare=without("data", "columns", "sex")),
    "sensitive a feature": Bad(
        "policy_differs", declare=put("data", "columns", "sex", "use", value="feature")
    ),
    "suite outside": Bad("path_outside", declare=put("data", "suite", value="../../x.json")),
    "unknown data": Bad("unknown_data", declare=put("data", "source", value="uci-kredit")),
    # The suite.
    "no suite": Bad("no_suite", harm=remove("borrowers.suite.json")),
    "empty suite": Bad("bad_suite", harm=write("borrowers.suite.json", b"{}")),
    # The table.
    "no table": Bad("no_data", harm=remove("borrowers.csv")),
    "a folder": Bad("no_data", harm=folder_instead),
    "a pipe": Bad("no_data", harm=pipe_instead),
    "nothing in it": Bad("empty_data", harm=write("borrowers.csv", b"")),
    "other bytes": Bad("bad_table", harm=write("borrowers.csv", b"\x00\xff\xfe" * 99)),
    "no rows": Bad("empty_data", rows=lambda f: f.iloc[:0]),
    "column gone": Bad("wrong_columns", rows=lambda f: f.drop(columns="debt")),
    "column more": Bad("wrong_columns", rows=lambda f: f.assign(extra=1)),
    "sensitive gone": Bad("wrong_columns", rows=lambda f: f.drop(columns="sex")),
    "text for numbers": Bad("wrong_dtype", rows=lambda f: f.assign(income="much")),
    "all null": Bad("empty_column", rows=lambda f: f.assign(late=np.nan)),
    "one class": Bad("one_class", rows=lambda f: f.assign(**{LABEL: 1})),
    "label of three": Bad("bad_label", rows=lambda f: f.assign(**{LABEL: f["late"]})),
    "one person": Bad("data_invalid", Refused, rows=lambda f: f.assign(client="C1")),
    "few rows": Bad("data_invalid", Refused, rows=lambda f: f.iloc[:60]),
    "out of range": Bad("data_invalid", Refused, rows=lambda f: f.assign(income=10**7)),
    # The home.
    "no split key": Bad("no_key", harm=no_key),
    "no policy": Bad("no_policy", harm=no_policy),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_and_leaves_nothing(
    name: str, small: Site, stranger: Stranger, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bad = BAD[name]
    rows = None if bad.rows is None else bad.rows(borrowers())
    lay_out(stranger, tmp_path, rows, bad.declare)
    bad.harm(tmp_path, small.home)
    before = tree(small.home)
    with pytest.raises(bad.error) as caught:
        measure(load_spec(tmp_path / "borrowers.yaml"), small.home)
    assert caught.value.code == bad.code
    assert tree(small.home) == before
    told = f"{caught.value}{''.join(capfd.readouterr())}"
    assert any(word in told for word in ("expected", "Input should be", "unknown key"))
    assert not any(cell in told for cell in ("C000", "C1", "call", "much", "10000000"))


def lay_out(
    stranger: Stranger,
    folder: Path,
    rows: pd.DataFrame | None,
    declare: Callable[[dict[str, Any]], None],
) -> None:
    """As `Stranger.copy`, also where the declaration cannot be read."""
    try:
        stranger.copy(folder, rows, declare)
    except InputError:
        assert (folder / "borrowers.yaml").is_file()


def test_packaged_data_of_another_checksum_is_refused(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = shipped("mortgage")
    table = locate(spec)
    other = tmp_path / "boston-mortgage" / table.name
    other.parent.mkdir()
    other.write_bytes(table.read_bytes()[:-1] + b"?")
    monkeypatch.setenv(CACHE, str(tmp_path))
    before = tree(site.home)
    with pytest.raises(InputError, match="wrong_checksum"):
        measure(spec, site.home)
    assert tree(site.home) == before


def test_rows_for_one_part_only_are_told_before_epsilon_is_spent(
    small: Site, stranger: Stranger, tmp_path: Path
) -> None:
    lost = put("training", "held_out", value=0.9999)
    with pytest.raises(InputError, match="too_few_rows"):
        measure(stranger.copy(tmp_path, declare=lost), small.home)
    assert [entry.kind for entry in small.ledger.entries()] == ["split"]


def test_training_that_fails_leaves_its_release_and_spends_no_look(
    small: Site, stranger: Stranger, tmp_path: Path
) -> None:
    def drawn(declared: dict[str, Any]) -> None:
        hasten(declared)
        declared["privacy"]["rows"] = 1000

    def lost(declared: dict[str, Any]) -> None:
        """One row is left to fit."""
        drawn(declared)
        declared["training"]["held_out"] = 0.999

    spec = stranger.copy(tmp_path, declare=drawn)
    with pytest.raises(InputError, match="one_class"):
        measure(stranger.copy(tmp_path, declare=lost), small.home)
    kinds = [entry.kind for entry in small.ledger.entries()]
    assert kinds == ["split", "release_reserved", "release_stored"]
    candidates = small.home.root / "candidates"
    assert not candidates.exists() or not any(candidates.iterdir())
    assert measure(spec, small.home).refused == {}
    assert [entry.kind for entry in small.ledger.entries()] == [*kinds, "look"]


def test_what_undercuts_a_floor_is_measured_and_denied(
    small: Site, stranger: Stranger, tmp_path: Path
) -> None:
    def loosen(declared: dict[str, Any]) -> None:
        hasten(declared)
        declared["privacy"] |= {"delta": 0.4}
        declared["evaluation"]["stress"]["corruptions"] = ["noise"]

    run = small.run(stranger.copy(tmp_path, declare=loosen))
    gates = run.decision.gates
    assert not run.decision.allowed
    assert gates["robustness"].code == gates["stress"].code == "floor_undercut"
    assert (gates["privacy"].verdict, gates["privacy"].code) == ("FAIL", "above_bar")
