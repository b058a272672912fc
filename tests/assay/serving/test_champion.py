"""The consumer loads what verifies, and nothing else, whatever the registry and the disk say."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assay.errors import AssayError
from assay.serving.champion import load_champion
from assay.serving.loader import _load_pyfunc
from tests.assay.serving.promoted import (
    DAY,
    NOW,
    Promoted,
    Registry,
    digest,
    save_small_model,
    small_model,
)

ROWS = pd.DataFrame({"late": [0, 2, -1], "bill": [1.0, 30.0, 400.0]})


def _load(registry: Registry, promoted: Promoted, **changes: object) -> object:
    asked = {"trust": promoted.trust, "tracking_uri": registry.uri, "now": NOW, **changes}
    return load_champion("credit", **asked)  # type: ignore[arg-type]


def _refused(registry: Registry, promoted: Promoted, **changes: object) -> str:
    with pytest.raises(AssayError) as refused:
        _load(registry, promoted, **changes)
    return refused.value.code


def test_a_promoted_model_scores(registry: Registry, promoted: Promoted, payload: Path) -> None:
    registry.register(promoted.standing(), payload)
    champion = load_champion(
        "credit", trust=promoted.home.trust, tracking_uri=registry.uri, now=NOW
    )
    assert np.array_equal(champion.model.score(ROWS), small_model().score(ROWS))
    assert champion.promotion.approver == "approver"
    assert champion.decision.allowed


@pytest.mark.parametrize("alias", ["latest", "Latest"])
def test_the_newest_version_is_no_champion(
    registry: Registry, promoted: Promoted, payload: Path, alias: str
) -> None:
    registry.register(promoted.standing(), payload)
    assert _refused(registry, promoted, alias=alias) == "latest"


def test_no_champion_is_refused(registry: Registry, promoted: Promoted, payload: Path) -> None:
    assert _refused(registry, promoted) == "no_champion"
    registry.register(promoted.standing(), payload, alias="challenger")
    assert _refused(registry, promoted) == "no_champion"


def test_a_raw_alias_carries_no_promotion(
    registry: Registry, promoted: Promoted, payload: Path
) -> None:
    registry.register(replace(promoted.standing(), promotion=None), payload)
    assert _refused(registry, promoted) == "unsigned"


def test_an_alias_moved_by_hand_is_noticed(
    registry: Registry, promoted: Promoted, payload: Path
) -> None:
    registry.register(promoted.standing(), payload)
    registry.register(promoted.standing(), payload)  # tags copied to version 2, alias moved there
    assert _refused(registry, promoted) == "wrong_version"


def test_another_alias_of_the_same_version_is_noticed(
    registry: Registry, promoted: Promoted, payload: Path
) -> None:
    registry.register(promoted.standing(), payload)
    registry.client().set_registered_model_alias("credit", "production", "1")
    assert _refused(registry, promoted, alias="production") == "wrong_alias"


def test_a_flipped_byte_is_noticed(registry: Registry, promoted: Promoted, payload: Path) -> None:
    weights = registry.register(promoted.standing(), payload) / "weights.safetensors"
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(raw)
    assert _refused(registry, promoted) == "swapped"


def test_other_honest_weights_are_noticed(
    registry: Registry, promoted: Promoted, tmp_path: Path
) -> None:
    save_small_model(tmp_path / "other", seed=1)
    registry.register(promoted.standing(), tmp_path / "other")
    assert _refused(registry, promoted) == "swapped"


@pytest.mark.parametrize(("name", "code"), [("x.pkl", "foreign_file"), ("x.json", "swapped")])
def test_a_file_more_is_noticed(
    registry: Registry, promoted: Promoted, payload: Path, name: str, code: str
) -> None:
    (registry.register(promoted.standing(), payload) / name).write_text("{}")
    assert _refused(registry, promoted) == code


def test_a_second_payload_is_noticed(registry: Registry, promoted: Promoted, payload: Path) -> None:
    folder = registry.register(promoted.standing(), payload)
    save_small_model(folder.parent / "payload2", seed=1)
    assert _refused(registry, promoted) == "foreign_file"


def test_time_and_floor_are_asked(registry: Registry, promoted: Promoted, payload: Path) -> None:
    registry.register(promoted.standing(), payload)
    assert _refused(registry, promoted, now=NOW + 31 * DAY) == "expired"
    assert _refused(registry, promoted, floor=4) == "rolled_back"
    assert _refused(registry, promoted, now=None) in ("expired", "future")


def test_another_s_trust_believes_nothing(
    registry: Registry, promoted: Promoted, payload: Path, tmp_path: Path
) -> None:
    registry.register(promoted.standing(), payload)
    stranger = Promoted.build(tmp_path / "home", digest("x"))
    assert _refused(registry, promoted, trust=stranger.trust) == "wrong_role"


def test_a_server_that_is_down_is_no_champion(
    promoted: Promoted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    down = Registry("http://127.0.0.1:9", Path())
    assert _refused(down, promoted) == "mlflow_unavailable"


def test_a_payload_that_is_gone_is_no_champion(
    registry: Registry, promoted: Promoted, payload: Path
) -> None:
    root = registry.register(promoted.standing(), payload).parent.parent
    shutil.rmtree(root)
    assert _refused(registry, promoted) == "no_champion"


ARTIFACTS = "api/2.0/mlflow-artifacts/artifacts/1"


@pytest.mark.parametrize(
    ("status", "body", "path"),
    [
        (403, b"", ARTIFACTS),
        (500, b"", ARTIFACTS),
        (200, b"<html>", ARTIFACTS),
        (200, b"[]", ARTIFACTS),
        (200, b'{"files": [{}]}', ARTIFACTS),
        (200, b"", "elsewhere"),
    ],
)
def test_a_store_that_does_not_answer_is_no_champion(
    registry: Registry,
    promoted: Promoted,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    body: bytes,
    path: str,
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    client = registry.client()
    client.create_registered_model("credit")
    with _answering(status, body) as url:
        client.create_model_version("credit", f"{url}/{path}")
        client.set_registered_model_alias("credit", "champion", "1")
        assert _refused(registry, promoted) == "mlflow_unavailable"


@contextmanager
def _answering(status: int, body: bytes) -> Iterator[str]:
    """A store of artifacts that says the same to whatever it is asked."""

    class Store(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Store) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_mlflow_s_own_door_opens_payloads_alone(payload: Path, tmp_path: Path) -> None:
    assert np.array_equal(_load_pyfunc(str(payload)).predict(ROWS), small_model().score(ROWS))
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04.")
    with pytest.raises(AssayError, match=r"bad_payload|foreign_file|pickle"):
        _load_pyfunc(str(tmp_path))
