"""Names that look alike are one name, or are refused."""

from __future__ import annotations

import pytest

from assay.errors import Refused
from assay.registry.guards import movable_alias
from assay.registry.names import is_reserved, logged_model_of, plain_alias, plain_version

MODEL = "m-" + "0a" * 16


@pytest.mark.parametrize("alias", ["champion", "challenger", "previous", "shadow", "A_b-9"])
def test_plain_aliases_pass(alias: str) -> None:
    assert plain_alias(alias) == alias


@pytest.mark.parametrize(
    "alias",
    [
        "",
        "Champion",
        "champion\n",
        "\tchampion",
        "champi\u00f6n",
        "ｃhampion",
        "a b",
        "a.b",
        "a" * 256,
        None,
        7,
        "champion\u200b",
        "ＣHALLENGER",
        "préVious",
    ],
)
def test_other_spellings_are_refused(alias: object) -> None:
    with pytest.raises(Refused, match="bad_alias"):
        plain_alias(alias)


@pytest.mark.parametrize("alias", ["champion", "challenger", "previous"])
def test_people_move_no_alias_of_the_gate(alias: str) -> None:
    with pytest.raises(Refused, match="protected_alias"):
        movable_alias(alias)


@pytest.mark.parametrize(
    "key",
    [
        "gate.allowed",
        "GATE.x",
        "  gate.x",
        "gate.",
        "assay.submit",
        "Assay.x",
        None,
        3,
        "ｇate.x",
        "gate\u2024x",
        "g\u0430te.x",
        "mlflow.prompt.is_prompt",
        "note\u00e9",
        "approval",
        "Approval",
        " approval",
        "approvals",
        "approval.second",
        "ａpproval",
        "аpproval",
    ],
)
def test_the_gate_s_tags_are_reserved_in_every_spelling(key: object) -> None:
    assert is_reserved(key)


@pytest.mark.parametrize(
    "key", ["note", "gated", "gate", "mlflow.user", "my.gate.x", "assayer", "my.approval"]
)
def test_other_tags_are_not(key: str) -> None:
    assert not is_reserved(key)


@pytest.mark.parametrize(
    "version", ["0", "01", "-1", "1.0", "１", "1\n", " 1", "", "x", None, True]
)
def test_a_version_has_one_spelling(version: object) -> None:
    with pytest.raises(Refused, match="bad_version"):
        plain_version(version)


def test_a_version_may_be_a_number() -> None:
    assert plain_version(12) == plain_version("12") == "12"


@pytest.mark.parametrize(
    "source",
    [
        f"models:/{MODEL}\n",
        f"models:/{MODEL}/",
        f"models://h/{MODEL}",
        f"Models:/{MODEL}",
        None,
        "models:/credit/1",
        "models:/credit@champion",
        "runs:/1/model",
        f"models:/{MODEL[:-1]}",
        f"x models:/{MODEL}",
        f"models:/{MODEL.upper()}",
        "file:///etc",
        "s3://b/k",
        "",
    ],
)
def test_only_a_logged_model_is_a_source(source: object) -> None:
    with pytest.raises(Refused, match="bad_source"):
        logged_model_of(source)


def test_a_source_names_its_logged_model() -> None:
    assert logged_model_of(f"models:/{MODEL}") == MODEL
