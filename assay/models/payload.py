"""A model on disk: `model.json` and `weights.safetensors`, and not one file more.

Loading executes nothing: names are an allow-list, the safetensors header is parsed here and must
describe exactly the tensors that the declared architecture has.
https://huggingface.co/docs/safetensors (format)
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import rfc8785
import safetensors.torch
import torch
from pydantic import Field, ValidationError
from torch import Tensor

from assay.errors import EvidenceError, InputError
from assay.evidence.digest import digest_folder
from assay.models.encoder import Encoder
from assay.models.families import Architecture, build_network
from assay.models.model import Model
from assay.spec import Column
from assay.strict import Strict, repeated

DESCRIPTION = "model.json"
WEIGHTS = "weights.safetensors"
LIMITS: Mapping[str, int] = {DESCRIPTION: 1 << 20, WEIGHTS: 1 << 28}  # bytes
MAX_HEADER = 1 << 16  # bytes


class _Feature(Strict):
    """A declared column and its name."""

    name: str
    column: Column


class _Description(Strict):
    """`model.json`."""

    version: int = Field(ge=1, le=1)
    family: str
    hidden: tuple[Annotated[int, Field(ge=1, le=1 << 16)], ...] = Field(
        strict=False, min_length=1, max_length=8
    )
    dropout: float = Field(ge=0, lt=1)
    features: tuple[_Feature, ...] = Field(strict=False, min_length=1)


def save_payload(folder: Path, model: Model) -> str:
    """Write a model into a new or empty folder; equal models give equal bytes.

    Returns:
        `sha256:` digest of the folder.

    Raises:
        InputError: The folder holds files already (`not_empty`).
        EvidenceError: A weight is not finite (`bad_payload`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise InputError("not_empty", f"expected an empty folder {folder.name}, found files in it")
    tensors = {name: t.contiguous() for name, t in model.network.state_dict().items()}
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise EvidenceError("bad_payload", "expected finite weights, found others: training failed")
    described = _Description(
        version=1,
        family=model.family,
        hidden=model.architecture.hidden,
        dropout=model.architecture.dropout,
        features=tuple(
            _Feature(name=name, column=column.model_copy(update={"one_hot": {}, "merge": {}}))
            for name, column in model.encoder.columns.items()
        ),
    )
    (folder / DESCRIPTION).write_bytes(rfc8785.dumps(described.model_dump(mode="json")))
    (folder / WEIGHTS).write_bytes(safetensors.torch.save(tensors))
    return digest_folder(folder)


def load_payload(folder: Path) -> Model:
    """Read a model from a payload folder.

    Raises:
        EvidenceError: Anything but the two files, each of the declared form (`bad_payload`).
    """
    files = _read(folder)
    try:
        described = _Description.model_validate(_json(DESCRIPTION, files[DESCRIPTION]))
        encoder = Encoder({feature.name: feature.column for feature in described.features})
        architecture = Architecture(described.hidden, described.dropout)
        with torch.device("meta"):  # shapes alone: a hostile width allocates nothing
            network = build_network(described.family, encoder.width, architecture)
    except (ValidationError, InputError):
        raise _refused(f"a {DESCRIPTION} that describes a registered family") from None
    if repeated(feature.name for feature in described.features):
        raise _refused(f"each feature of {DESCRIPTION} once")
    expected = {name: tuple(t.shape) for name, t in network.state_dict().items()}
    network.load_state_dict(_tensors(files[WEIGHTS], expected), assign=True)
    return Model(described.family, architecture, encoder, network)


def _refused(expected: str) -> EvidenceError:
    return EvidenceError("bad_payload", f"expected {expected}, found something else")


def _read(folder: Path) -> dict[str, bytes]:
    """Both files' bytes; refuses every other name, link and size."""
    if folder.is_symlink() or not folder.is_dir():
        raise _refused("a payload folder")
    found = {path.name: path for path in folder.iterdir()}
    if set(found) != set(LIMITS):
        raise _refused(f"exactly {' and '.join(LIMITS)} in a payload")
    for name, path in found.items():
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LIMITS[name]:
            raise _refused(f"{name} as a plain file of at most {LIMITS[name]} bytes")
    return {name: path.read_bytes() for name, path in found.items()}


def _json(name: str, raw: bytes) -> Any:
    """Strict JSON: no duplicate key, no NaN or infinity."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) != len(pairs):
            raise _refused(f"{name} without duplicate keys")
        return dict(pairs)

    def constant(_: str) -> None:
        raise _refused(f"finite numbers in {name}")

    try:
        return json.loads(raw, object_pairs_hook=unique, parse_constant=constant)
    except (ValueError, RecursionError):
        raise _refused(f"{name} to hold JSON") from None


def _tensors(raw: bytes, expected: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """The named float32 tensors, which must fill the file without gap or overlap."""
    size = int.from_bytes(raw[:8], "little") if len(raw) >= 8 else MAX_HEADER + 1
    if size > MAX_HEADER or 8 + size > len(raw):
        raise _refused(f"a safetensors header of at most {MAX_HEADER} bytes")
    header = _json(WEIGHTS, raw[8 : 8 + size])
    if not isinstance(header, dict) or set(header) != set(expected):
        raise _refused("exactly the architecture's tensors")
    body = memoryview(raw)[8 + size :]
    spans = {name: _span(header[name], shape) for name, shape in expected.items()}
    ends = [0, *(end for _, end in sorted(spans.values()))]
    if [start for start, _ in sorted(spans.values())] != ends[:-1] or ends[-1] != len(body):
        raise _refused("tensors that fill the file without gap or overlap")
    tensors: dict[str, Tensor] = {}
    for name, shape in expected.items():
        values = np.frombuffer(body[slice(*spans[name])], dtype="<f4").reshape(shape)
        if not np.isfinite(values).all():
            raise _refused(f"finite weights in {name}")
        tensors[name] = torch.from_numpy(values.copy())
    return tensors


def _span(entry: object, shape: tuple[int, ...]) -> tuple[int, int]:
    """Where a tensor of this shape lies."""
    match entry:
        case {"dtype": "F32", "shape": list(found), "data_offsets": [int(start), int(end)], **more}:
            whole = all(type(number) is int for number in (*found, start, end))
            fits = tuple(found) == shape and end - start == 4 * math.prod(shape)
            if whole and fits and not more:
                return start, end
    raise _refused("float32 tensors of the architecture's shapes")
