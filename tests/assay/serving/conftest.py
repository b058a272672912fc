"""A promoted model and a registry to put it in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from assay.home import REPOSITORY
from assay.policy.bundle import build_policy
from tests.assay.serving.promoted import Promoted, Registry, save_small_model


@pytest.fixture(scope="session")
def payload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("champion") / "payload"
    save_small_model(folder)
    return folder


@pytest.fixture(scope="session")
def promoted(tmp_path_factory: pytest.TempPathFactory, payload: Path) -> Promoted:
    digest = save_small_model(payload.parent / "again")
    return Promoted.build(tmp_path_factory.mktemp("home") / "home", digest)


@pytest.fixture(scope="session")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policy") / "policy"
    build_policy(REPOSITORY / "policies", folder)
    return folder


@pytest.fixture(scope="session")
def exported(
    tmp_path_factory: pytest.TempPathFactory, promoted: Promoted, payload: Path, policy: Path
) -> Path:
    """A bundle of the promoted model."""
    return promoted.export(tmp_path_factory.mktemp("exported") / "credit", payload, policy)


@pytest.fixture(scope="session")
def empty_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database; its migrations take seconds."""
    folder = tmp_path_factory.mktemp("empty")
    Registry(f"sqlite:///{folder / 'registry.db'}", folder).client().search_registered_models()
    return folder / "registry.db"


@pytest.fixture
def registry(tmp_path: Path, empty_registry: Path) -> Registry:
    file = Path(shutil.copy(empty_registry, tmp_path / "registry.db"))
    return Registry(f"sqlite:///{file}", tmp_path / "models")
