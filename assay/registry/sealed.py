"""The one artifact repository of the server: what backs a registered version is never written.

Every proxied write passes here: Flask's and FastAPI's uploads, deletions and directory copies. New
files matter as much as overwrites, and a folder above a sealed root as much as one below.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path, PurePath
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import anyio.to_thread
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from assay.errors import Refused, Unavailable
from assay.registry.gate import Gate
from assay.registry.refusal import answered
from assay.registry.server import artifact_repository, registry_store

SCHEME = "sealed+"
PROXIED = "mlflow-artifacts"


def sealed_by(path: PurePath, roots: Iterable[PurePath]) -> bool:
    """Whether a path lies at, under or above one of the roots; each has one spelling."""
    return any(path.is_relative_to(root) or root.is_relative_to(path) for root in roots)


def proxied_path(location: str) -> str:
    """The path of a proxied artifact location inside the repository.

    Raises:
        Refused: Another scheme, or another server.
    """
    parts = urlsplit(location)
    if parts.scheme != PROXIED or parts.netloc or parts.query or parts.fragment:
        raise _foreign()
    return parts.path.strip("/")


def registered_locations() -> list[str]:
    """Where the artifacts of registered versions are.

    Raises:
        Refused: The registry is not gated.
    """
    locate = getattr(registry_store(), "artifact_locations", None)
    if locate is None:
        raise Refused("not_gated", "expected a gated registry beside sealed artifacts, found none")
    found: list[str] = locate()
    return found


def sealed_artifacts() -> Sealed:
    """The server's repository.

    Raises:
        Refused: It is not sealed.
    """
    repository = artifact_repository()
    if not isinstance(repository, Sealed):
        raise Refused("not_gated", "expected sealed artifacts, found another repository")
    return repository


class Sealed(ArtifactRepository):
    """A repository that asks before it writes, and hands the gate what it hashes.

    Args:
        artifact_uri: `sealed+` and what the repository underneath takes.
        locations: Says where the artifacts of registered versions are.
    """

    def __init__(
        self,
        artifact_uri: str,
        *args: Any,
        locations: Callable[[], list[str]] = registered_locations,
        **kwargs: Any,
    ) -> None:
        super().__init__(artifact_uri.removeprefix(SCHEME), *args, **kwargs)
        self._locations = locations

    @abstractmethod
    def at(self, *parts: str | None) -> PurePath:
        """The place of a path, however it is spelt.

        Raises:
            Refused: It is not in this repository, or a path that could mean two places.
        """

    @abstractmethod
    def fetched(self, location: str, below: str = "") -> AbstractContextManager[Path]:
        """A folder's bytes as they are now, on this machine's disk; it may not be there.

        Args:
            location: A proxied artifact location.
            below: A folder in it.

        Raises:
            Refused: As `at`; `foreign_storage`.
            EvidenceError: What is there cannot be laid out as files.
            Unavailable: The storage does not answer.
        """

    @abstractmethod
    def reach(self) -> None:
        """Whether the storage answers.

        Raises:
            Unavailable: It does not.
        """

    def discard(self, location: str, below: str) -> None:
        """Delete a folder in a proxied artifact location, if no version rests on it."""
        self.delete_artifacts(f"{proxied_path(location)}/{below}")

    def _refuse_sealed(self, *parts: str | None) -> None:
        path = self.at(*parts)
        if sealed_by(path, (self.at(proxied_path(where)) for where in self._locations())):
            raise Refused(
                "sealed_artifact",
                "expected a path that backs no registered version, found one that does; "
                "log a new model instead",
            )

    @contextmanager
    def _writing(self, *parts: str | None) -> Iterator[None]:
        """Asked at the last moment; what is written inside is there before a version rests on it.

        An upload may be slow, and its folder be registered meanwhile.
        """
        with Gate.here().uploading():
            self._refuse_sealed(*parts)
            yield


class SealedArtifactRepository(Sealed, LocalArtifactRepository):
    """MLflow's local repository, with every write asked first.

    Args:
        artifact_uri: `sealed+file:///folder`.
    """

    @property
    def folder(self) -> Path:
        """Where the artifacts are."""
        return Path(self.artifact_dir)

    def at(self, *parts: str | None) -> Path:
        """The resolved path."""
        path = self.folder.joinpath(*(part.lstrip("/") for part in parts if part)).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise _foreign()
        return path

    def fetched(self, location: str, below: str = "") -> AbstractContextManager[Path]:
        """The folder itself."""
        return nullcontext(self.at(proxied_path(location), below))

    def reach(self) -> None:
        """Whether the folder is there."""
        if not self.folder.is_dir():
            raise Unavailable("disk_unavailable", "expected a folder of artifacts, found none")

    @answered
    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Copy a file in."""
        self._refuse_sealed(artifact_path, Path(local_file).name)
        super().log_artifact(local_file, artifact_path)

    @answered
    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """Copy a folder in."""
        with self._writing(artifact_path):
            for path in Path(local_dir).rglob("*"):
                self._refuse_sealed(artifact_path, str(path.relative_to(local_dir)))
            super().log_artifacts(local_dir, artifact_path)

    @answered
    def log_artifact_from_stream(
        self, stream: BinaryIO, artifact_file_name: str, artifact_path: str | None = None
    ) -> None:
        """Write an upload of Flask's."""
        self._refuse_sealed(artifact_path, artifact_file_name)
        super().log_artifact_from_stream(stream, artifact_file_name, artifact_path)

    async def log_artifact_from_async_stream(
        self,
        chunks: AsyncIterable[bytes],
        artifact_file_name: str,
        artifact_path: str | None = None,
    ) -> None:
        """Write an upload of FastAPI's."""
        ask = answered(self._refuse_sealed)
        await anyio.to_thread.run_sync(ask, artifact_path, artifact_file_name)
        await super().log_artifact_from_async_stream(chunks, artifact_file_name, artifact_path)

    @answered
    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        """Delete a file or a folder."""
        with self._writing(artifact_path):
            super().delete_artifacts(artifact_path)

    @answered
    def _publish_staged_artifact(
        self,
        temp_file_path: str,
        destination_file_path: str,
        finalize_temp_path: Callable[[str], None] | None = None,
    ) -> None:
        with self._writing(str(Path(destination_file_path).relative_to(self.folder))):
            super()._publish_staged_artifact(
                temp_file_path, destination_file_path, finalize_temp_path
            )


def _foreign() -> Refused:
    return Refused(
        "foreign_storage", "expected artifacts that this server keeps, found another location"
    )
