"""Model families, encoders, and payloads of safetensors and JSON: nothing executable."""

from assay.models.encoder import Encoder
from assay.models.families import FAMILIES, Architecture, family
from assay.models.model import Model
from assay.models.parts import release_parts, release_rows
from assay.models.payload import load_payload, model_of, save_payload
from assay.models.threads import one_thread

__all__ = [
    "FAMILIES",
    "Architecture",
    "Encoder",
    "Model",
    "family",
    "load_payload",
    "model_of",
    "one_thread",
    "release_parts",
    "release_rows",
    "save_payload",
]
