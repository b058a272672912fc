"""An empty ledger: in a file, or wherever one may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.home import Home
from assay.ledger import Ledger
from tests.assay.ledger.places import Place, PostgresPlace, SqlitePlace


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.create(Home(tmp_path))


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return SqlitePlace.make(tmp_path)
    return PostgresPlace.make(tmp_path, request.getfixturevalue("postgres"))
