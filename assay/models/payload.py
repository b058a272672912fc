"""A model on disk: `model.json` and `weights.safetensors`, and not one file more.

Loading executes nothing. `assay.evidence.payload` admits bytes by an allow-list and reads the
tensors' header itself; here they must be exactly what the described architecture holds.
https://huggingface.co/docs/safetensors (format)
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import safetensors.torch
import torch
from pydantic import Field, ValidationError
from torch import Tensor

from assay.errors import EvidenceError, InputError
from assay.evidence.canonical import canonical, parse
from assay.evidence.digest import digest_folder
from assay.evidence.payload import MAX_JSON, read_payload
from assay.models.encoder import Encoder
from assay.models.families import Architecture, build_network
from assay.models.model import Model
from assay.spec import Column
from assay.strict import Strict, repeated

DESCRIPTION = "model.json"
WEIGHTS = "weights.safetensors"


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
    cutoff: float
    features: tuple[_Feature, ...] = Field(strict=False, min_length=1)


def save_payload(folder: Path, model: Model) -> str:
    """Write a model into a new or empty folder; equal models give equal bytes.

    Returns:
        `sha256:` digest of the folder.

    Raises:
        InputError: The folder holds files already (`not_empty`).
        EvidenceError: A weight is not finite (`not_a_number`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise InputError("not_empty", f"expected an empty folder {folder.name}, found files in it")
    tensors = {name: t.contiguous() for name, t in model.network.state_dict().items()}
    _require_finite(tensors)
    described = _Description(
        version=1,
        family=model.family,
        hidden=model.architecture.hidden,
        dropout=model.architecture.dropout,
        cutoff=model.cutoff,
        features=tuple(
            _Feature(name=name, column=column.model_copy(update={"one_hot": {}, "merge": {}}))
            for name, column in model.encoder.columns.items()
        ),
    )
    (folder / DESCRIPTION).write_bytes(canonical(described.model_dump(mode="json")))
    (folder / WEIGHTS).write_bytes(safetensors.torch.save(tensors))
    return digest_folder(folder)


def load_payload(folder: Path) -> Model:
    """Read a model from a payload folder.

    Raises:
        EvidenceError: As `read_payload` and `model_of`.
    """
    return model_of(read_payload(folder)[1])


def model_of(files: Mapping[str, bytes]) -> Model:
    """The model of a payload's files, as `read_payload` returned them with their digest.

    Raises:
        EvidenceError: Another file, description or set of tensors than a model has (`malformed`);
            a weight that is not finite (`not_a_number`).
    """
    if set(files) != {DESCRIPTION, WEIGHTS}:
        raise _malformed(f"exactly {DESCRIPTION} and {WEIGHTS} in a payload")
    try:
        described = _Description.model_validate(parse(files[DESCRIPTION], limit=MAX_JSON))
        encoder = Encoder({feature.name: feature.column for feature in described.features})
        architecture = Architecture(described.hidden, described.dropout)
        with torch.device("meta"):  # shapes alone: a hostile width allocates nothing
            network = build_network(described.family, encoder.width, architecture)
    except (ValidationError, InputError):
        raise _malformed(f"a {DESCRIPTION} that describes a registered family") from None
    if repeated(feature.name for feature in described.features):
        raise _malformed(f"each feature of {DESCRIPTION} once")
    tensors = safetensors.torch.load(files[WEIGHTS])
    if _forms(tensors) != _forms(network.state_dict()):
        raise _malformed("exactly the described architecture's tensors")
    _require_finite(tensors)
    network.load_state_dict(tensors, assign=True)
    return Model(described.family, architecture, encoder, network, described.cutoff)


def _forms(tensors: Mapping[str, Tensor]) -> dict[str, tuple[torch.dtype, torch.Size]]:
    return {name: (tensor.dtype, tensor.shape) for name, tensor in tensors.items()}


def _require_finite(tensors: Mapping[str, Tensor]) -> None:
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise EvidenceError("not_a_number", "expected finite weights, found others")


def _malformed(expected: str) -> EvidenceError:
    return EvidenceError("malformed", f"expected {expected}, found something else")
