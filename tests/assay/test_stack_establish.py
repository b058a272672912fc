"""A home is made once, and what it has lost is not made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import InputError
from assay.evidence.trust import Trust
from assay.home import Home
from assay.ledger import Ledger
from assay.stack.establish import establish
from tests.assay.ledger.places import at
from tests.postgres import Postgres
from tests.stack_fixture import assert_nothing_is_left, begin


def test_a_fresh_folder_becomes_a_home_and_stays_it(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    establish(home)
    Ledger.of(home).append("look", {"n": 1})
    trusted = Trust.load(home.trust).digest
    establish(home)
    assert Trust.load(home.trust).digest == trusted
    assert len(Ledger.of(home).entries("look")) == 1


def test_a_lost_ledger_is_not_replaced_by_an_empty_one(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    establish(home)
    home.ledger.unlink()
    with pytest.raises(InputError, match="ledger_gone"):
        establish(home)
    process, marker = begin(tmp_path)
    told = process.communicate(timeout=60)[1]
    assert process.returncode and "ledger_gone" in told
    assert not home.ledger.exists()
    assert_nothing_is_left(marker)


def test_nor_when_the_trust_was_lost_with_it(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    establish(home)
    home.ledger.unlink()
    home.trust.unlink()
    with pytest.raises(InputError, match="ledger_gone"):
        establish(home)


def test_a_start_that_was_cut_short_is_repeated(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    Ledger.create(home)  # as far as it came
    establish(home)
    assert home.trust.exists()


def test_a_fresh_home_does_not_take_over_another_s_ledger(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    Ledger.create(home).append("look", {"n": 1})
    with pytest.raises(InputError, match="ledger_foreign"):
        establish(home)
    assert not home.trust.exists()


def test_a_ledger_elsewhere_is_made_once_and_missed_when_it_is_gone(
    tmp_path: Path, postgres: Postgres
) -> None:
    database = postgres.database()
    home = at(Home(tmp_path / "home").create().root, postgres.url(database, "owner"))
    establish(home)
    establish(home)
    assert Ledger.of(home).exists()
    assert not home.ledger.exists()
    postgres.sql(database, "DROP TABLE assay_ledger.chain")
    with pytest.raises(InputError, match="ledger_gone"):
        establish(home)
    home.settings.unlink()  # nor is one made up in the home
    with pytest.raises(InputError, match="ledger_gone"):
        establish(home)
