"""A stage that was asked too little, or something else than was declared, proves nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from assay.evidence.digest import digest_json
from assay.home import REPOSITORY
from assay.policy.declared import misread
from assay.policy.floors import reaches
from assay.policy.rules import Floor
from assay.spec import Column, load_spec
from tests.assay.policy.submission import MODEL, Site, digest, the_policy

CREDIT = the_policy().model(MODEL)
CREDIT_YAML = REPOSITORY / "pipelines" / "credit.yaml"
LEVELS = range(-2, 9)
# kind, key, what was asked instead; None: the key is left out.
UNDERCUT: list[tuple[str, str, Any]] = [
    ("validation", "expectations", 9),
    ("validation", "sensitive", ["SEX", "AGE", "EDUCATION"]),
    ("validation", "sensitive", []),
    ("privacy", "neighbours", "replace_one"),
    ("privacy", "unit", "row"),
    ("robustness", "attacks", ["constrained_pgd"]),
    ("robustness", "attacks", ["feasible_search", "constrained_pgd_fast"]),
    ("robustness", "costs", [0.05, 0.1]),
    ("robustness", "costs", [0.05, 0.1, 0.1999]),
    ("robustness", "steps", 1),
    ("robustness", "restarts", 2),
    ("robustness", "queries", 10),
    ("robustness", "mutable", {"PAY_0": {"moves": "any", "values": [*LEVELS]}}),
    ("robustness", "mutable", dict.fromkeys(CREDIT.mutable, "any")),
    ("robustness", "mutable", CREDIT.attacked | {"PAY_0": {"moves": "up", "values": [*LEVELS]}}),
    ("robustness", "mutable", CREDIT.attacked | {"PAY_0": {"moves": "any", "values": [0, 1]}}),
    ("robustness", "mutable", CREDIT.attacked | {"LIMIT_BAL": {"moves": "up", "edges": [0, 1]}}),
    ("robustness", "mutable", {}),
    ("stress", "corruptions", ["missing", "noise", "out_of_range"]),
    ("stress", "severities", [1, 2]),
    ("fairness", "groups", ["SEX"]),
    ("fairness", "groups", ["SEX", "EDUCATION"]),
    ("fairness", "products", []),
    ("membership", "attacks", ["loss_low"]),
    ("membership", "fpr", 0.001),
]
ABSENT = [None, True, "30", [], {}, float(0)]
GATES = {"validation": "data_quality"}


def codes(site: Site, kind: str, **config: Any) -> set[str]:
    """The words against one kind, when it was asked something else and honestly says so."""
    return {denial.code for denial in site.claim(kind, site.with_config(kind, **config)).denials}


@pytest.mark.parametrize(("kind", "key", "value"), UNDERCUT)
def test_denies_a_floor_that_is_undercut(kind: str, key: str, value: Any, site: Site) -> None:
    assert "floor_undercut" in codes(site, kind, **{key: value})
    gates = site.gates(kind, site.with_config(kind, **{key: value}))
    assert gates[GATES.get(kind, kind)].code == "floor_undercut"


def test_does_not_build_what_a_stranger_declares(site: Site) -> None:
    """A configuration of a megabyte may not cost a gigabyte; it is denied, and quickly."""
    words = [f"c{i}" for i in range(20_000)]
    costs = [1 + i / 1024 for i in range(20_000)]
    for kind, config in {
        "stress": {"corruptions": words, "severities": list(range(1, 20_001))},
        "robustness": {"attacks": words, "costs": costs},
        "membership": {"attacks": words},
        "validation": {"expectations": 2**52},
    }.items():
        assert codes(site, kind, **config) & {"floor_undercut", "rows_missing", "malformed"}


@pytest.mark.parametrize("absent", ABSENT, ids=repr)
def test_denies_a_floor_that_is_absent_or_mistyped(absent: Any, site: Site) -> None:
    for kind, key in {(kind, key) for kind, key, _ in UNDERCUT}:
        assert "floor_undercut" in codes(site, kind, **{key: absent})


@pytest.mark.parametrize(
    ("rule", "value", "found", "reached"),
    [
        ("at_least", 30, 30, True),
        ("at_least", 30, 29.999, False),
        ("at_least", 1, True, False),
        ("at_most", 0.1, 0.1, True),
        ("at_most", 0.1, 0.2, False),
        ("at_most", 0.1, "0.01", False),
        ("equals", 0.01, 0.01, True),
        ("equals", 1, True, False),
        ("equals", "add_remove", "add_remove", True),
        ("equals", "add_remove", "add_remove ", False),
        ("contains", [1, 2], [2, 1, 3], True),
        ("contains", [1, 2], [1, True], False),
        ("contains", [1, 2], [1, "2"], False),
        ("contains", ["a"], "a", False),
        ("contains", ["a"], {"a": 1}, False),
        ("contains", ["a"], None, False),
    ],
)
def test_a_floor_is_reached_by_the_same_type_alone(
    rule: Any, value: Any, found: Any, reached: bool
) -> None:
    floor = Floor(evidence="stress", key="severities", rule=rule, value=value)
    assert reaches(found, floor) is reached


@pytest.mark.parametrize(
    "feature", ["SEX", "AGE", "EDUCATION", "MARRIAGE", "ID", "default-payment-next-month"]
)
def test_denies_a_feature_that_the_model_must_not_see(feature: str, site: Site) -> None:
    features = [*site.evidence["training"].config["features"], feature]
    gates = site.gates("training", site.with_config("training", features=features))
    assert gates["provenance"].code == gates["fairness"].code == "sensitive_feature"


@pytest.mark.parametrize("features", [None, [], "SEX", [1], {"PAY_0": 1}])
def test_denies_features_that_are_no_list_of_names(features: Any, site: Site) -> None:
    gates = site.gates("training", site.with_config("training", features=features))
    assert gates["provenance"].code == gates["fairness"].code == "malformed"


def test_denies_a_delta_at_which_epsilon_means_nothing(site: Site) -> None:
    """Honestly accounted: the number is right, and too large."""
    told = site.with_config("privacy", delta=0.5)
    config = {**told.config, "epsilon": 100}
    stated = replace(told, config=config, materials=declared(site, config))
    measured = replace(stated, measurements=site.measured("privacy", "outcomes", stated))
    gate = site.gates("privacy", measured)["privacy"]
    assert gate.code == "above_bar"
    assert {bar.measurement: bar.code for bar in gate.bars}["delta"] == "above_bar"


def test_denies_raw_rows_behind_any_reason(site: Site) -> None:
    config = {"mechanism": "none", "unit": "ID", "reason": "there was no time for it"}
    stated = replace(site.evidence["privacy"], config=config, materials=declared(site, config))
    measured = replace(stated, measurements=site.measured("privacy", "outcomes", stated))
    gate = site.gates("privacy", measured)["privacy"]
    codes = {bar.measurement: bar.code for bar in gate.bars}
    assert codes == {
        "mechanism": "not_allowed_value",
        "epsilon": "floor_undercut",
        "delta": "floor_undercut",
    }
    assert gate.verdict == "FAIL"


def declared(site: Site, config: Mapping[str, Any]) -> dict[str, str]:
    return {**site.evidence["privacy"].materials, "declaration": digest_json(config)}


OTHERWISE: list[tuple[str, str, Any]] = [
    ("validation", "shares", [0.9, 0.05, 0.05]),
    ("privacy", "mechanism", "none"),
    ("privacy", "epsilon", 2.5),
    ("privacy", "delta", 1e-7),
    ("privacy", "rows", 10),
    ("training", "family", "linear"),
    ("training", "features", ["PAY_0"]),
    ("training", "seed", 8),
    ("training", "epochs", 1),
    ("training", "commit", None),
    ("training", "commit", "main"),
    ("robustness", "steps", 31),
    ("robustness", "seed", 8),
    ("stress", "seed", None),
    ("robustness", "costs", [0.05, 0.1, 0.2, 0.3]),
    ("stress", "severities", [1, 2, 3, 4]),
    ("membership", "attacks", ["loss_low", "loss_high", "loss_mid"]),
]


@pytest.mark.parametrize(("kind", "key", "value"), OTHERWISE)
def test_denies_a_stage_that_did_not_do_what_was_declared(
    kind: str, key: str, value: Any, site: Site
) -> None:
    provenance = site.gates(kind, site.with_config(kind, **{key: value}))["provenance"]
    assert provenance.code == "broken_chain"
    assert f"{kind} {key}" in provenance.reason


def test_a_whole_number_is_as_declared_however_it_is_written(site: Site) -> None:
    plain = site.spec.training.model_copy(update={"dropout": 0.0, "l1": 0.0, "augmentation": None})
    site.spec = site.spec.model_copy(update={"training": plain})
    site.measure()
    site.sign()
    assert site.decide().allowed


LINKED = [
    (kind, material)
    for kind, rules in {
        "validation": ["spec", "train", "development", "holdout"],
        "privacy": ["train", "release", "declaration", "spec"],
        "training": ["release", "spec"],
        "utility": ["holdout", "development"],
        "overfitting": ["release"],
        "robustness": ["holdout", "development"],
        "membership": ["train", "development", "holdout"],
    }.items()
    for material in rules
]


@pytest.mark.parametrize(("kind", "material"), LINKED)
def test_denies_a_broken_link(kind: str, material: str, site: Site) -> None:
    evidence = site.evidence[kind]
    subject = evidence.subject
    if (kind, material) == ("privacy", "release"):
        subject = replace(subject, digest=digest("another"))
    cut = replace(
        evidence, subject=subject, materials={**evidence.materials, material: digest("another")}
    )
    gates = site.gates(kind, cut)
    assert gates["provenance"].code == "broken_chain"
    assert [bar.code for bar in gates["provenance"].bars] == ["above_bar"]


@pytest.mark.parametrize("kind", ["utility", "robustness", "stress", "fairness"])
def test_denies_numbers_from_other_predictions(kind: str, site: Site) -> None:
    """True of their table, which is another one than the rest speaks of."""
    table = site.tables["outcomes:predictions"]
    other = site.with_table("outcomes:predictions", table.take(list(range(table.num_rows))[::-1]))
    assert site.gates(kind, other[kind])["provenance"].code == "broken_chain"


def test_denies_splits_that_are_one(site: Site) -> None:
    same = dict.fromkeys(("train", "development", "holdout"), digest("holdout"))
    evidence = site.evidence["validation"]
    one = replace(evidence, materials={**evidence.materials, **same})
    assert "three different splits" in site.gates("validation", one)["provenance"].reason


def test_denies_a_release_that_is_the_train_split_itself(site: Site) -> None:
    evidence = site.evidence["privacy"]
    train = evidence.materials["train"]
    raw = replace(
        evidence,
        subject=replace(evidence.subject, digest=train),
        materials={**evidence.materials, "release": train},
    )
    reason = site.gates("privacy", raw)["provenance"].reason
    assert "a release by the declared mechanism" in reason


YEARS = {"kind": "ordinal", "edges": (), "integer": False, "values": (30, 40), "merge": {25: 40}}
MISREAD: list[tuple[str, dict[str, Any]]] = [
    ("SEX", {"one_hot": {"smokes": 0, "drives": 1}}),
    ("SEX", {"use": "feature"}),
    (
        "AGE",
        {"kind": "ordinal", "edges": (), "integer": False, "values": (30, 40), "merge": {25: 40}},
    ),
    ("MARRIAGE", {"one_hot": {"MARRIAGE_1": "married", "X": "single", "Y": "other"}}),
    ("EDUCATION", {"one_hot": {}}),
]


@pytest.mark.parametrize(("name", "changes"), MISREAD)
def test_denies_a_sensitive_column_made_of_something_else(
    name: str, changes: dict[str, Any], site: Site
) -> None:
    """Its name would be audited, its groups merged, and the real column free to be a feature."""
    data = site.spec.data
    column = Column.model_validate({**data.columns[name].model_dump(), **changes})
    columns = {**data.columns, name: column}
    changed = data.model_copy(update={"columns": columns})
    rules = site.policy.model(MODEL)
    assert misread(site.spec, rules) == ()
    spec = site.spec.model_copy(update={"data": changed})
    assert misread(spec, rules) == (name,)
    site.spec = spec
    assert f"{name} as the policy reads it" in site.decide().gates["provenance"].reason


RESCALED: list[tuple[str, dict[str, Any]]] = [
    ("PAY_0", {"values": (-2, -1, 0, 1, 2, 3, 4)}),
    ("PAY_0", {"kind": "category"}),
    ("PAY_0", {"values": (0, 1, 2), "merge": {-2: 0, -1: 0, 3: 2}}),
    ("PAY_0", {"kind": "number", "values": (), "edges": (-2, 8), "integer": True}),
    ("BILL_AMT1", {"edges": (-400000, 49990, 49995, 50000, 50005, 50010, 2000000)}),
    ("BILL_AMT1", {"integer": False}),
]


@pytest.mark.parametrize(("name", "changes"), RESCALED)
def test_denies_a_mutable_feature_on_a_scale_of_its_own(
    name: str, changes: dict[str, Any], site: Site
) -> None:
    """Edges packed around a threshold would make each step across it dear."""
    data = site.spec.data
    declared = data.columns.get(name) or load_spec(CREDIT_YAML).data.columns[name]
    column = Column.model_validate({**declared.model_dump(), **changes})
    rules = site.policy.model(MODEL)
    columns = {**data.columns, name: column}
    spec = site.spec.model_copy(update={"data": data.model_copy(update={"columns": columns})})
    assert misread(spec, rules) == (name,)
    site.spec = spec
    assert f"{name} as the policy reads it" in site.decide().gates["provenance"].reason
    audited = column.model_copy(update={"use": "audit"})
    columns = {**data.columns, name: audited}
    spec = site.spec.model_copy(update={"data": data.model_copy(update={"columns": columns})})
    assert misread(spec, rules) == ()  # what no model sees is attacked by nobody


def test_denies_a_model_that_sees_nothing_that_a_person_can_move(site: Site) -> None:
    """Whatever an attack on it is said to have shown."""
    data, mutable = site.spec.data, site.policy.model(MODEL).mutable
    kept = {name: column for name, column in data.columns.items() if name not in mutable}
    still = {"PAY_2": load_spec(CREDIT_YAML).data.columns["PAY_2"]}
    changed = data.model_copy(update={"columns": {**kept, **still}})
    site.spec = site.spec.model_copy(update={"data": changed})
    assert "a feature that a person can move" in site.decide().gates["provenance"].reason


def test_denies_the_declaration_of_another_model(site: Site) -> None:
    site.spec = load_spec(REPOSITORY / "pipelines" / "mortgage.yaml")
    decision = site.decide()
    assert not decision.allowed
    for link in ("a declaration of this model", "the policy's label", "the declaration"):
        assert link in decision.gates["provenance"].reason


def test_every_bar_of_the_model_is_asked(site: Site) -> None:
    judged = [bar.measurement for gate in site.decide().gates.values() for bar in gate.bars]
    assert sorted(judged) == sorted(bar.measurement for bar in site.policy.bars(MODEL))
