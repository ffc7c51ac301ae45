"""How a model is trained, as plain data with every default explicit. No torch."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt

CHECKPOINT_SECONDS = 30.0  # of training that a kill may cost


class TrainSettings(BaseModel):
    """Budget, optimiser and what is recorded on the way; the same for every architecture.

    Attributes:
        tokens: the budget: real symbols read in training (`^` included, padding not).
        batch_size: strings a step.
        learning_rate: AdamW's, at its peak.
        warmup: share of the budget over which the learning rate rises from 0.
        decay: how it falls from then on to the end of the budget (`linear` and `cosine` reach 0);
            `plateau` is `plateau.Plateau`, which may end the training.
        weight_decay: AdamW's.
        decay_all: also decay biases, norms, embeddings and Mamba's A_log and D, as the paper's
            authors did.
        clip: largest norm of the gradient; 0 does not clip.
        shuffle: a new order each epoch, strings of similar length together; without it every epoch
            goes through the strings in their order, as the paper's authors did; `random` is a new
            order each epoch, strings of any lengths together.
        evaluations: points of the learning curve, evenly spaced over the budget.
        validation_strings: validation strings read at each point.
        bin_strings: strings of each test bin read at each point, for the curve only.
        early_stop: stop when all validation strings read are right at so many points in a row;
            0 never stops.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    tokens: PositiveInt = 5_000_000
    batch_size: PositiveInt = 32
    learning_rate: PositiveFloat = 1e-3
    warmup: float = Field(default=0.05, ge=0, le=1)
    decay: Literal["none", "linear", "cosine", "plateau"] = "cosine"
    weight_decay: NonNegativeFloat = 0.01
    decay_all: bool = False
    clip: NonNegativeFloat = 1.0
    shuffle: bool | Literal["random"] = True
    evaluations: PositiveInt = 20
    validation_strings: PositiveInt = 2_000
    bin_strings: int = Field(default=100, ge=0)
    early_stop: int = Field(default=0, ge=0)
