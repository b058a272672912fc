"""A trained model: encoder and frozen network, from a frame to P(label 1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from assay.models.encoder import Encoder
from assay.models.families import Architecture


@dataclass(frozen=True, slots=True)
class Model:
    """What a payload holds.

    Attributes:
        family: Registered family of the network.
        architecture: What the network was built from.
        encoder: Declared columns to coordinates.
        network: (n, width) -> (n, 2) logits; evaluation mode, parameters without gradient.
        cutoff: How far the network's logit of label 1 must be above that of label 0 for label 1.
    """

    family: str
    architecture: Architecture
    encoder: Encoder
    network: nn.Module
    cutoff: float = 0.0

    def __post_init__(self) -> None:
        self.network.eval().requires_grad_(False)

    def logits(self, x: Tensor) -> Tensor:
        """Logits of label 0 and label 1, the cut-off taken off; differentiable in x.

        Args:
            x: Coordinates, (n, width), float32.

        Returns:
            (n, 2), float32.
        """
        logits: Tensor = self.network(x) - torch.tensor([0.0, self.cutoff])
        return logits

    def score(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """P(label 1) of each row, (n,), in [0, 1]; above .5 the model says label 1.

        Raises:
            InputError: A feature is absent or of another type.
        """
        return self.score_encoded(torch.from_numpy(self.encoder.encode(frame)))

    def score_encoded(self, x: Tensor) -> NDArray[np.float64]:
        """The same from coordinates, (n, width)."""
        with torch.no_grad():
            margin = torch.diff(self.logits(x).double(), dim=1)[:, 0]
        score: NDArray[np.float64] = torch.sigmoid(margin).numpy()
        return score
