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
from starfree.languages.catalog import language

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


def condition(noise: float | None, rate: float) -> str:
    """What a start and a learning rate are called in the plan."""
    start = RANDOM if noise is None else f"noise {noise:g}"
    return f"{start}, rate {rate:g}"


class BasinExperiment(Experiment):
    """See the module.

    Attributes:
        models: follow from the languages; none is given.
        noises: each a cell, beside the random weights.
        targets: by language; by default Mamba's weights.
    """

    kind: Literal["basin"]
    models: tuple[ModelSpec, ...] = ()
    noises: tuple[Noise, ...] = Field(min_length=1)
    targets: dict[str, Target] = Field(default_factory=dict)

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
        """Start and rate -> a name for all."""
        return {condition(*start): MODEL for start in self._starts}

    @property
    def in_order(self) -> bool:
        """Seed by seed, so that every cell has something early."""
        return True

    @property
    def _starts(self) -> list[tuple[float | None, float]]:
        return [(noise, rate) for rate in self.learning_rates for noise in (*self.noises, None)]

    def trials(
        self, seeds: Sequence[int], rates: Mapping[tuple[str, str], float] | None = None
    ) -> list[tuple[ModelSpec, Trial]]:
        """The trials of some seeds, seed by seed; see `Experiment.trials`.

        Raises:
            InputError: a language's file is not there.
        """
        del rates
        places = [
            (reference, self.targets.get(language(reference).name, "mamba"), start)
            for reference in self.languages
            for start in self._starts
        ]
        return [
            (
                ModelSpec(name=MODEL, label=condition(noise, rate)),
                BasinTrial(
                    language=reference,
                    language_file=language_file(reference),
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
            for reference, target, (noise, rate) in places
        ]
