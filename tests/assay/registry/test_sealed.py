"""What backs a registered version is not written, added to, deleted or nested into, on any storage.

Each law is asked of the folder and of a bucket of a real server.
"""

from __future__ import annotations

import fcntl
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repo import (
    MultipartDownloadMixin,
    MultipartUploadMixin,
    PresignedUploadMixin,
)
from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository

from assay.errors import AssayError, EvidenceError, Unavailable
from assay.home import ENVIRONMENT, Home
from assay.registry.gate import Gate
from assay.registry.sealed import Sealed, SealedArtifactRepository
from assay.registry.sealed_s3 import SealedS3ArtifactRepository
from tests.assay.registry.bucket import NAME, Bucket, bucket_server
from tests.assay.registry.site import environment

ROOT = "1/models/m-1/artifacts"
HELD = {f"{ROOT}/MLmodel": b"model", f"{ROOT}/data/payload/weights": b"weights"}
OTHERS = {"1/models/m-2/artifacts/MLmodel": b"another", "1/run/artifacts/note": b"note"}
LOCATION = f"mlflow-artifacts:/{ROOT}"


class Shelf(ABC):
    """A sealed repository, and what its owner sees and does behind it."""

    repository: Sealed

    def __init__(self) -> None:
        self.registered = [LOCATION]
        self.asked: list[bool] = []  # for each question, whether a registration would wait

    def locations(self) -> list[str]:
        self.asked.append(_would_wait(Gate.here().home))
        return list(self.registered)

    @abstractmethod
    def read(self) -> dict[str, bytes]: ...

    @abstractmethod
    def put(self, path: str, data: bytes) -> None: ...


class Folder(Shelf):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._folder.mkdir()
        uri = f"sealed+file://{folder}"
        self.repository = SealedArtifactRepository(uri, locations=self.locations)

    def read(self) -> dict[str, bytes]:
        files = (path for path in self._folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self._folder)): path.read_bytes() for path in files}

    def put(self, path: str, data: bytes) -> None:
        (self._folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self._folder / path).write_bytes(data)


class InBucket(Shelf):
    def __init__(self, bucket: Bucket, prefix: str, name: str = NAME, **most: int) -> None:
        super().__init__()
        self._bucket, self._prefix = bucket, f"{prefix}/"
        self.plain = S3ArtifactRepository(f"s3://{name}/{prefix}")
        uri = f"sealed+s3://{name}/{prefix}"
        self.repository = SealedS3ArtifactRepository(uri, locations=self.locations, **most)

    def read(self) -> dict[str, bytes]:
        return self._bucket.read(self._prefix)

    def put(self, path: str, data: bytes) -> None:
        self._bucket.put(self._prefix + path, data)


