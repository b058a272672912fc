"""An empty ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path / "ledger.db")
