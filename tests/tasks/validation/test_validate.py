"""Raw rows in, sealed splits and their evidence out, or a refusal that leaves nothing behind."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.errors import AssayError, InputError, Refused
from assay.evidence.digest import digest_file
from assay.evidence.statement import evidence_of
from assay.evidence.values import Exact
from assay.home import REPOSITORY, Home
from assay.measures import MEASURES, Request, read_outcomes
from assay.policy.rules import ModelRules, parse_rules
from assay.sources import fetch
from assay.spec import load_spec
from assay.tables import read_table
from tasks.validation.split import PARTS
from tasks.validation.suite import load_suite
from tasks.validation.validate import validate
from tests.tasks.validation.loans import (
    NOW,
    PIPELINE,
    ROWS,
    RULES,
    SUITE,
    Case,
    changed,
    expectation,
    lay_out,
    table,
)


def spoiled(**cells: Any) -> pd.DataFrame:
    """The table with the first cell of some columns replaced."""
    frame = table()
    for column, value in cells.items():
        values = frame[column].astype(object)
        values.iloc[0] = value
        frame[column] = values.infer_objects()
    return frame


def files(home: Home) -> list[Path]:
    return [f for f in home.root.rglob("*") if f.is_file() and home.keys not in f.parents]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return lay_out(tmp_path, table())


def test_splits_are_disjoint_whole_and_as_declared(case: Case) -> None:
    splits, _ = case.run()
    told = read_outcomes(case.home.sealed_outcomes, splits.manifest).to_pandas()
    assert len(told) == ROWS
    assert told["row"].is_unique
    rows = []
    for part in PARTS:
        dataset = getattr(splits, part)
        frame = read_table(dataset.path)
        assert (dataset.split, dataset.n, dataset.name) == (part, len(frame), "loans.csv")
        assert dataset.schema == case.spec.schema_digest()
        assert set(frame["row"]) == set(told.loc[told["part"] == part, "row"])
        assert [*frame] == [
            *("income", "debt", "grade", "city", "age", "race", "bad", "row", "unit"),
            *("group:age", "group:race"),
        ]
        rows.append(frame)
    whole = pd.concat(rows)
    assert len(whole) == ROWS
    assert sorted(whole["income"]) == sorted(table()["income"])
    assert set(whole["group:age"]) == {"<35", ">=35"}
    assert ((whole["age"] < 35) == (whole["group:age"] == "<35")).all()


def test_neither_person_nor_dropped_column_is_in_a_split(case: Case) -> None:
    splits, _ = case.run()
    for part in PARTS:
        frame = read_table(getattr(splits, part).path)
        assert not {"person", "note"} & set(frame)
        assert "P0" not in frame.to_csv()


def test_evidence_says_what_was_read_asked_and_made(case: Case) -> None:
    splits, evidence = case.run()
    assert evidence.kind == "validation"
    assert evidence.subject.digest == evidence.materials["raw"]
    assert evidence.materials["raw"] == digest_file(case.spec.resolve("loans.csv"))
    assert evidence.materials["suite"] == load_suite(case.spec.resolve("loans.json")).digest
    assert evidence.materials["spec"] == case.spec.digest()
    for part in PARTS:
        assert evidence.materials[part] == getattr(splits, part).digest
    assert evidence.materials["outcomes:split"] == splits.manifest
    assert evidence.config == {
        "expectations": len(SUITE),
        "mostly_floor": 0.99,
        "shares": [0.5, 0.2, 0.3],
        "sensitive": ["age", "race"],
    }
    assert (evidence.started_at, evidence.finished_at) == (NOW, NOW)
    assert evidence_of(evidence.to_statement()) == evidence


def test_measurements_are_recomputed_from_the_tables(case: Case) -> None:
    _, evidence = case.run()
    tables, sources = {}, {}
    for name in ("split", "expectations"):
        sources[name] = evidence.materials[f"outcomes:{name}"]
        tables[name] = read_outcomes(case.home.sealed_outcomes, sources[name])
    groups = {"age": ("<35", ">=35"), "race": ("a", "b")}
    request = Request(0.01, 1, groups, (("age", "race"),), evidence.config, sources)
    assert MEASURES["validation"](tables, request) == evidence.measurements
    assert {name: m.value for name, m in evidence.measurements.items() if isinstance(m, Exact)} == {
        "failed_expectations": 0,
        "split_overlap": 0,
        "quarantined_share": 0.0,
    }


def test_the_same_table_gives_the_same_bytes(case: Case) -> None:
    first, evidence = case.run()
    before = sorted(files(case.home))
    second, again = case.run()
    assert first == second
    assert evidence == again
    assert sorted(files(case.home)) == before


def test_another_home_splits_otherwise(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    one, _ = lay_out(tmp_path / "one", table()).run()
    other, _ = lay_out(tmp_path / "other", table()).run()
    assert one.train.digest != other.train.digest


def test_sealed_files_are_for_their_owner(case: Case) -> None:
    case.run()
    made = files(case.home)
    sealed = [file for file in made if case.home.sealed_data.parent in file.parents]
    assert len(sealed) == 5
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in sealed)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"income": 95_000}, 1),
        ({"income": np.nan}, 1),
        ({"income": np.inf}, 1),
        ({"grade": 7}, 1),
        ({"age": np.nan}, 1),
        ({"race_a": 1, "race_b": 1}, 1),
        ({"income": -5, "grade": 8, "age": np.nan}, 1),
    ],
)
def test_a_broken_row_is_counted_and_stored_apart(
    tmp_path: Path, cells: dict[str, Any], expected: int
) -> None:
    case = lay_out(tmp_path, spoiled(**cells))
    splits, evidence = case.run()
    share = evidence.measurements["quarantined_share"]
    assert isinstance(share, Exact)
    assert share.value == expected / ROWS
    told = read_outcomes(case.home.sealed_outcomes, splits.manifest).to_pandas()
    assert (told["part"] == "quarantine").sum() == expected
    assert sum(getattr(splits, part).n for part in PARTS) == ROWS - expected
    apart = evidence.materials["quarantine"]
    assert read_outcomes(case.home.sealed_data, apart)["person"].to_pylist() == ["P00000"]


def test_a_quarantined_row_moves_nobody_else(tmp_path: Path) -> None:
    case = lay_out(tmp_path, table())
    before = read_outcomes(case.home.sealed_outcomes, case.run()[0].manifest).to_pandas()
    spoilt = lay_out(tmp_path, spoiled(income=95_000))
    after = read_outcomes(spoilt.home.sealed_outcomes, spoilt.run()[0].manifest).to_pandas()
    assert (before["part"][1:] == after["part"][1:]).all()


def test_repeated_rows_stay_in_one_part(tmp_path: Path) -> None:
    frame = table()
    double = frame.assign(person=[f"Q{k}" for k in range(ROWS)], bad=1 - frame["bad"])
    case = lay_out(tmp_path, pd.concat([frame, double], ignore_index=True))
    splits, evidence = case.run()
    told = read_outcomes(case.home.sealed_outcomes, splits.manifest).to_pandas()
    assert (told["part"][:ROWS].to_numpy() == told["part"][ROWS:].to_numpy()).all()
    assert told["unit"].nunique() == ROWS
    overlap = evidence.measurements["split_overlap"]
    assert isinstance(overlap, Exact)
    assert overlap.value == 0


def without_person(base: dict[str, Any]) -> dict[str, Any]:
    data = base["data"]
    return {**base, "data": {**data, "unit": None, "drop": [*data["drop"], "person"]}}


def test_each_row_may_be_a_unit(tmp_path: Path) -> None:
    case = lay_out(
        tmp_path,
        table(),
        pipeline=without_person(PIPELINE),
        rules=changed("unit", "row", RULES),
    )
    splits, _ = case.run()
    told = read_outcomes(case.home.sealed_outcomes, splits.manifest).to_pandas()
    assert told["unit"].nunique() == ROWS


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (table().drop(columns="income"), "wrong_columns"),
        (table().drop(columns="age"), "wrong_columns"),
        (table().assign(extra=1), "wrong_columns"),
        (table().assign(income="much"), "wrong_dtype"),
        (table().assign(debt=np.nan), "empty_column"),
        (table().assign(bad=1), "one_class"),
        (table().assign(bad=7), "bad_label"),
        (table().iloc[:0], "empty_data"),
        (table().assign(income=99_999), "data_invalid"),
        (table().assign(city="west"), "data_invalid"),
        (table().assign(race_c=1), "data_invalid"),
        (table(30), "data_invalid"),
        (pd.concat([table(), table()]).assign(income=lambda f: f["income"] * 3), "data_invalid"),
        (spoiled(city="west"), "data_invalid"),
        (spoiled(age=17), "data_invalid"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_data_is_refused_and_nothing_is_left(
    tmp_path: Path, frame: pd.DataFrame, code: str, capfd: pytest.CaptureFixture[str]
) -> None:
    case = lay_out(tmp_path, frame)
    before = sorted(files(case.home))
    with pytest.raises(AssayError) as caught:
        case.run()
    assert caught.value.code == code
    assert sorted(files(case.home)) == before
    told = capfd.readouterr()
    for text in (str(caught.value), told.out, told.err):
        assert not any(cell in text for cell in ("P00000", "99999", "west", "much"))


def test_an_unreadable_table_is_refused(case: Case) -> None:
    case.spec.resolve("loans.csv").write_bytes(b"person,income\nP00000\n")
    with pytest.raises(InputError, match="bad_table"):
        case.run()
    case.spec.resolve("loans.csv").unlink()
    with pytest.raises(InputError, match="no_data"):
        case.run()


def test_a_group_that_the_policy_does_not_name_is_refused(tmp_path: Path) -> None:
    rules = changed("groups.race", {"values": ["a", "c"]}, RULES)
    with pytest.raises(Refused, match=r"race among the policy's groups a, c, found \d+ rows"):
        lay_out(tmp_path, table(), rules=rules).run()


def test_too_few_rows_of_a_label_are_refused(tmp_path: Path) -> None:
    frame = table(60).assign(bad=[1] + [0] * 59)
    with pytest.raises(Refused, match="both labels in the"):
        lay_out(tmp_path, frame).run()


def test_a_weak_suite_is_refused_before_the_table_is_read(tmp_path: Path) -> None:
    case = lay_out(tmp_path, table(), suite=SUITE[:-1])
    case.spec.resolve("loans.csv").unlink()
    with pytest.raises(InputError, match="bad_suite"):
        case.run()


def test_without_the_homes_key_nothing_is_split(case: Case) -> None:
    (case.home.keys / "split.key").unlink()
    with pytest.raises(InputError, match="no_key"):
        case.run()


def test_an_expectation_of_our_own_refuses_a_table(tmp_path: Path) -> None:
    rare = expectation("repeated_rows_to_be_rare", ignore=["person"], max_share=0.01)
    frame = table()
    double = pd.concat([frame, frame.assign(person=[f"Q{k}" for k in range(ROWS)])])
    with pytest.raises(Refused, match="repeated_rows_to_be_rare"):
        lay_out(tmp_path, double, suite=[*SUITE, rare]).run()


def test_progress_moves_from_nothing_to_all(case: Case) -> None:
    heard: list[float] = []
    validate(case.spec, case.rules, case.home, NOW, lambda _message, share: heard.append(share))
    assert heard == sorted(heard)
    assert (heard[0], heard[-1]) == (0.0, 1.0)


REAL = {"credit": (30_000, 0), "credit-careless": (30_000, 0), "mortgage": (1_989, 16)}


@pytest.mark.parametrize("name", REAL)
def test_the_shipped_pipelines_validate_their_real_data(tmp_path: Path, name: str) -> None:
    spec = load_spec(REPOSITORY / "pipelines" / f"{name}.yaml")
    fetch(spec.data.source, False, lambda _message, _fraction: None)
    policy = parse_rules((REPOSITORY / "policies" / "data.json").read_bytes())
    rules: ModelRules = policy.models[spec.model]
    home = lay_out(tmp_path, table(60)).home
    splits, evidence = Case(spec, rules, home).run()
    rows, apart = REAL[name]
    shares = [getattr(splits, part).n / (rows - apart) for part in PARTS]
    assert np.allclose(shares, [0.5, 0.1, 0.4], atol=0.05)
    told = read_outcomes(home.sealed_outcomes, splits.manifest).to_pandas()
    assert (len(told), (told["part"] == "quarantine").sum()) == (rows, apart)
    share = evidence.measurements["quarantined_share"]
    assert isinstance(share, Exact)
    assert isinstance(share.value, float)
    assert share.value < 0.01
    if name == "credit":
        # 30,000 persons; rows that are equal in every declared column are one unit.
        assert told["unit"].nunique() == rows - 56
