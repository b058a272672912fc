"""A declaration is read strictly: what is not understood exactly is refused, by file and key."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import InputError
from assay.home import REPOSITORY
from assay.spec import PipelineSpec, load_spec, spec_of

PIPELINES = sorted((REPOSITORY / "pipelines").glob("*.yaml"))
SMALL: dict[str, Any] = {
    "model": "loans",
    "data": {
        "source": "loans.csv",
        "suite": "loans.json",
        "label": "bad",
        "unit": None,
        "shares": {"train": 0.5, "development": 0.1, "holdout": 0.4},
        "columns": {
            "income": {"kind": "number", "edges": [0, 10, 100]},
            "grade": {"kind": "ordinal", "values": [1, 2, 3]},
            "sex": {"kind": "category", "values": [0, 1], "use": "audit"},
            "race": {
                "kind": "category",
                "values": ["a", "b"],
                "one_hot": {"race_0": "a", "race_1": "b"},
            },
        },
        "drop": ["note"],
    },
    "privacy": {"mechanism": "synthetic", "epsilon": 3, "delta": 1.0e-6},
    "training": {
        "family": "mlp",
        "hidden": [8],
        "dropout": 0.1,
        "l1": 0.0,
        "l2": 0.0,
        "learning_rate": 0.01,
        "batch": 64,
        "epochs": 2,
        "patience": 2,
        "held_out": 0.1,
        "class_weights": "none",
        "augmentation": None,
        "seed": 1,
    },
    "evaluation": {
        "robustness": {
            "attacks": ["constrained_pgd"],
            "costs": [0.1],
            "steps": 1,
            "restarts": 1,
            "queries": 1,
        },
        "stress": {"corruptions": ["noise"], "severities": [1]},
        "membership": {"attacks": ["loss_low"], "fpr": 0.01},
    },
}


def changed(key: str, value: object, base: Mapping[str, Any] = SMALL) -> dict[str, Any]:
    """The small declaration with one dotted key set."""
    first, _, rest = key.partition(".")
    return {**base, first: changed(rest, value, base[first]) if rest else value}


def write(folder: Path, text: str | bytes) -> Path:
    file = folder / "loans.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def refusal(file: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        load_spec(file)
    assert caught.value.exit_code == 2
    assert str(file) in caught.value.message
    return caught.value


def without(key: str) -> str:
    """The small declaration as text, with one dotted key gone."""
    *path, last = key.split(".")
    declared = yaml.safe_load(yaml.safe_dump(SMALL))
    inner = declared
    for part in path:
        inner = inner[part]
    del inner[last]
    return yaml.safe_dump(declared)


@pytest.mark.parametrize("file", PIPELINES, ids=lambda file: file.stem)
def test_shipped_pipelines_load(file: Path) -> None:
    spec = load_spec(file)
    assert spec.resolve(spec.data.suite).parent == REPOSITORY / "expectations"
    assert load_spec(file).digest() == spec.digest()


def test_two_pipelines_may_serve_one_model() -> None:
    specs = {file.stem: load_spec(file) for file in PIPELINES}
    credit, careless = specs["credit"], specs["credit-careless"]
    assert credit.model == careless.model
    assert credit.schema_digest() == careless.schema_digest()
    assert credit.digest() != careless.digest()


def test_audited_columns_are_no_features(tmp_path: Path) -> None:
    spec = load_spec(write(tmp_path, yaml.safe_dump(SMALL, sort_keys=False)))
    assert spec.features() == ("income", "grade", "race")
    assert set(spec.data.sources()) == {
        *("income", "grade", "sex", "race_0", "race_1", "bad", "note"),
    }


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("privacy.epsilon", 0, "privacy.epsilon: Input should be greater than 0, found 0"),
        ("privacy.epsilon", -3, "found -3"),
        ("privacy.epsilon", True, "privacy.epsilon"),
        ("privacy.epsilon", "3", "privacy.epsilon: Input should be a valid number, found str"),
        ("privacy.epsilon", None, "needs epsilon and delta"),
        ("privacy.delta", 0.5, "privacy.delta"),
        ("privacy.delta", 0, "privacy.delta"),
        ("privacy.mechanism", "laplace", "privacy.mechanism"),
        ("privacy", {"mechanism": "none", "reason": "short"}, "needs a reason"),
        ("privacy", {"mechanism": "none", "reason": "ten letters", "epsilon": 1}, "no epsilon"),
        ("privacy.neighbours", "replace", "privacy.neighbours"),
        ("model", "Loans", "model"),
        ("model", "../loans", "model"),
        ("data.shares.train", 0.6, "must add up to 1"),
        ("data.shares.train", 1.0, "data.shares.train"),
        ("data.columns", {}, "data.columns"),
        ("data.columns.income.edges", [0], "two ascending edges"),
        ("data.columns.income.edges", [0, 0, 1], "two ascending edges"),
        ("data.columns.income.edges", [1, 0], "two ascending edges"),
        ("data.columns.income.edges", ["0", "1"], "data.columns.income.edges.0"),
        ("data.columns.income.edges", [False, True], "data.columns.income.edges.0"),
        ("data.columns.income.edges", [0, float("inf")], "data.columns.income.edges.1"),
        ("data.columns.income.edges", [0, float("nan")], "data.columns.income.edges.1"),
        ("data.columns.income.values", [1, 2], "takes edges"),
        ("data.columns.income.kind", "numeric", "data.columns.income.kind"),
        ("data.columns.grade.values", [1], "two different values"),
        ("data.columns.grade.values", [1, 1], "two different values"),
        ("data.columns.grade.values", [1, "2"], "all whole numbers or all text"),
        ("data.columns.grade.values", [True, False], "data.columns.grade.values"),
        ("data.columns.grade.values", [1, 2**53], "data.columns.grade.values"),
        ("data.columns.grade.edges", [0, 1], "no edges"),
        ("data.columns.grade.merge", {9: 8}, "merge leads"),
        ("data.columns.grade.merge", {1: 2}, "merge leads"),
        ("data.columns.grade.merge", {9: 1, "9": 2}, "all whole numbers or all text"),
        ("data.columns.grade.use", "label", "data.columns.grade.use"),
        ("data.columns.race.one_hot", {"race_0": "a"}, "exactly the levels"),
        ("data.columns.race.one_hot", {"race_0": "a", "race_1": "c"}, "exactly the levels"),
        ("data.columns.race.nulls", True, "no nulls"),
        ("data.columns.race.one_hot", {"sex": "a", "race_1": "b"}, "declared twice: sex"),
        ("data.columns.row", {"kind": "number", "edges": [0, 1]}, "already carries"),
        ("data.columns.unit", {"kind": "number", "edges": [0, 1]}, "already carries"),
        ("data.columns.group:x", {"kind": "number", "edges": [0, 1]}, "already carries"),
        ("data.label", "sex", "declared twice: sex"),
        ("data.label", "", "data.label"),
        ("data.unit", "sex", "declared twice: sex"),
        ("data.drop", ["sex"], "declared twice: sex"),
        ("data.drop", "sex", "data.drop"),
        ("training.hidden", [], "training.hidden"),
        ("training.hidden", [0], "training.hidden.0"),
        ("training.hidden", [2.5], "training.hidden.0"),
        ("training.dropout", 1, "training.dropout"),
        ("training.seed", -1, "training.seed"),
        ("training.augmentation", {"attack": "no word", "cost": 0.1, "steps": 1}, "attack"),
        ("evaluation.robustness.attacks", [], "evaluation.robustness.attacks"),
        ("evaluation.robustness.costs", [0.1, 0.1], "names something twice"),
        ("evaluation.robustness.costs", [0], "evaluation.robustness.costs.0"),
        ("evaluation.robustness.steps", 0, "evaluation.robustness.steps"),
        ("evaluation.stress.severities", [6], "evaluation.stress.severities.0"),
        ("evaluation.membership.fpr", 0.5, "evaluation.membership.fpr"),
    ],
)
def test_refuses_a_wrong_value_by_its_key(
    tmp_path: Path, key: str, value: object, expected: str
) -> None:
    error = refusal(write(tmp_path, yaml.safe_dump(changed(key, value))))
    assert error.code == "bad_pipeline"
    assert expected in error.message


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("modle", "did you mean 'model'?"),
        ("privacy.epsilom", "did you mean 'epsilon'?"),
        ("data.column", "did you mean 'columns'?"),
        ("data.columns.income.edge", "did you mean 'edges'?"),
        ("data.columns.sex.null", "did you mean 'nulls'?"),
        ("evaluation.stress.severity", "did you mean 'severities'?"),
        ("training.epsilon", "known here: augmentation, batch"),
        ("data.folder", "known here: columns"),
        ("sklearn", "known here: data, evaluation, model, privacy, training"),
    ],
)
def test_a_misspelt_key_is_refused_with_a_hint_from_its_own_level(
    tmp_path: Path, key: str, hint: str
) -> None:
    error = refusal(write(tmp_path, yaml.safe_dump(changed(key, 1))))
    assert f"unknown key {key}; {hint}" in error.message


@pytest.mark.parametrize(
    "key",
    [
        *SMALL,
        *(f"data.{key}" for key in SMALL["data"] if key != "drop"),
        *(f"training.{key}" for key in SMALL["training"]),
        *(f"evaluation.robustness.{key}" for key in SMALL["evaluation"]["robustness"]),
        "data.columns.income.kind",
        "privacy.mechanism",
    ],
)
def test_nothing_that_is_asked_has_a_default(tmp_path: Path, key: str) -> None:
    assert (
        f"{key}: expected a value, found nothing" in refusal(write(tmp_path, without(key))).message
    )


@pytest.mark.parametrize("tier", ["tier", "owner", "approvers", "bars", "folder"])
def test_a_pipeline_names_neither_tier_nor_owner_nor_folder(tmp_path: Path, tier: str) -> None:
    error = refusal(write(tmp_path, yaml.safe_dump(changed(tier, "low"))))
    assert f"unknown key {tier}" in error.message


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected a mapping of keys, found NoneType"),
        ("- model", "found list"),
        ("loans", "found str"),
        ("model: [", "bad_yaml"),
        ("model: a\nmodel: b", "line 2: duplicate key 'model'"),
        ("data: {a: 1, a: 2}", "line 1: duplicate key 'a'"),
        ("1: a\n1.0: b", "duplicate key 1.0"),
        ("model: &x a\ndata: *x", "line 1: anchors and aliases are not allowed"),
        ("model: *x", "anchors and aliases are not allowed"),
        ("? [a]\n: b", "a key must be plain text"),
        ("model: !!python/object/apply:os.system [echo]", "line 1: tags are not allowed"),
        ("model: !!float '.nan'", "tags are not allowed"),
        ("model: !secret x", "tags are not allowed"),
        ("model: a\n---\nmodel: b", "found in line 2"),
        ("model: a\n\tdata: b", "found in line 2"),
        (b"model: \xff\xfe", "expected UTF-8 text"),
        (b"model: a\0b", "expected UTF-8 text"),
        ("[" * 100_000, "nested deeper than 20"),
        ("- " * 100_000, "nested deeper than 20"),
        ("{a: " * 60_000, "nested deeper than 20"),
        ("a" * 300_000, "expected at most 262144 bytes"),
    ],
    ids=lambda value: repr(value[:24]),
)
def test_refuses_what_is_not_plain_yaml(tmp_path: Path, text: str | bytes, problem: str) -> None:
    assert problem in str(refusal(write(tmp_path, text)))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("NO", "NO"),
        ("on", "on"),
        ("True", "True"),
        ("1:30", "1:30"),
        ("010", "010"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("2020-01-01", "2020-01-01"),
        (".nan", ".nan"),
        ("-.inf", "-.inf"),
        ("${HOME}", "${HOME}"),
        ("$HOME", "$HOME"),
        ("{{ env.HOME }}", None),
        ("<<", "<<"),
    ],
)
def test_text_stays_text(tmp_path: Path, written: str, read: str | None) -> None:
    text = yaml.safe_dump(SMALL).replace("loans.csv", written)
    if read is None:
        refusal(write(tmp_path, text))
    else:
        assert load_spec(write(tmp_path, text)).data.source == read


@pytest.mark.parametrize(
    ("written", "read"), [("1e-6", 1e-6), ("1E-6", 1e-6), (".001", 0.001), ("+0.1", 0.1)]
)
def test_a_number_may_be_written_as_in_json(tmp_path: Path, written: str, read: float) -> None:
    text = yaml.safe_dump(SMALL).replace("delta: 1.0e-06", f"delta: {written}")
    assert load_spec(write(tmp_path, text)).privacy.delta == read


@pytest.mark.parametrize("written", [".nan", ".inf", "1e999", "-1e999", "9" * 400, "0x3", "3_0"])
def test_a_number_is_finite_and_decimal(tmp_path: Path, written: str) -> None:
    text = yaml.safe_dump(SMALL).replace("epsilon: 3", f"epsilon: {written}")
    assert "privacy.epsilon" in refusal(write(tmp_path, text)).message


def test_refuses_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for file in (tmp_path / "absent.yaml", tmp_path, tmp_path / "pipe", tmp_path / "a\0b"):
        assert refusal(file).code == "no_pipeline"
    assert refusal(Path("/dev/zero")).code == "no_pipeline"


def test_a_message_shows_no_text_value_and_no_control_character(tmp_path: Path) -> None:
    declared = changed("privacy.epsilon", "Maria Weber")
    message = refusal(write(tmp_path, yaml.safe_dump({**declared, "\x1b[31m": 1}))).message
    assert "Maria" not in message
    assert "\x1b" not in message
    assert refusal(write(tmp_path, "name: 'Maria Weber\n")).message.find("Maria") == -1


def test_many_mistakes_make_a_short_message(tmp_path: Path) -> None:
    declared = {**SMALL, **{f"key{n}": n for n in range(500)}}
    assert refusal(write(tmp_path, yaml.safe_dump(declared))).message.endswith("and 490 more")


@pytest.mark.parametrize(
    "relative", ["../secret.json", "/etc/passwd", "a/../../x", "link/x", "a\0b"]
)
def test_a_declared_path_stays_below_the_pipelines_folder(tmp_path: Path, relative: str) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    (folder / "link").symlink_to("/etc")
    spec = load_spec(write(folder, yaml.safe_dump(SMALL)))
    assert spec.resolve("deep/loans.json") == (folder / "deep/loans.json").resolve()
    with pytest.raises(InputError, match="path_outside"):
        spec.resolve(relative)


def test_a_pipelines_folder_reaches_its_neighbours_only(tmp_path: Path) -> None:
    folder = tmp_path / "repository" / "pipelines"
    folder.mkdir(parents=True)
    spec = load_spec(write(folder, yaml.safe_dump(SMALL)))
    assert spec.resolve("../expectations/x.json").parent.name == "expectations"
    with pytest.raises(InputError, match="path_outside"):
        spec.resolve("../../x.json")


def test_the_digest_covers_every_declared_value_and_not_the_place(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    spec = load_spec(write(tmp_path, yaml.safe_dump(SMALL)))
    assert load_spec(write(tmp_path / "elsewhere", yaml.safe_dump(SMALL))).digest() == spec.digest()
    other = {
        "data.columns.income.edges": [0, 10, 101],
        "data.columns.grade.merge": {9: 3},
        "data.drop": [],
        "privacy.epsilon": 2.5,
        "training.seed": 2,
        "evaluation.stress.severities": [2],
    }
    digests = {spec.digest()}
    for key, value in other.items():
        digests.add(load_spec(write(tmp_path, yaml.safe_dump(changed(key, value)))).digest())
    assert len(digests) == len(other) + 1


def test_the_digest_covers_the_order_of_columns(tmp_path: Path) -> None:
    sorted_ = load_spec(write(tmp_path, yaml.safe_dump(SMALL, sort_keys=True)))
    declared = load_spec(write(tmp_path, yaml.safe_dump(SMALL, sort_keys=False)))
    assert sorted_.schema_digest() != declared.schema_digest()
    assert sorted_.digest() != declared.digest()


@pytest.mark.parametrize("name", ["credit", "credit-careless", "mortgage"])
def test_a_declaration_reads_back_from_its_canonical_bytes(name: str) -> None:
    spec = load_spec(REPOSITORY / "pipelines" / f"{name}.yaml")
    read = spec_of(spec.canonical())
    assert read.digest() == spec.digest()
    assert read.features() == spec.features()


@pytest.mark.parametrize(
    "other",
    [
        lambda raw: raw + b" ",
        lambda raw: raw[:-1],
        lambda raw: b"[]",
        lambda raw: b"\xff",
        lambda raw: b"[" * 100_000,
        lambda raw: raw.replace(b'"order":[', b'"order":["x",'),
        lambda raw: raw.replace(b'"model":"credit"', b'"model":"credit","folder":"/"'),
        lambda raw: raw.replace(b'"model":"credit"', b'"model":"CREDIT"'),
    ],
)
def test_refuses_other_bytes_than_canonical_ones(other: Callable[[bytes], bytes]) -> None:
    raw = load_spec(REPOSITORY / "pipelines" / "credit.yaml").canonical()
    with pytest.raises(InputError) as refused:
        spec_of(other(raw))
    assert refused.value.code == "bad_pipeline"


def test_a_declaration_is_frozen(tmp_path: Path) -> None:
    spec = load_spec(write(tmp_path, yaml.safe_dump(SMALL)))
    with pytest.raises(ValueError, match="frozen"):
        spec.privacy.epsilon = 100.0


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(["model", "data.columns.income", "privacy", "training.hidden"]), JUNK)
def test_any_value_is_read_or_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: object
) -> None:
    file = write(tmp_path_factory.mktemp("junk"), yaml.safe_dump(changed(key, value)))
    try:
        assert isinstance(load_spec(file), PipelineSpec)
    except InputError as error:
        assert str(file) in error.message
