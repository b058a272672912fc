"""The gate's rows are written by the gate's connections alone."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities.model_registry import ModelVersionTag
from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

from assay.errors import InputError
from assay.registry.rows import opened, write_rows
from assay.registry.store import GatedStore, build_store

FORBIDDEN = [
    "INSERT INTO registered_model_aliases VALUES ('champion', 1, 'credit', 'default')",
    "UPDATE registered_model_aliases SET version = 2 WHERE alias = 'champion'",
    "UPDATE registered_model_aliases SET alias = 'champion' WHERE alias = 'shadow'",
    "DELETE FROM registered_model_aliases WHERE alias = 'champion'",
    "UPDATE model_version_tags SET value = 'false' WHERE key = 'gate.allowed'",
    "DELETE FROM model_version_tags WHERE key = 'gate.allowed'",
    "UPDATE model_version_tags SET key = 'gate.other' WHERE key = 'note'",
    "UPDATE model_versions SET source = 'file:///etc' WHERE version = 1",
    "UPDATE model_versions SET storage_location = 'file:///etc' WHERE version = 1",
    "UPDATE model_versions SET current_stage = 'Production' WHERE version = 1",
    "UPDATE model_versions SET current_stage = 'Deleted_Internal', storage_location = 'file:///etc'"
    " WHERE version = 1",
    "UPDATE registered_models SET name = 'debit'",
]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with two versions, the first of them champion; its migrations take seconds."""
    file = tmp_path_factory.mktemp("filled") / "registry.db"
    made = build_store(f"gated+sqlite:///{file}")
    with opened():
        SqlAlchemyStore.create_registered_model(made, "credit")
        for _ in range(2):
            SqlAlchemyStore.create_model_version(made, "credit", "mlflow-artifacts:/1/models/m")
    write_rows(made, "credit", {"1": {"gate.allowed": "true"}}, {"champion": "1"})
    SqlAlchemyStore.set_registered_model_alias(made, "credit", "shadow", 1)
    SqlAlchemyStore.set_model_version_tag(made, "credit", "1", ModelVersionTag("note", "mine"))
    made.engine.dispose()
    return file


@pytest.fixture
def file(tmp_path: Path, filled: Path) -> Path:
    return Path(shutil.copy(filled, tmp_path / "registry.db"))


@pytest.fixture
def store(file: Path) -> Iterator[GatedStore]:
    made = build_store(f"gated+sqlite:///{file}")
    yield made
    made.engine.dispose()


def _rows(file: Path) -> Any:
    connection = sqlite3.connect(file)
    try:
        return [
            connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall()
            for table in ("registered_model_aliases", "model_version_tags", "model_versions")
        ]
    finally:
        connection.close()


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_a_stranger_s_connection_writes_nothing(
    store: GatedStore, file: Path, statement: str
) -> None:
    before = _rows(file)
    connection = sqlite3.connect(file)
    try:
        with pytest.raises(sqlite3.Error):
            connection.execute(statement)
    finally:
        connection.close()
    assert _rows(file) == before


@pytest.mark.parametrize("statement", FORBIDDEN[1:])
def test_our_own_connection_writes_nothing_unopened(
    store: GatedStore, file: Path, statement: str
) -> None:
    before = _rows(file)
    with store.engine.connect() as connection, pytest.raises(Exception, match="only the gate"):
        connection.exec_driver_sql(statement)
    assert _rows(file) == before


def test_tags_and_aliases_are_written_together_or_not_at_all(store: GatedStore) -> None:
    with pytest.raises(MlflowException):
        write_rows(store, "credit", {"9": {"gate.allowed": "true"}}, {"champion": "2"})
    assert store.get_model_version_by_alias("credit", "champion").version == 1
    write_rows(store, "credit", {"2": {"gate.allowed": "true"}}, {"champion": "2", "previous": "1"})
    assert store.get_model_version_by_alias("credit", "champion").version == 2
    assert store.get_model_version_by_alias("credit", "previous").version == 1
    assert store.get_model_version("credit", "2").tags == {"gate.allowed": "true"}


def test_outside_of_a_request_nobody_is_anybody(store: GatedStore) -> None:
    with pytest.raises(MlflowException, match="no_identity"):
        store.create_registered_model("other")


def test_sealed_places_outlive_their_version(store: GatedStore) -> None:
    store.delete_model_version("credit", "2")
    assert store.artifact_locations() == ["mlflow-artifacts:/1/models/m"]


def test_a_held_version_is_not_deleted(store: GatedStore) -> None:
    with pytest.raises(MlflowException, match="holds_alias"):
        store.delete_model_version("credit", "1")


@pytest.mark.parametrize("uri", ["gated+mysql://h/d", "file:///tmp/x"])
def test_another_database_is_refused(uri: str) -> None:
    with pytest.raises(InputError, match="not_gated"):
        build_store(uri)


def test_workspaces_are_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    with pytest.raises(InputError, match="not_gated"):
        build_store(f"gated+sqlite:///{file}")
