"""What reaches the registry: a card, a curve, development numbers; and how it says no."""

from __future__ import annotations

from dataclasses import replace

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    INTERNAL_ERROR,
    INVALID_PARAMETER_VALUE,
    PERMISSION_DENIED,
    RESOURCE_DOES_NOT_EXIST,
    TEMPORARILY_UNAVAILABLE,
)

from assay.errors import AssayError, Refused, Unavailable
from assay.evidence.values import Exact
from assay.home import REPOSITORY
from assay.spec import load_spec
from tasks.promotion.card import UNDECIDED, write_card
from tasks.promotion.client import ADDRESS, registry
from tasks.promotion.curve import draw_curve
from tasks.promotion.submit import _metrics
from tests.assay.evidence.samples import bound, digest, evidence

SPEC = load_spec(REPOSITORY / "pipelines" / "credit.yaml")
TRAINING = replace(
    evidence("training"),
    config={"commit": "c0ffee"},
    materials={"release": digest("release")},
    development={},
)


def test_the_card_says_what_the_model_is() -> None:
    card = write_card(SPEC, TRAINING, picture="get-artifact?path=curve.png&run_uuid=r")
    assert card.startswith(UNDECIDED)
    assert "a mlp that predicts `default-payment-next-month`" in card
    assert "| privacy | synthetic release, ε 3, δ 1e-06, add_remove |" in card
    assert "audited and never seen: SEX, AGE, EDUCATION, MARRIAGE" in card
    assert "`c0ffee`" in card
    assert digest("release") in card
    assert "![training curve](get-artifact?path=curve.png&run_uuid=r)" in card


def test_the_card_begins_with_what_was_decided() -> None:
    card = write_card(SPEC, TRAINING, picture="p", decided="# credit/1: BLOCKED")
    assert card.startswith("# credit/1: BLOCKED")
    assert UNDECIDED not in card


def test_no_privacy_is_told_with_its_reason() -> None:
    careless = load_spec(REPOSITORY / "pipelines" / "credit-careless.yaml")
    card = write_card(careless, TRAINING, picture="p")
    assert f"| privacy | none: {careless.privacy.reason} |" in card
    assert "| adversarial augmentation | none |" in card


def test_the_curve_is_a_png_of_the_same_bytes_each_time() -> None:
    one, two = (draw_curve([0.6, 0.5, 0.45], [0.61, 0.52, 0.5], 2) for _ in range(2))
    assert one.startswith(b"\x89PNG")
    assert one == two


def test_only_development_numbers_become_metrics() -> None:
    """Sealed ones leave in signed evidence alone; MLflow's names know no `*`."""
    stated = replace(
        evidence(),
        measurements={"auc": bound(0.9), "secret": bound(0.1)},
        development={
            "auc": bound(0.72),
            "approval_ratio:SEX*AGE": bound(0.8),
            "epsilon": Exact(3.0, digest("declaration")),
            "mechanism": Exact("synthetic", digest("declaration")),
        },
    )
    found = {metric.key: metric.value for metric in _metrics([stated])}
    assert found == {
        "development/auc/point": 0.72,
        "development/auc/lower": 0.71,
        "development/auc/upper": 0.73,
        "development/approval_ratio:SEX x AGE/point": 0.8,
        "development/approval_ratio:SEX x AGE/lower": pytest.approx(0.79),
        "development/approval_ratio:SEX x AGE/upper": 0.81,
        "development/epsilon": 3.0,
    }


OURS = "PERMISSION_DENIED: [assay] refused, code below_bar: expected .68\nfound .5"
SAID: dict[str, tuple[MlflowException, type[AssayError], str]] = {
    "our own words": (MlflowException(OURS, PERMISSION_DENIED), Refused, "below_bar"),
    "no permission": (MlflowException("no", PERMISSION_DENIED), Refused, "permission_denied"),
    "no such thing": (
        MlflowException("no", RESOURCE_DOES_NOT_EXIST),
        Refused,
        "resource_does_not_exist",
    ),
    "a broken server": (MlflowException("x", INTERNAL_ERROR), Unavailable, "mlflow_unavailable"),
    "a busy server": (
        MlflowException("x", TEMPORARILY_UNAVAILABLE),
        Unavailable,
        "mlflow_unavailable",
    ),
    "a server that did not understand": (
        MlflowException("x", INVALID_PARAMETER_VALUE),
        Unavailable,
        "mlflow_unavailable",
    ),
    "no server": (
        MlflowException("API request to http://127.0.0.1:9 failed with exception"),
        Unavailable,
        "mlflow_unavailable",
    ),
}


@pytest.mark.parametrize("address", ["", "sqlite:///mlflow.db", "file:///tmp/mlruns", "databricks"])
def test_without_a_server_there_is_no_registry(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv(ADDRESS, address)
    with pytest.raises(Unavailable, match="no_registry"), registry():
        raise AssertionError


def test_what_was_told_to_mlflow_before_diverts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESS, "http://127.0.0.1:9")
    mlflow.set_tracking_uri("http://127.0.0.1:7")
    monkeypatch.setenv(ADDRESS, "http://127.0.0.1:8")
    with registry() as client:
        assert client.tracking_uri == mlflow.get_tracking_uri() == "http://127.0.0.1:8"
        assert mlflow.get_registry_uri() == "http://127.0.0.1:8"


@pytest.mark.parametrize("name", SAID)
def test_what_the_registry_says_is_told_apart(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(ADDRESS, "http://127.0.0.1:9")
    error, kind, code = SAID[name]
    with pytest.raises(kind) as caught, registry():
        raise error
    assert caught.value.code == code
    assert caught.value.__suppress_context__
    if name == "our own words":
        assert caught.value.message == "expected .68\nfound .5"
