"""The one artifact repository of the server: what backs a registered version is never written.

Every proxied write passes here: Flask's and FastAPI's uploads, deletions and directory copies. New
files matter as much as overwrites, and a folder above a sealed root as much as one below.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import anyio.to_thread
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from assay.errors import Refused
from assay.registry.refusal import answered
from assay.registry.server import registry_store

SCHEME = "sealed+"
PROXIED = "mlflow-artifacts"


def sealed_by(path: Path, roots: Iterable[Path]) -> bool:
    """Whether a path lies at, under or above one of the roots; all are resolved."""
    return any(path.is_relative_to(root) or root.is_relative_to(path) for root in roots)


def place_of(location: str, folder: Path) -> Path:
    """The folder behind a proxied artifact location.

    Raises:
        Refused: Another scheme, or a place outside of the repository.
    """
    parts = urlsplit(location)
    place = (folder / parts.path.lstrip("/")).resolve()
    if parts.scheme != PROXIED or parts.netloc or not place.is_relative_to(folder.resolve()):
        raise Refused(
            "foreign_storage", "expected artifacts that this server keeps, found another location"
        )
    return place


class SealedArtifactRepository(LocalArtifactRepository):
    """MLflow's local repository, with every write asked first.

    Args:
        artifact_uri: `sealed+file:///folder`.
    """

    def __init__(self, artifact_uri: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(artifact_uri.removeprefix(SCHEME), *args, **kwargs)

    @property
    def folder(self) -> Path:
        """Where the artifacts are."""
        return Path(self.artifact_dir)

    def _refuse_sealed(self, *parts: str | None) -> None:
        path = self.folder.joinpath(*(part.lstrip("/") for part in parts if part)).resolve()
        roots = [place_of(location, self.folder) for location in _registered_locations()]
        if sealed_by(path, roots):
            raise Refused(
                "sealed_artifact",
                "expected a path that backs no registered version, found one that does; "
                "log a new model instead",
            )

    @answered
    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Copy a file in."""
        self._refuse_sealed(artifact_path, Path(local_file).name)
        super().log_artifact(local_file, artifact_path)

    @answered
    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """Copy a folder in."""
        self._refuse_sealed(artifact_path)
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
        self._refuse_sealed(artifact_path)
        super().delete_artifacts(artifact_path)

    @answered
    def _publish_staged_artifact(
        self,
        temp_file_path: str,
        destination_file_path: str,
        finalize_temp_path: Callable[[str], None] | None = None,
    ) -> None:
        # A slow upload may end after its folder was registered: ask again at the last moment.
        self._refuse_sealed(str(Path(destination_file_path).relative_to(self.folder)))
        super()._publish_staged_artifact(temp_file_path, destination_file_path, finalize_temp_path)


def _registered_locations() -> list[str]:
    locate = getattr(registry_store(), "artifact_locations", None)
    if locate is None:
        raise Refused("not_gated", "expected a gated registry beside sealed artifacts, found none")
    found: list[str] = locate()
    return found
