"""With its artifacts in a bucket a model goes the whole way, and what it rests on stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from assay.errors import EvidenceError, Refused, Unavailable
from assay.home import Home
from assay.registry.launch import server_folder
from tests.assay.registry.attempts import SEALED, Attempt
from tests.assay.registry.bucket import NAME, Bucket, bucket_server
from tests.assay.registry.line import Line, own_line
from tests.assay.registry.site import Logged, environment, log_model
from tests.assay.registry.test_audit import champion, found, found_once, seated

pytestmark = pytest.mark.slow

PREFIX = "credit/artifacts"
OWN = "unsafe_name"  # a bucket takes any key, so a spelling that a folder resolves is refused


@dataclass(frozen=True)
class Served:
    """A line whose artifacts are in a bucket."""

    line: Line
    bucket: Bucket

    def read(self, version: Logged) -> dict[str, bytes]:
        return self.bucket.read(f"{PREFIX}/{version.root}/")

    def put(self, version: Logged, name: str, data: bytes) -> None:
        self.bucket.put(f"{PREFIX}/{version.root}/{name}", data)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, payload: Path) -> Iterator[Served]:
    home = Home(tmp_path_factory.mktemp("bucket") / "home").create()
    home.settings.write_text(f"artifacts: s3://{NAME}/{PREFIX}\n")
    with bucket_server() as bucket, environment(bucket.variables), own_line(home.root) as line:
        line.look(payload)
        yield Served(line, bucket)


@pytest.fixture(scope="module")
def seat(served: Served, payload: Path) -> Logged:
    """A champion."""
    version = served.line.register(payload)
    assert served.line.submit(version, served.line.bundle(payload)).status == 200
    assert seated(served.line, version).version == version.version
    return version


def test_a_model_is_submitted_promoted_and_loaded(served: Served, seat: Logged) -> None:
    line = served.line
    assert champion(line).promotion.version == seat.version
    assert found(line)["outcome"] == "well"
    assert {"MLmodel", "data/payload/weights.safetensors"} <= served.read(seat).keys()
    run = f"{PREFIX}/{seat.experiment_id}/{seat.run_id}/"
    assert served.bucket.read(run) == {}, "sealed numbers are left where anybody reads them"
    folder = server_folder(line.evidenced.home) / "artifacts"
    assert list(folder.iterdir()) == []


def test_a_second_submission_needs_no_upload(served: Served, payload: Path, seat: Logged) -> None:
    line = served.line
    answer = line.hand_in(seat, line.tags(seat)["assay.submit"])
    assert (answer.status, answer.code) == (403, "already_allowed")
    other = line.register(payload)
    answer = line.hand_in(other, "sha256:" + "0" * 64)
    assert (answer.status, answer.code) == (403, "no_bundle")


def test_what_is_no_evidence_is_removed_and_told(served: Served, payload: Path) -> None:
    line = served.line
    version = line.register(payload)
    answer = line.submit(version, line.bundle(payload), "sha256:" + "1" * 64)
    assert (answer.status, answer.code) == (403, "bundle_changed")
    line.upload(version, {"stray/x.bin": b"x"})
    answer = line.hand_in(version, "sha256:" + "1" * 64)
    assert answer.status == 403
    run = f"{PREFIX}/{version.experiment_id}/{version.run_id}/"
    assert served.bucket.read(run) == {}
    assert line.submit(version, line.bundle(payload)).status == 200


@pytest.mark.parametrize("attempt", SEALED, ids=lambda attempt: attempt.name)
def test_no_request_changes_what_a_version_rests_on(
    served: Served, seat: Logged, attempt: Attempt
) -> None:
    before = served.read(seat)
    answer = attempt.make(served.line.site, seat)
    odd = "/./" in attempt.path or "//" in attempt.path
    assert answer.status == attempt.status, answer.text
    assert answer.code == (OWN if odd else attempt.code)
    assert served.read(seat) == before


def test_no_client_is_offered_a_way_around_the_server(
    served: Served, payload: Path, seat: Logged
) -> None:
    """Neither before a registration nor after it; a large file takes the plain way."""
    site = served.line.site
    info = site.ask("trainer", "GET", "/api/3.0/mlflow/server-info").json
    told = {name: value for name, value in info.items() if "multipart" in name}
    assert len(told) == 2
    assert set(told.values()) == {False}
    with (
        site.signed_in("trainer"),
        environment({"MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "1"}),
    ):
        logged = log_model(site, "credit", payload)
    assert served.read(logged).keys() == served.read(seat).keys()
    for method, path, body in (
        ("POST", "/api/2.0/mlflow-artifacts/mpu/create/{root}", {"path": "x", "num_parts": 1}),
        ("POST", "/api/2.0/mlflow-artifacts/mpu/complete/{root}", {"path": "x", "upload_id": "1"}),
        ("GET", "/api/2.0/mlflow-artifacts/presigned/{root}/MLmodel", None),
        ("POST", "/api/2.0/mlflow/artifacts/presigned-upload-url",
         {"model_id": logged.model_id, "path": "x"}),
        ("POST", "/api/2.0/mlflow/artifacts/presigned-download-url",
         {"run_id": logged.run_id, "path": "x"}),
    ):  # fmt: skip
        for who in ("trainer", "admin"):
            answer = site.ask(who, method, logged.filled(path), body)
            assert answer.status in (400, 403, 501), (path, answer)
            assert "X-Amz" not in answer.text


def test_a_slow_upload_that_ends_after_the_registration_is_refused(
    served: Served, payload: Path
) -> None:
    line = served.line
    with line.site.signed_in("trainer"):
        logged = log_model(line.site, "credit", payload)

    def slowly() -> Iterator[bytes]:
        yield b"{"
        made = line.site.api("trainer", "POST", "model-versions/create", logged.version_request())
        assert made.status == 200, made.text
        yield b"}"

    before = served.read(logged)
    path = f"/api/2.0/mlflow-artifacts/artifacts/{logged.root}/data/payload/model.json"
    answer = line.site.ask("trainer", "PUT", path, slowly())
    assert (answer.status, answer.code) == (403, "sealed_artifact")
    assert served.read(logged) == before


@pytest.mark.parametrize(
    ("name", "code"),
    [("data/payload/weights.safetensors", "swapped"), ("data/payload/new.json", "malformed")],
)
def test_bytes_changed_in_the_bucket_are_no_champion(
    served: Served, payload: Path, seat: Logged, name: str, code: str
) -> None:
    line = served.line
    version = line.register(payload)
    assert line.submit(version, line.bundle(payload)).status == 200
    seated(line, version)
    data = served.read(version).get(name, b"{} ")
    served.put(version, name, data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises((EvidenceError, Refused)) as refused:
        champion(line)
    assert refused.value.code == code
    told = found_once(line)
    assert (told["outcome"], told["code"]) == ("rolled back", code)
    assert told["champion"] == champion(line).promotion.version == seat.version


def test_a_model_that_is_gone_from_the_bucket_is_no_champion(
    served: Served, payload: Path, seat: Logged
) -> None:
    line = served.line
    version = line.register(payload)
    assert line.submit(version, line.bundle(payload)).status == 200
    seated(line, version)
    served.bucket.remove(f"{PREFIX}/{version.root}/")
    with pytest.raises(Unavailable, match="mlflow_unavailable"):
        champion(line)
    told = found_once(line)
    assert (told["outcome"], told["code"]) == ("rolled back", "not_a_folder")
    assert told["champion"] == champion(line).promotion.version == seat.version
