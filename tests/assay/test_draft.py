"""A table that nobody has seen gets a pipeline, a suite and a policy row that hold on it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from assay.draft import Draft, draft
from assay.errors import InputError
from assay.evidence.keys import make_keys
from assay.home import REPOSITORY, Home
from assay.ledger import Ledger
from assay.policy.rules import parse_rules
from assay.spec import PipelineSpec, load_spec
from tasks.validation.validate import validate


def table(n: int = 1500, seed: int = 3) -> pd.DataFrame:
    """Every kind of column that a stranger's table may hold."""
    rng = np.random.default_rng(seed)
    income = np.exp(rng.normal(8, 1.2, n)).round()
    return pd.DataFrame(
        {
            "client no": rng.permutation(n) + 1000,
            "second_id": rng.permutation(n),
            "income": income,
            "balance": np.where(rng.random(n) < 0.05, np.nan, rng.normal(0, 900, n).round(2)),
            "children": rng.poisson(1.2, n).clip(0, 6),
            "owner": rng.integers(0, 2, n),
            "region: größe": rng.choice(["NO", "null", "a, b", "ø #1"], n),
            "job": rng.choice(["x", "y", "z", "rare"], n, p=[0.5, 0.3, 0.198, 0.002]),
            "age": rng.integers(18, 90, n),
            "sex": rng.choice(["f", "m"], n),
            "opened": pd.date_range("2020-01-01", periods=n).strftime("%Y-%m-%d"),
            "remark": [f"call {k} back" for k in rng.integers(0, 999, n)],
            "unit": 1 + rng.integers(0, 3, n),
            "country": "NO",
            "bad": (rng.random(n) < 0.3).astype(int),
        }
    )


def save(folder: Path, frame: pd.DataFrame, name: str = "Loans 2024.csv") -> Path:
    file = folder / name
    if name.endswith(".parquet"):
        frame.to_parquet(file)
    else:
        frame.to_csv(file, index=False)
    return file


def load(folder: Path, drafted: Draft) -> PipelineSpec:
    (folder / f"{drafted.name}.yaml").write_text(drafted.pipeline)
    (folder / f"{drafted.name}.suite.json").write_text(drafted.suite)
    return load_spec(folder / f"{drafted.name}.yaml")


@pytest.mark.parametrize("name", ["Loans 2024.csv", "loans.parquet", "2024.csv.bz2"])
def test_a_draft_loads_and_passes_validation_on_its_own_file(tmp_path: Path, name: str) -> None:
    drafted = draft(save(tmp_path, table(), name), "bad", ["age", "sex"])
    spec = load(tmp_path, drafted)
    policy = json.loads((REPOSITORY / "policies" / "data.json").read_text())
    policy["models"] |= json.loads(drafted.rules)
    rules = parse_rules(json.dumps(policy).encode()).models[spec.model]
    home = Home(tmp_path / "home").create()
    make_keys(home)
    Ledger.create(home)
    splits, evidence = validate(spec, rules, home, 1_700_000_000, lambda _message, _share: None)
    assert splits.train.n + splits.development.n + splits.holdout.n == 1500
    assert evidence.config["expectations"] >= 10


def test_kinds_units_and_reasons(tmp_path: Path) -> None:
    drafted = draft(save(tmp_path, table()), "bad", ["age", "sex"])
    assert drafted.name == "loans-2024"
    spec = load(tmp_path, drafted)
    assert (spec.model, spec.data.label, spec.data.unit) == ("loans-2024", "bad", "client no")
    assert {name: column.kind for name, column in spec.data.columns.items()} == {
        "income": "number",
        "balance": "number",
        "children": "ordinal",
        "owner": "category",
        "region: größe": "category",
        "job": "category",
        "age": "number",
        "sex": "category",
    }
    assert set(spec.data.drop) == {"second_id", "opened", "remark", "unit", "country"}
    assert not {"age", "sex"} & set(spec.features())
    assert spec.data.columns["region: größe"].values == ("NO", "a, b", "null", "ø #1")
    assert spec.data.columns["job"].merge == {"rare": "other"}
    assert spec.data.columns["balance"].nulls
    assert spec.privacy.mechanism == "synthetic"


