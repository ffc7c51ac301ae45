"""The learning rate of the bounded-Dyck runs: halved when the validation loss stands still.

Yao et al. 2021 and Sarrof et al. 2024 look at the validation loss once an epoch. Two rules watch
it, each with its own best: torch's `ReduceLROnPlateau` (factor 0.5, patience 0), and the end of
training after three looks without an improvement.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

FACTOR = 0.5
RELATIVE_GAIN = 1e-4  # below which the learning rate is halved
ABSOLUTE_GAIN = 1e-4  # below which a look counts towards the end
LOOKS = 3


@dataclass
class Plateau:
    """What the two rules have seen; plain numbers, so that a checkpoint holds them.

    Attributes:
        factor: of the learning rate.
        looks: without an improvement since the last one.
    """

    factor: float = 1.0
    looks: int = 0
    best_for_rate: float = inf
    best_for_end: float = inf

    def look(self, loss: float) -> bool:
        """Take in a validation loss; whether training ends."""
        if loss < self.best_for_rate * (1 - RELATIVE_GAIN):
            self.best_for_rate = loss
        else:
            self.factor *= FACTOR
        if loss < self.best_for_end - ABSOLUTE_GAIN:
            self.best_for_end = loss
            self.looks = 0
        else:
            self.looks += 1
        return self.looks >= LOOKS
