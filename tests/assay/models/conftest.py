"""A small untrained model over every kind of column."""

import pytest
import torch

from assay.models import Architecture, Encoder, Model
from assay.models.families import build_network
from assay.spec import Column

COLUMNS = {
    "late": Column(kind="ordinal", values=(-1, 0, 1, 2), nulls=True),
    "bill": Column(kind="number", edges=(0, 10, 100), integer=True),
    "color": Column(kind="category", values=("red", "green")),
    "age": Column(kind="number", edges=(18, 35, 80), use="audit"),
}


@pytest.fixture
def model() -> Model:
    encoder = Encoder(COLUMNS)
    architecture = Architecture((8, 4), 0.25)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network("mlp", encoder.width, architecture)
    return Model("mlp", architecture, encoder, network, cutoff=0.1)