def test_the_answer_under_another_name_is_left_out(tmp_path: Path) -> None:
    frame = table().assign(
        rejected=lambda f: 1 - f["bad"], days_late=lambda f: f["bad"] * (30 + f["age"])
    )
    drafted = draft(save(tmp_path, frame), "bad", ["sex"])
    assert {"rejected", "days_late"} <= set(load(tmp_path, drafted).data.drop)
    assert any("rejected" in asked for asked in drafted.questions)


def test_what_a_file_cannot_tell_is_asked(tmp_path: Path) -> None:
    asked = " ".join(draft(save(tmp_path, table()), "bad", ["age", "sex"]).questions)
    for word in (
        "bad",
        "client no",
        "remark",
        "opened",
        "public",
        "age",
        "move",
        "after the answer",
    ):
        assert word in asked


def test_the_row_is_strict_where_the_file_is_silent(tmp_path: Path) -> None:
    drafted = draft(save(tmp_path, table()), "bad", ["age", "sex"])
    row = json.loads(drafted.rules)["loans-2024"]
    assert {name: way["moves"] for name, way in row["mutable"].items()} == {
        "income": "any",
        "balance": "any",
    }
    declared = yaml.safe_load(drafted.pipeline)["data"]["columns"]
    for name, way in row["mutable"].items():
        assert way["edges"] == declared[name]["edges"]
        assert way.get("integer", False) == declared[name].get("integer", False)
    assert row["groups"]["sex"] == {"values": ["f", "m"]}
    (edge,) = row["groups"]["age"]["edges"]
    assert 45 <= edge <= 60
    assert row["products"] == [["age", "sex"]]
    assert row["unit"] == "client no"


def test_no_cell_of_a_person_is_in_a_draft(tmp_path: Path) -> None:
    drafted = draft(save(tmp_path, table()), "bad", ["age", "sex"])
    told = drafted.pipeline + drafted.suite + drafted.rules + " ".join(drafted.questions)
    assert "back" not in told
    assert str(table()["balance"].max()) not in told


def test_the_order_of_rows_changes_nothing(tmp_path: Path) -> None:
    first = draft(save(tmp_path, table()), "bad", ["sex"])
    again = draft(save(tmp_path, table().sample(frac=1, random_state=1)), "bad", ["sex"])
    assert first == again


@pytest.mark.parametrize(
    ("frame", "label", "sensitive", "code"),
    [
        (table(), "good", ["sex"], "wrong_columns"),
        (table(), "bad", ["race"], "wrong_columns"),
        (table(), "bad", [], "sensitive_absent"),
        (table(), "bad", ["bad"], "wrong_columns"),
        (table(), "sex", ["age"], "bad_label"),
        (table(), "children", ["sex"], "bad_label"),
        (table().assign(bad=lambda f: f["bad"].where(f["bad"] > 0)), "bad", ["sex"], "bad_label"),
        (table().assign(bad=1), "bad", ["sex"], "too_few_rows"),
        (table(60), "bad", ["sex"], "too_few_rows"),
        (table(), "bad", ["remark"], "no_draft"),
        (table(), "bad", ["country"], "no_draft"),
        (table(), "bad", ["unit"], "no_draft"),
        (table(), "bad", ["client no"], "no_draft"),
        (table()[["client no", "sex", "bad"]], "bad", ["sex"], "no_draft"),
        (table()[["client no", "sex", "bad", "job"]], "bad", ["sex"], "no_draft"),
        (table().rename(columns={"job": "a\tb"}), "bad", ["sex"], "wrong_columns"),
    ],
)
def test_what_cannot_be_drafted_is_refused(
    tmp_path: Path, frame: pd.DataFrame, label: str, sensitive: list[str], code: str
) -> None:
    with pytest.raises(InputError) as caught:
        draft(save(tmp_path, frame), label, sensitive)
    assert caught.value.code == code


def test_a_draft_reads_alike_for_every_yaml_reader(tmp_path: Path) -> None:
    drafted = draft(save(tmp_path, table()), "bad", ["age", "sex"])
    plain = yaml.safe_load(drafted.pipeline)
    ours = load(tmp_path, drafted).data.columns
    assert [*plain["data"]["columns"]] == [*ours]
    for name, column in plain["data"]["columns"].items():
        assert tuple(column.get("values", ())) == ours[name].values
        assert tuple(column.get("edges", ())) == ours[name].edges
