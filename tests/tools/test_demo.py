"""The demonstration starts over a home of its own, and loses none that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.cli.stack import _home
from assay.errors import InputError
from assay.home import Home
from assay.stack.record import lock_home
from tools.demo.__main__ import fresh_home


def test_the_current_home_is_the_newest_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ASSAY_HOME", raising=False)
    first = _home(None)  # what `assay up` makes, before any demonstration
    assert first.root == tmp_path / ".assay" / "home"
    shown = fresh_home(Path(".assay"))
    assert _home(None) == shown != first
    assert first.ledger.parent.is_dir()


def test_a_running_stack_keeps_its_name(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    (tmp_path / "current").symlink_to("home")
    with lock_home(home), pytest.raises(InputError, match="stack_running"):
        fresh_home(tmp_path)
    assert (tmp_path / "current").resolve() == home.root


def test_a_folder_that_is_no_link_stays(tmp_path: Path) -> None:
    Home(tmp_path / "current").create()
    with pytest.raises(InputError, match="not_a_link"):
        fresh_home(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["current"]
