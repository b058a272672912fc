"""What everyone's tests need: a fresh home with its keys, its trust and an empty ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from assay.evidence.keys import make_keys
from assay.home import Home
from assay.ledger import Ledger
from tests.postgres import Postgres, postgres_server
from tests.stack_fixture import prefect_api, stack

__all__ = ["prefect_api", "stack"]  # fixtures that are shared

# A busy machine makes no law untrue.
settings.register_profile("assay", deadline=None)
settings.load_profile("assay")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home of its own."""
    fresh = Home(tmp_path / "home").create()
    make_keys(fresh)
    Ledger.create(fresh)
    return fresh


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for the whole session."""
    with postgres_server() as server:
        yield server
