"""One honest submission for every test that spoils it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.assay.policy.submission import Recorded, Site


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site.build(tmp_path_factory.mktemp("honest"))


@pytest.fixture
def site(honest: Site) -> Site:
    """The honest site; what a test changes of it is gone with the test."""
    return replace(honest, tables=dict(honest.tables), looks=Recorded(list(honest.looks.looks)))
