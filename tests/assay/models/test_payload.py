"""A payload is two files of declared form; everything else is refused before it is used."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch

from assay.errors import EvidenceError, InputError
from assay.models import Model, load_payload, save_payload

ROWS = pd.DataFrame({"late": [0, None, 2], "bill": [1, 30, 400], "color": ["red", "blue", "red"]})


@pytest.fixture
def folder(tmp_path: Path, model: Model) -> Path:
    save_payload(tmp_path / "payload", model)
    return tmp_path / "payload"


def rewrite_header(folder: Path, change: Callable[[dict[str, Any]], object], body: int = 0) -> None:
    path = folder / "weights.safetensors"
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    change(header)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + raw[8 + size :] + bytes(body))


def rewrite_description(folder: Path, **changes: object) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_loaded_model_scores_exactly_as_the_saved_one(folder: Path, model: Model) -> None:
    loaded = load_payload(folder)
    assert loaded.encoder == model.encoder
    assert loaded.architecture == model.architecture
    assert loaded.cutoff == model.cutoff
    assert (loaded.score(ROWS) == model.score(ROWS)).all()


def test_equal_models_give_equal_bytes(tmp_path: Path, folder: Path) -> None:
    digest = save_payload(tmp_path / "again", load_payload(folder))
    assert digest == save_payload(tmp_path / "third", load_payload(tmp_path / "again"))
    for name in ("model.json", "weights.safetensors"):
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_the_safetensors_library_reads_what_is_written(folder: Path, model: Model) -> None:
    read = safetensors.torch.load_file(folder / "weights.safetensors")
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(read[name], tensor)


def test_refuses_to_write_over_files(folder: Path, model: Model) -> None:
    with pytest.raises(InputError, match="not_empty"):
        save_payload(folder, model)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_refuses_to_write_weights_that_are_not_finite(
    tmp_path: Path, model: Model, value: float
) -> None:
    model.network[0].bias[0] = value
    with pytest.raises(EvidenceError):
        save_payload(tmp_path / "payload", model)


@pytest.mark.parametrize("name", ["more.txt", "weights.pkl", "MODEL.JSON", ".hidden"])
def test_refuses_a_file_more(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"")
    with pytest.raises(EvidenceError):
        load_payload(folder)


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
@pytest.mark.parametrize("break_file", ["absent", "empty", "pickle", "link", "folder"])
def test_refuses_an_absent_or_foreign_file(folder: Path, name: str, break_file: str) -> None:
    path = folder / name
    kept = path.rename(folder.parent / "kept")
    if break_file == "empty":
        path.write_bytes(b"")
    elif break_file == "pickle":
        path.write_bytes(pickle.dumps({"weights": [1.0]}))
    elif break_file == "link":
        path.symlink_to(kept)
    elif break_file == "folder":
        path.mkdir()
    with pytest.raises(EvidenceError):
        load_payload(folder)


def test_refuses_a_folder_behind_a_link(folder: Path) -> None:
    link = folder.parent / "link"
    link.symlink_to(folder)
    for absent in (link, folder.parent / "absent"):
        with pytest.raises(EvidenceError):
            load_payload(absent)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"version": "1"},
        {"family": "forest"},
        {"family": None},
        {"hidden": [8]},
        {"hidden": []},
        {"hidden": [8, -4]},
        {"hidden": [1 << 40, 1 << 40]},
        {"hidden": [1 << 62, 1 << 62]},
        {"hidden": [1 << 70]},
        {"hidden": [8.0, 4.0]},
        {"cutoff": None},
        {"cutoff": "0"},
        {"dropout": 1.0},
        {"dropout": "0"},
        {"features": []},
        {"features": {}},
        {"features": [{"name": "bill", "column": {"kind": "number", "edges": [0]}}]},
        {"features": [{"name": "bill", "column": {"kind": "number", "edges": [0, 1]}}] * 2},
        {"features": [{"name": "bill", "column": {"kind": "number", "edges": [0, 1]}, "code": 1}]},
        {"loader": "os.system"},
    ],
)
def test_refuses_a_description_of_another_form(folder: Path, changes: dict[str, object]) -> None:
    rewrite_description(folder, **changes)
    with pytest.raises(EvidenceError):
        load_payload(folder)


def test_refuses_a_feature_described_twice(folder: Path) -> None:
    features = json.loads((folder / "model.json").read_text())["features"]
    rewrite_description(folder, features=[*features, features[0]])
    with pytest.raises(EvidenceError):
        load_payload(folder)


@pytest.mark.parametrize("text", ['{"version": 1, "version": 1}', '{"dropout": NaN}', "[" * 100000])
def test_refuses_loose_json(folder: Path, text: str) -> None:
    (folder / "model.json").write_text(text)
    with pytest.raises(EvidenceError):
        load_payload(folder)


HEADERS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a tensor less": lambda h: h.pop("0.bias"),
    "a tensor more": lambda h: h.update(
        more={"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    ),
    "another type": lambda h: h["0.bias"].update(dtype="F16"),
    "another shape": lambda h: h["0.weight"].update(shape=h["0.weight"]["shape"][::-1]),
    "a negative offset": lambda h: h["0.bias"].update(data_offsets=[-32, 0]),
    "a bool in a shape": lambda h: h["0.bias"].update(shape=[True]),
    "an overlap": lambda h: h["0.bias"].update(data_offsets=[208, 240]),
    "a bool offset": lambda h: h["0.bias"].update(data_offsets=[False, 32]),
    "an offset beyond": lambda h: h["0.bias"].update(data_offsets=[1 << 40, (1 << 40) + 32]),
    "a key more": lambda h: h["0.bias"].update(code="x"),
    "no mapping": lambda h: h.update({"0.bias": []}),
}


@pytest.mark.parametrize("name", sorted(HEADERS))
def test_refuses_a_header_of_other_tensors(folder: Path, name: str) -> None:
    rewrite_header(folder, HEADERS[name])
    with pytest.raises(EvidenceError):
        load_payload(folder)


def test_refuses_bytes_after_the_last_tensor(folder: Path) -> None:
    rewrite_header(folder, lambda header: None, body=4)
    with pytest.raises(EvidenceError):
        load_payload(folder)


@pytest.mark.parametrize("keep", [0, 7, 8, 20, -1])
def test_refuses_a_cut_file(folder: Path, keep: int) -> None:
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(EvidenceError):
        load_payload(folder)


def test_refuses_weights_that_are_not_finite(folder: Path) -> None:
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + np.float32(np.nan).tobytes())
    with pytest.raises(EvidenceError):
        load_payload(folder)


def test_a_flipped_byte_changes_the_digest(tmp_path: Path, folder: Path, model: Model) -> None:
    digest = save_payload(tmp_path / "same", model)
    raw = bytearray((tmp_path / "same" / "weights.safetensors").read_bytes())
    raw[-1] ^= 1
    (folder / "weights.safetensors").write_bytes(raw)
    assert save_payload(tmp_path / "flipped", load_payload(folder)) != digest
