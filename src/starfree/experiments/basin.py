"""The basin experiment: expressible but not learned, or learned from close enough?

Training starts from compiled weights, which are right at every length, with Gaussian noise added;
the same architecture with its usual random weights stands beside it. The noise at which training
no longer finds its way back is the edge of the solution's basin of attraction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from starfree.experiments.resolution import language_file
from starfree.experiments.spec import Experiment, ModelSpec, Trial

Target = Literal["mamba", "paper", "signed"]
Noise = Annotated[float, Field(ge=0, le=100)]
MODEL = "compiled"
RANDOM = "random weights"


class BasinTrial(Trial):
    """A trial of this experiment; its model is that of the compiled weights.

    Attributes:
        target: what is compiled.
        noise: standard deviation of what is added to each weight, of the root mean square of its
            tensor; None: no compiled weights, but the usual random ones.
    """

    target: Target
    noise: Noise | None


def start_name(noise: float | None) -> str:
    """What a start is called."""
    return RANDOM if noise is None else f"noise {noise:g}"


class BasinExperiment(Experiment):
    """See the module.

    Attributes:
        models: follow from the languages; none is given.
        noises: each a cell, beside the random weights.
        targets: by language; by default Mamba's weights alone.
    """

    kind: Literal["basin"]
    models: tuple[ModelSpec, ...] = ()
    noises: tuple[Noise, ...] = Field(min_length=1)
    targets: dict[str, Annotated[tuple[Target, ...], Field(min_length=1)]] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _has_a_basin(self) -> Self:
        if (self.task, self.protocol) != ("predict", "sound"):
            raise ValueError("basin has task predict and protocol sound only")
        if self.models:
            raise ValueError("models: a basin experiment trains the compiled models, give none")
        return self

    @property
    def choosing(self) -> bool:
        """Every rate is a result."""
        return False

    @property
    def shown_models(self) -> dict[str, str]:
        """Target, start and rate -> a name for all."""
        return {model.shown: MODEL for model, _ in self.trials(self.seeds[:1])}

    @property
    def in_order(self) -> bool:
        """Seed by seed, so that every cell has something early."""
        return True

    def trials(
        self, seeds: Sequence[int], rates: Mapping[tuple[str, str], float] | None = None
    ) -> list[tuple[ModelSpec, Trial]]:
        """The trials of some seeds, seed by seed; see `Experiment.trials`.

        Raises:
            InputError: a language's file is not there.
        """
        del rates
        places = [
            (reference, target, noise, rate)
            for reference in self.languages
            for target in self.targets.get(reference, ("mamba",))
            for rate in self.learning_rates
            for noise in (*self.noises, None)
        ]
        files = {reference: language_file(reference) for reference in self.languages}
        return [
            (
                ModelSpec(name=MODEL, label=f"{target}, {start_name(noise)}, rate {rate:g}"),
                BasinTrial(
                    language=reference,
                    language_file=files[reference],
                    model=MODEL,
                    options={},
                    task=self.task,
                    protocol=self.protocol,
                    data=self.data,
                    training=self.training.model_copy(update={"learning_rate": rate}),
                    seed=seed,
                    target=target,
                    noise=noise,
                ),
            )
            for seed in seeds
            for reference, target, noise, rate in places
        ]
