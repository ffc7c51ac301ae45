"""How a model is trained until it is proven, as plain data, every default explicit. No torch."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt


class CertifiedSettings(BaseModel):
    """What `training.certified` has beside `TrainSettings`, whose tokens are its whole budget.

    Attributes:
        first_steps: batches before the first proof is tried.
        steps: batches after each proof that failed.
        rounds: proofs that are tried before training starts anew, with fresh weights.
        noise: of the gates at first; it falls to 0 over the first four fifths of the steps.
        repair_noise: the same after a proof that failed.
        repair_rate: the learning rate after a proof that failed, of that before.
        faults: counterexamples that a proof that failed is asked for, the shortest first.
        continuations: random live strings that go on from each counterexample.
        continuation_length: their longest, in symbols beyond the counterexample.
        max_states: pairs that a proof may visit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    first_steps: PositiveInt = 1_000
    steps: PositiveInt = 250
    rounds: PositiveInt = 12
    noise: NonNegativeFloat = 1.0
    repair_noise: NonNegativeFloat = 0.3
    repair_rate: PositiveFloat = 0.3
    faults: PositiveInt = 64
    continuations: int = Field(default=3, ge=0)
    continuation_length: PositiveInt = 16
    max_states: PositiveInt = 20_000
