"""A floor only rises, and one that cannot be read or kept accepts nothing."""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from assay.errors import AssayError, EvidenceError, Unavailable
from assay.serving.champion import Champion, load_champion
from tests.assay.serving.promoted import NOW, Promoted

KEPT = b'{"alias":"champion","model":"credit","sequence":%d}'


@pytest.fixture
def floor(tmp_path: Path) -> Path:
    folder = tmp_path / "floors"
    folder.mkdir()
    return folder / "credit.floor"


@pytest.fixture(scope="session")
def older(
    tmp_path_factory: pytest.TempPathFactory, promoted: Promoted, payload: Path, policy: Path
) -> Path:
    """The promotion before, which was as honest."""
    return promoted.export(tmp_path_factory.mktemp("older") / "credit", payload, policy, sequence=2)


def _load(promoted: Promoted, bundle: Path, floor: Path) -> Champion:
    return load_champion("credit", trust=promoted.trust, bundle=bundle, floor=floor, now=NOW)


def _refused(promoted: Promoted, bundle: Path, floor: Path) -> AssayError:
    with pytest.raises(AssayError) as refused:
        _load(promoted, bundle, floor)
    return refused.value


def test_the_first_load_makes_it_and_a_later_promotion_raises_it(
    promoted: Promoted, exported: Path, older: Path, floor: Path
) -> None:
    for bundle, sequence in ((older, 2), (older, 2), (exported, 3), (exported, 3)):
        assert _load(promoted, bundle, floor).promotion.sequence == sequence
        assert floor.read_bytes() == KEPT % sequence
        assert stat.S_IMODE(floor.stat().st_mode) == 0o600
    assert _refused(promoted, older, floor).code == "rolled_back"
    assert floor.read_bytes() == KEPT % 3
    assert list(floor.parent.iterdir()) == [floor]


def test_what_is_refused_raises_nothing(
    promoted: Promoted, payload: Path, policy: Path, floor: Path, tmp_path: Path
) -> None:
    expired = promoted.export(tmp_path / "expired", payload, policy, sequence=9, expires_at=NOW)
    assert _refused(promoted, expired, floor).code == "expired"
    assert list(floor.parent.iterdir()) == []


SPOILT: dict[str, tuple[str, Callable[[Path], object]]] = {
    "empty": ("malformed", lambda file: file.touch()),
    "torn": ("malformed", lambda file: file.write_bytes((KEPT % 3)[:-3])),
    "a bare number": ("bad_floor", lambda file: file.write_text("3")),
    "zero": ("bad_floor", lambda file: file.write_bytes(KEPT % 0)),
    "negative": ("bad_floor", lambda file: file.write_bytes(KEPT % -1)),
    "a word": ("bad_floor", lambda file: file.write_bytes((KEPT % 3).replace(b"3", b'"3"'))),
    "true": ("bad_floor", lambda file: file.write_bytes((KEPT % 3).replace(b"3", b"true"))),
    "a fraction": ("bad_floor", lambda file: file.write_bytes((KEPT % 3).replace(b"3", b"2.5"))),
    "more": ("bad_floor", lambda file: file.write_bytes(KEPT.replace(b"}", b',"x":1}') % 3)),
    "of another model": (
        "bad_floor",
        lambda file: file.write_bytes((KEPT % 3).replace(b"credit", b"mortgage")),
    ),
    "of another alias": (
        "bad_floor",
        lambda file: file.write_bytes((KEPT % 3).replace(b"champion", b"previous")),
    ),
    "too large": ("too_large", lambda file: file.write_bytes(b" " * 5000)),
    "a folder": ("not_a_file", lambda file: file.mkdir()),
    "a pipe": ("not_a_file", lambda file: os.mkfifo(file)),
    "a link to nothing": ("not_a_file", lambda file: file.symlink_to("nothing")),
    "a folder that is not there": ("floor_unavailable", lambda file: file.parent.rmdir()),
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_floor_that_cannot_be_read_accepts_nothing(
    promoted: Promoted, exported: Path, floor: Path, spoilt: str
) -> None:
    code, spoil = SPOILT[spoilt]
    spoil(floor)
    before = floor.read_bytes() if floor.is_file() else None
    assert _refused(promoted, exported, floor).code == code
    assert (floor.read_bytes() if floor.is_file() else None) == before


def test_a_name_that_no_disk_has_is_not_absent(
    promoted: Promoted, exported: Path, floor: Path
) -> None:
    assert _refused(promoted, exported, floor.with_name("x" * 300)).code == "unreadable"


@contextmanager
def _full_disk() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_cannot_be_remembered_is_not_loaded(
    promoted: Promoted, exported: Path, older: Path, floor: Path
) -> None:
    _load(promoted, older, floor)
    with _full_disk():
        assert isinstance(_refused(promoted, exported, floor), Unavailable)
        _load(promoted, older, floor)  # nothing to remember, nothing to write
    assert floor.read_bytes() == KEPT % 2
    assert list(floor.parent.iterdir()) == [floor]


def test_it_never_falls_whoever_loads_at_once(
    promoted: Promoted, exported: Path, older: Path, tmp_path: Path
) -> None:
    def load(asked: tuple[Path, Path]) -> None:
        with suppress(EvidenceError):
            _load(promoted, *asked)

    with ThreadPoolExecutor(4) as pool:
        for turn in range(12):
            floor = tmp_path / f"{turn}.floor"
            list(pool.map(load, [(bundle, floor) for bundle in (older, exported, older, older)]))
            assert floor.read_bytes() == KEPT % 3
