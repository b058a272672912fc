"""A digest binds names, sizes and bytes, and an ambiguous folder has none."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import EvidenceError
from assay.evidence.digest import (
    digest_bytes,
    digest_file,
    digest_files,
    digest_folder,
    digest_json,
)
from assay.evidence.files import open_unchanging, read_bytes, write_once
from assay.evidence.values import is_digest

FILES = {"model.json": b"{}", "deep/er/weights.safetensors": b"\0" * 100, "a b.json": b"[]"}


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return folder


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(EvidenceError) as refused:
        act()
    return refused.value.code


def test_folder_digest_is_sha256_of_the_canonical_rows(tmp_path: Path) -> None:
    rows = [[n, len(d), hashlib.sha256(d).hexdigest()] for n, d in sorted(FILES.items())]
    expected = f"sha256:{hashlib.sha256(rfc8785.dumps(rows)).hexdigest()}"
    assert digest_folder(write(tmp_path, FILES)) == expected == digest_files(FILES)
    assert is_digest(expected)


@pytest.mark.parametrize(
    "other",
    [
        {"model.jsom": b"{}"},
        {"model.json": b"{ }"},
        {"model.json": b"{}", "more.json": b""},
        {"x/model.json": b"{}"},
    ],
)
def test_folder_digest_binds_names_sizes_and_bytes(other: dict[str, bytes]) -> None:
    assert digest_files({"model.json": b"{}"}) != digest_files(other)


names = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=4)
folders = st.dictionaries(names, st.binary(max_size=4), min_size=1, max_size=3)


@given(folders, folders)
def test_different_folders_have_different_digests(
    one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    assert (digest_files(one) == digest_files(other)) == (one == other)


def test_file_json_and_bytes_agree(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b'{"a":1}')
    assert digest_file(file) == digest_json({"a": 1}) == digest_bytes(b'{"a":1}')


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("e\u0301.json", "unsafe_name"),  # not NFC
        ("back\\slash.json", "unsafe_name"),
        ("new\nline.json", "unsafe_name"),
        ("right\u202eleft.json", "unsafe_name"),
        (os.fsdecode(b"\xff.json"), "unsafe_name"),
        ("MODEL.json", "case_collision"),
        ("DEEP/x.json", "case_collision"),
    ],
)
def test_ambiguous_names_are_refused(tmp_path: Path, name: str, code: str) -> None:
    write(tmp_path, {**FILES, name: b""})
    assert refusal(lambda: digest_folder(tmp_path)) == code


def make_link(path: Path) -> None:
    path.symlink_to("model.json")


def make_folder_link(path: Path) -> None:
    path.symlink_to("deep")


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.name)


@pytest.mark.parametrize("make", [make_link, make_folder_link, make_fifo, make_socket])
def test_links_and_special_files_are_refused(
    tmp_path: Path, make: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    odd = write(tmp_path, FILES) / "odd.json"
    make(odd)
    assert refusal(lambda: digest_folder(tmp_path)) == "not_a_file"
    assert refusal(lambda: digest_file(odd)) in ("not_a_file", "unreadable")


def test_an_empty_folder_has_no_digest(tmp_path: Path) -> None:
    assert refusal(lambda: digest_folder(tmp_path)) == "empty_folder"
    assert refusal(lambda: digest_files({})) == "empty_folder"
    (write(tmp_path, FILES) / "hollow").mkdir()
    assert refusal(lambda: digest_folder(tmp_path)) == "empty_folder"


def test_only_a_real_folder_is_one(tmp_path: Path) -> None:
    write(tmp_path / "real", FILES)
    (tmp_path / "link").symlink_to("real")
    for name in ("link", "absent", "real/model.json"):
        assert refusal(lambda name=name: digest_folder(tmp_path / name)) == "not_a_folder"
    assert refusal(lambda: digest_file(tmp_path / "real")) == "not_a_file"
    assert refusal(lambda: digest_file(tmp_path / "absent")) == "unreadable"


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"before")

    def read_while_written() -> None:
        with open_unchanging(file) as stream:
            stream.read()
            file.write_bytes(b"afterwards")

    assert refusal(read_while_written) == "changed"


def test_a_folder_that_changes_while_it_is_hashed_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"large": bytes(8 << 20)})
    done = threading.Event()

    def keep_writing() -> None:
        with (tmp_path / "large").open("ab", buffering=0) as stream:
            while not done.is_set():
                stream.write(b"x")

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        assert refusal(lambda: digest_folder(tmp_path)) == "changed"
    finally:
        done.set()
        writer.join()


def test_reading_is_capped(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    assert read_bytes(tmp_path / "x", limit=5) == b"12345"
    assert refusal(lambda: read_bytes(tmp_path / "x", limit=4)) == "too_large"


def test_what_is_written_once_stays(tmp_path: Path) -> None:
    file = tmp_path / "x"
    assert write_once(file, b"first")
    assert not write_once(file, b"second")
    assert file.read_bytes() == b"first"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