def _would_wait(home: Home) -> bool:
    lock = os.open(home.root / "artifacts.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    with bucket_server() as made, environment(made.variables):
        yield made


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = Home(tmp_path / "home").create()
    monkeypatch.setenv(ENVIRONMENT, str(made.root))
    return made


@pytest.fixture
def in_bucket(home: Home, bucket: Bucket, tmp_path: Path) -> InBucket:
    shelf = InBucket(bucket, f"of/{tmp_path.name}")
    _fill(shelf)
    return shelf


@pytest.fixture(params=["file", "s3"])
def shelf(request: pytest.FixtureRequest, home: Home, tmp_path: Path) -> Shelf:
    if request.param == "s3":
        found: Shelf = request.getfixturevalue("in_bucket")
        return found
    made = Folder(tmp_path / "artifacts")
    _fill(made)
    return made


def _fill(shelf: Shelf) -> None:
    for path, data in {**HELD, **OTHERS}.items():
        shelf.put(path, data)


@pytest.fixture
def swapped(tmp_path: Path) -> Path:
    (tmp_path / "swapped").mkdir()
    (tmp_path / "swapped" / "MLmodel").write_bytes(b"swapped")
    return tmp_path / "swapped"


def _code(refused: pytest.ExceptionInfo[Any]) -> str:
    if isinstance(refused.value, AssayError):
        return refused.value.code
    return str(refused.value).partition("[assay] refused, code ")[2].partition(":")[0]


AT_UNDER_OR_ABOVE = ["", "1", "1/models", "1/models/m-1", ROOT, f"{ROOT}/", f"{ROOT}/data"]


@pytest.mark.parametrize("place", [ROOT, f"{ROOT}/data", f"{ROOT}/MLmodel", f"{ROOT}/new/deeper"])
def test_nothing_is_put_at_or_under_a_root(shelf: Shelf, swapped: Path, place: str) -> None:
    for put in (
        lambda: shelf.repository.log_artifact(str(swapped / "MLmodel"), place),
        lambda: shelf.repository.log_artifacts(str(swapped), place),
    ):
        with pytest.raises(MlflowException) as refused:
            put()
        assert _code(refused) == "sealed_artifact"
    assert shelf.read() == {**HELD, **OTHERS}


@pytest.mark.parametrize("place", ["1/models/m-1", "1/models", "1"])
def test_no_file_takes_the_place_of_a_folder_above(
    shelf: Shelf, tmp_path: Path, place: str
) -> None:
    head, _, name = place.rpartition("/")
    (tmp_path / name).write_bytes(b"nested")
    with pytest.raises(MlflowException) as refused:
        shelf.repository.log_artifact(str(tmp_path / name), head or None)
    assert _code(refused) == "sealed_artifact"
    assert shelf.read() == {**HELD, **OTHERS}


@pytest.mark.parametrize("place", AT_UNDER_OR_ABOVE)
def test_nothing_at_under_or_above_a_root_is_deleted(shelf: Shelf, place: str) -> None:
    with pytest.raises(MlflowException) as refused:
        shelf.repository.delete_artifacts(place)
    assert _code(refused) == "sealed_artifact"
    assert shelf.read() == {**HELD, **OTHERS}


def test_what_only_begins_like_a_root_is_free(shelf: Shelf, swapped: Path) -> None:
    for place in ("1/models/m-10/artifacts", "1/models/m-", "1/models/m-1x", f"{ROOT}2"):
        shelf.repository.log_artifact(str(swapped / "MLmodel"), place)
        assert shelf.read()[f"{place}/MLmodel"] == b"swapped"
        shelf.repository.delete_artifacts(place)
    shelf.repository.delete_artifacts("1/models/m-2")
    shelf.repository.log_artifacts(str(swapped), "1/run/artifacts/sub")
    left = {path: data for path, data in OTHERS.items() if "m-2" not in path}
    assert shelf.read() == {**HELD, **left, "1/run/artifacts/sub/MLmodel": b"swapped"}


def test_a_location_of_another_server_seals_everything(shelf: Shelf, swapped: Path) -> None:
    shelf.registered.append("s3://elsewhere/1")
    with pytest.raises(MlflowException) as refused:
        shelf.repository.log_artifact(str(swapped / "MLmodel"), "1/run/artifacts")
    assert _code(refused) == "foreign_storage"


def test_a_version_waits_for_writes_and_then_they_are_asked(
    shelf: Shelf, home: Home, swapped: Path
) -> None:
    """No write lies between the last question and a registration."""
    shelf.registered.clear()
    shelf.repository.log_artifact(str(swapped / "MLmodel"), ROOT)
    assert shelf.asked[-1], "a version can be registered between the question and the bytes"
    with ThreadPoolExecutor(1) as pool:
        with Gate(home).registering():
            written = pool.submit(shelf.repository.delete_artifacts, ROOT)
            assert not written.done()
            shelf.registered.append(LOCATION)
        with pytest.raises(MlflowException) as refused:
            written.result(timeout=30)
    assert _code(refused) == "sealed_artifact"
    assert not _would_wait(home)


def test_a_folder_is_fetched_as_it_is(shelf: Shelf) -> None:
    with shelf.repository.fetched(LOCATION) as folder:
        files = {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}
        assert {f"{ROOT}/{name}": path.read_bytes() for name, path in files.items()} == HELD
    with shelf.repository.fetched(LOCATION, "data") as folder:
        assert [path.name for path in folder.iterdir()] == ["payload"]
    with shelf.repository.fetched(LOCATION, "dat") as folder:
        assert not folder.exists()


def test_what_no_version_rests_on_is_discarded(shelf: Shelf) -> None:
    shelf.repository.discard("mlflow-artifacts:/1/run/artifacts", "note")
    shelf.repository.discard("mlflow-artifacts:/1/run/artifacts", "note")
    assert "1/run/artifacts/note" not in shelf.read()
    with pytest.raises(MlflowException) as refused:
        shelf.repository.discard(LOCATION, "data")
    assert _code(refused) == "sealed_artifact"


@pytest.mark.parametrize(
    "location",
    ["s3://models/1", "mlflow-artifacts://host/1", "file:///etc", "mlflow-artifacts:/1?x", "../.."],
)
def test_nothing_else_is_fetched(shelf: Shelf, location: str) -> None:
    with pytest.raises(AssayError, match="foreign_storage"), shelf.repository.fetched(location):
        pass


def test_the_storage_is_asked_before_it_is_served(
    home: Home, bucket: Bucket, tmp_path: Path
) -> None:
    missing = Folder(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    nowhere = InBucket(bucket, "of/models", "nowhere")
    for shelf, code in ((missing, "disk_unavailable"), (nowhere, "bucket_unavailable")):
        with pytest.raises(Unavailable, match=code):
            shelf.repository.reach()
    with (
        pytest.raises(Unavailable, match="bucket_unavailable"),
        nowhere.repository.fetched(LOCATION),
    ):
        pass
    with pytest.raises(MlflowException) as refused:
        nowhere.repository.delete_artifacts("1/run")
    assert _code(refused) == "bucket_unavailable"


@pytest.mark.parametrize(
    "place",
    ["/1/x", "1//x", "./1", "1/../2", "..", "1\\x", "1/%78", "1/\n", "1/\u202ex", "1/" + "x" * 256],
)
def test_a_key_of_two_readings_is_none(in_bucket: InBucket, swapped: Path, place: str) -> None:
    in_bucket.registered.clear()
    for act in (
        lambda: in_bucket.repository.log_artifact(str(swapped / "MLmodel"), place),
        lambda: in_bucket.repository.delete_artifacts(place),
        lambda: in_bucket.repository.list_artifacts(place),
        lambda: in_bucket.repository._download_file(place, str(swapped / "out")),
    ):
        with pytest.raises(MlflowException) as refused:
            act()
        assert _code(refused) == "unsafe_name"
    assert in_bucket.read() == {**HELD, **OTHERS}


@pytest.mark.parametrize("key", ["../../out", "a//b", "data/payload/weights/x", "dir/", "a\\b"])
def test_a_bucket_s_keys_are_laid_out_as_files_or_not_at_all(
    in_bucket: InBucket, tmp_path: Path, key: str
) -> None:
    in_bucket.put(f"{ROOT}/{key}", b"stray")
    with pytest.raises(EvidenceError, match="unsafe_name"), in_bucket.repository.fetched(LOCATION):
        pass
    assert not list(tmp_path.rglob("out"))


@pytest.mark.parametrize(("limit", "least"), [("most_bytes", 12), ("most_files", 2)])
def test_a_fetch_has_an_end(home: Home, bucket: Bucket, limit: str, least: int) -> None:
    enough = InBucket(bucket, f"of/{limit}", **{limit: least})
    _fill(enough)
    with enough.repository.fetched(LOCATION) as folder:
        assert folder.is_dir()
    scarce = InBucket(bucket, f"of/{limit}", **{limit: least - 1})
    with pytest.raises(EvidenceError, match="too_large"), scarce.repository.fetched(LOCATION):
        pass


def test_what_is_not_there_is_not_found(in_bucket: InBucket, tmp_path: Path) -> None:
    with pytest.raises(MlflowException) as refused:
        in_bucket.repository.download_artifacts("1/nothing", str(tmp_path))
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_no_url_goes_around_the_server(in_bucket: InBucket) -> None:
    """A URL that was signed before a registration writes after it; so none is signed."""
    part = in_bucket.plain.create_multipart_upload("MLmodel", 1, ROOT)
    url = in_bucket.plain.create_presigned_upload_url(f"{ROOT}/MLmodel")
    answer = requests.put(url.presigned_url, data=b"swapped", headers=url.headers, timeout=30)
    assert part.credentials
    assert answer.ok
    assert in_bucket.read()[f"{ROOT}/MLmodel"] == b"swapped", "the control sees no bypass"
    for signs in (MultipartUploadMixin, MultipartDownloadMixin, PresignedUploadMixin):
        assert not isinstance(in_bucket.repository, signs)
        for method in signs.__abstractmethods__:
            assert not hasattr(in_bucket.repository, method)
