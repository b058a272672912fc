"""A payload holds tensors and plain descriptions; nothing that could run has a way in."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from assay.errors import EvidenceError
from assay.evidence.digest import digest_folder
from assay.evidence.payload import check_payload, read_payload

TENSORS = {"w": np.ones((3, 2), np.float32), "b": np.zeros(2, np.float32), "n": np.zeros((0, 4))}


def packed(header: Any, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def tensor(start: Any = 0, stop: Any = 8, dtype: Any = "F32", shape: Any = (2,)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("data.pkl", b"x")
    return stream.getvalue()


def write(folder: Path, name: str, data: bytes) -> Path:
    (folder / name).write_bytes(data)
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(EvidenceError) as refused:
        check_payload(folder)
    return refused.value.code


def test_tensors_and_json_pass_and_the_checked_bytes_are_the_digested_ones(tmp_path: Path) -> None:
    write(tmp_path, "model.json", b'{"family": "mlp"}')
    write(tmp_path, "weights.safetensors", safetensors.numpy.save(TENSORS, {"by": "assay"}))
    digest, files = read_payload(tmp_path)
    assert digest == digest_folder(tmp_path) == check_payload(tmp_path)
    assert safetensors.numpy.load(files["weights.safetensors"]).keys() == TENSORS.keys()


@pytest.mark.parametrize("length", range(600, 700))
def test_a_header_of_any_length_passes(tmp_path: Path, length: int) -> None:
    """At 640 bytes the length itself begins as a pickle does."""
    header = json.dumps({"w": tensor()}).encode().ljust(length)
    check_payload(write(tmp_path, "w.safetensors", packed(header, bytes(8))))


@pytest.mark.parametrize("name", ["weights.safetensors", "model.json", "model.bin", "model"])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_is_refused_under_any_name(tmp_path: Path, name: str, protocol: int) -> None:
    write(tmp_path, name, pickle.dumps({"a": [1, 2, 3]}, protocol))
    assert refusal(tmp_path) == "pickle"


@pytest.mark.parametrize("name", ["weights.safetensors", "model.json", "model.pt"])
def test_a_zip_is_refused_under_any_name(tmp_path: Path, name: str) -> None:
    assert refusal(write(tmp_path, name, zipped())) == "zip"


@pytest.mark.parametrize(
    "name",
    ["model.py", "model.yaml", "MLmodel", "weights.SAFETENSORS", "model.json.gz", ".json", "so.so"],
)
def test_a_name_off_the_list_is_refused(tmp_path: Path, name: str) -> None:
    assert refusal(write(tmp_path, name, b"{}")) == "foreign_file"


@pytest.mark.parametrize("protocol", [0, 1])
@pytest.mark.parametrize("name", ["weights.safetensors", "model.json"])
def test_a_pickle_without_magic_is_neither_json_nor_tensors(
    tmp_path: Path, name: str, protocol: int
) -> None:
    write(tmp_path, name, pickle.dumps({"a": [1, 2, 3]}, protocol))
    assert refusal(tmp_path) == "malformed"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "malformed"),
        (b'{"a":NaN}', "not_a_number"),
        (b'{"a":1,"a":2}', "malformed"),
        (b"[" * 100_000, "malformed"),
        (b" " * (2 << 20), "too_large"),
    ],
    ids=["empty", "nan", "duplicate", "deep", "huge"],
)
def test_json_is_strict(tmp_path: Path, data: bytes, code: str) -> None:
    assert refusal(write(tmp_path, "model.json", data)) == code


HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "short": b"\x08\0\0",
    "no tensor": packed({}),
    "header past the end": (1 << 20).to_bytes(8, "little") + b"{}",
    "header of 2**63": (1 << 63).to_bytes(8, "little") + b"{}",
    "no json": packed(b"{nothing}"),
    "a list": packed([tensor()], bytes(8)),
    "a space before": packed(b" " + json.dumps({"w": tensor()}).encode(), bytes(8)),
    "bytes after the tensors": packed({"w": tensor()}, bytes(9)),
    "bytes missing": packed({"w": tensor()}, bytes(7)),
    "a gap before": packed({"w": tensor(1, 9)}, bytes(9)),
    "a gap between": packed({"a": tensor(), "b": tensor(9, 17)}, bytes(17)),
    "overlap": packed({"a": tensor(), "b": tensor(4, 12)}, bytes(12)),
    "shared": packed({"a": tensor(), "b": tensor()}, bytes(8)),
    "shape and offsets disagree": packed({"w": tensor(shape=[3])}, bytes(8)),
    "negative shape": packed({"w": tensor(shape=[-1, -2])}, bytes(8)),
    "true as a shape": packed({"w": tensor(0, 4, shape=[True])}, bytes(4)),
    "a float as a shape": packed({"w": tensor(shape=[2.0])}, bytes(8)),
    "true as an offset": packed({"w": tensor(False, 8)}, bytes(8)),
    "backwards": packed({"w": tensor(8, 0)}, bytes(8)),
    "unknown type": packed({"w": tensor(dtype="F31")}, bytes(8)),
    "null as a type": packed({"w": tensor(dtype=None)}, bytes(8)),
    "an extra key": packed({"w": tensor() | {"code": "x"}}, bytes(8)),
    "a tensor of null": packed({"w": None}, bytes(8)),
    "two names alike": packed(b'{"w":1,"w":1}'),
    "metadata of numbers": packed({"__metadata__": {"a": 1}, "w": tensor()}, bytes(8)),
    "metadata of lists": packed({"__metadata__": [], "w": tensor()}, bytes(8)),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_a_header_that_does_not_describe_the_file_is_refused(tmp_path: Path, data: bytes) -> None:
    assert refusal(write(tmp_path, "w.safetensors", data)) == "malformed"
