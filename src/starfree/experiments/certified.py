"""The certified experiment: can a model be trained until it is proven for strings of every length?

Every model is a `hard_gated` one: its states are finitely many, and counterexamples of a proof that
fails become training strings (`training.certified`). `training.tokens` is the budget of a seed, all
rounds and restarts together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator

from starfree.experiments.spec import Experiment, ModelSpec, Trial
from starfree.training.certified_settings import CertifiedSettings

MODEL = "hard_gated"


class CertifiedTrial(Trial):
    """A trial of this experiment.

    Attributes:
        certified: rounds, noise, counterexamples.
    """

    certified: CertifiedSettings


class CertifiedExperiment(Experiment):
    """See the module.

    Attributes:
        certified: of all trials.
        layers: by language, where it needs another number than the model has.
    """

    kind: Literal["certified"]
    certified: CertifiedSettings = CertifiedSettings()
    layers: dict[str, PositiveInt] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _can_be_proven(self) -> Self:
        if (self.task, self.protocol) != ("predict", "sound"):
            raise ValueError("certified has task predict and protocol sound only")
        if any(model.name != MODEL for model in self.models):
            raise ValueError(f"certified trains models named {MODEL}: others have too many states")
        return self

    @property
    def in_order(self) -> bool:
        """Trials run as written, shallow models first."""
        return True

    def trials(
        self, seeds: Sequence[int], rates: Mapping[tuple[str, str], float] | None = None
    ) -> list[tuple[ModelSpec, Trial]]:
        """The trials of some seeds; see `Experiment.trials`."""
        return [(model, self._own(trial)) for model, trial in super().trials(seeds, rates)]

    def _own(self, trial: Trial) -> CertifiedTrial:
        options = dict(trial.options)
        if trial.language in self.layers:
            options["layers"] = self.layers[trial.language]
        return trial.extended(CertifiedTrial, options=options, certified=self.certified)
