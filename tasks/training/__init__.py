"""From a release to a candidate: the loop, adversarial augmentation, and what it was made from."""

from tasks.training.loop import Epoch, History
from tasks.training.train import train

__all__ = ["Epoch", "History", "train"]
