"""What MLflow calls to load a payload: nothing in it is executed, and its files are known ones.

This door loads any payload, promoted or not, as MLflow's pages and tools do. Whoever acts on the
scores takes `load_champion`, which verifies first.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.models import Model, load_payload


@dataclass(frozen=True, slots=True)
class Scorer:
    """A model, as MLflow's python_function flavor asks it."""

    model: Model

    def predict(self, model_input: Any, params: object = None) -> NDArray[np.float64]:
        """P(label 1) of each row, (n,), in [0, 1].

        Args:
            model_input: A data frame with every feature.
            params: MLflow's; there are none.

        Raises:
            InputError: A feature is absent or of another type.
        """
        return self.model.score(model_input)


def _load_pyfunc(path: str) -> Scorer:
    """The payload at a path; the name is MLflow's.

    Raises:
        EvidenceError: The folder holds anything but a payload.
    """
    return Scorer(load_payload(Path(path)))
