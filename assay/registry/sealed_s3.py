"""Sealed artifacts in a bucket: scheme `sealed+s3`.

MLflow's S3 repository is held, not inherited from: it can also sign URLs, by which a client writes
to the bucket and passes nobody here. A repository that offers none is asked for none: MLflow's
server says so to its clients, and they upload and download through it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository

from assay.errors import EvidenceError, Unavailable
from assay.registry.refusal import answered
from assay.registry.sealed import Sealed, proxied_path

_MAX_NAME = 255  # bytes; what a file system takes


class SealedS3ArtifactRepository(Sealed):
    """MLflow's S3 repository, with every write asked first.

    The server has an upload on its own disk before it comes here, so that the question is put
    right before the bytes go to the bucket.

    Args:
        artifact_uri: `sealed+s3://BUCKET/PREFIX`.
        most_bytes: Of a folder that is fetched.
        most_files: Likewise.
    """

    def __init__(
        self,
        artifact_uri: str,
        *args: Any,
        most_bytes: int = 1 << 32,
        most_files: int = 10_000,
        **kwargs: Any,
    ) -> None:
        super().__init__(artifact_uri, *args, **kwargs)
        self._most = most_files, most_bytes
        self._plain = S3ArtifactRepository(self.artifact_uri)
        self._bucket, self._prefix = self._plain.parse_s3_compliant_uri(self.artifact_uri)

    def at(self, *parts: str | None) -> PurePosixPath:
        """The key below the prefix; compared name by name, so `m-1` is no part of `m-10`."""
        names = [name for part in parts if part for name in part.rstrip("/").split("/")]
        for name in names:
            _check_name(name)
        return PurePosixPath(*names)

    @contextmanager
    def fetched(self, location: str, below: str = "") -> Iterator[Path]:
        """Downloaded once, into a folder that is gone afterwards."""
        prefix = f"{self._prefix}/{self.at(proxied_path(location), below)}/"
        with tempfile.TemporaryDirectory(prefix="assay-") as scratch:
            folder = Path(scratch) / "fetched"
            with _answering():
                self._fetch(prefix, folder)
            yield folder

    def reach(self) -> None:
        """Whether the bucket can be listed."""
        with _answering():
            self._client().list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)

    @answered
    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Put a file."""
        with _answering(), self._writing(artifact_path, Path(local_file).name):
            self._plain.log_artifact(local_file, str(self.at(artifact_path)))

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """Put each file of a folder."""
        for path in sorted(Path(local_dir).rglob("*")):
            if path.is_file():
                below = path.parent.relative_to(local_dir)
                self.log_artifact(str(path), str(self.at(artifact_path, *below.parts)))

    @answered
    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        """Delete a file or a folder."""
        with _answering(), self._writing(artifact_path):
            self._plain.delete_artifacts(str(self.at(artifact_path)))

    @answered
    def list_artifacts(self, path: str | None = None) -> Any:
        """What is right below a path."""
        inside = self.at(path)
        with _answering():
            return self._plain.list_artifacts(str(inside) if inside.parts else None)

    @answered
    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        with _answering():
            self._plain._download_file(str(self.at(remote_file_path)), local_path)

    def _client(self) -> Any:
        return self._plain._get_s3_client()

    def _fetch(self, prefix: str, folder: Path) -> None:
        client, files, size = self._client(), 0, 0
        most_files, most_bytes = self._most
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        for found in (entry for page in pages for entry in page.get("Contents", ())):
            files, size = files + 1, size + found["Size"]
            if files > most_files or size > most_bytes:
                told = f"expected at most {most_files} files and {most_bytes} bytes, found more"
                raise EvidenceError("too_large", told)
            target = _made(folder, found["Key"].removeprefix(prefix))
            client.download_file(self._bucket, found["Key"], str(target))


def _made(folder: Path, key: str) -> Path:
    """Where a key's bytes go; a key and another below it have no place side by side."""
    for name in key.split("/"):
        _check_name(name)
    target = folder / key
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        told = "expected keys that can be files side by side, found one below another"
        raise EvidenceError("unsafe_name", told) from None
    return target


def _check_name(name: str) -> None:
    """A bucket takes any text; these mean something else to a server, a client or a disk."""
    long = len(name.encode("utf-8", "surrogatepass")) > _MAX_NAME
    if name in ("", ".", "..") or set(name) & set("\\%") or not name.isprintable() or long:
        raise EvidenceError(
            "unsafe_name",
            r"expected a path of plain names, found an empty one, dots, \, % or the like",
        )


@contextmanager
def _answering() -> Iterator[None]:
    """What the bucket says instead of an answer, as ours; the library is an extra, so it is late.

    Raises:
        Unavailable: It does not answer, or not to us.
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("404", "NoSuchKey"):
            raise MlflowException("no such artifact", RESOURCE_DOES_NOT_EXIST) from None
        told = f"expected the bucket of artifacts to answer, found {code}"
        raise Unavailable("bucket_unavailable", told) from None
    except (BotoCoreError, Boto3Error) as error:
        told = f"expected the bucket of artifacts to answer, found {type(error).__name__}"
        raise Unavailable("bucket_unavailable", told) from None
