"""The suite as the paper's authors ran it: their strings, labels, losses, optimiser and epochs.

One point of each language's released grid is run: the largest learning rate, the most epochs, the
released batch size. The width is the experiment's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Self

from pydantic import PositiveInt, model_validator

from starfree.data.published import PublishedProtocol, protocols
from starfree.experiments.resolution import complete_options, model_file
from starfree.experiments.spec import DataSettings, Experiment, ModelSpec, Trial
from starfree.training.settings import TrainSettings

WEIGHT_DECAY = 0.1  # AdamW's, of everything


class PublishedSuite(Experiment):
    """See the module; `learning_rates` and most of `training` follow from the protocol.

    Attributes:
        epoch_tokens: symbols of a language's training set at `data.seed`, so that a trial's budget
            is known before its strings are made.
    """

    kind: Literal["published-suite"]
    epoch_tokens: dict[str, PositiveInt]

    @model_validator(mode="after")
    def _every_language_has_a_protocol(self) -> Self:
        if (self.task, self.protocol) != ("published", "published"):
            raise ValueError("published-suite has task and protocol published only")
        for name in self.languages:
            if name not in protocols() or name not in self.epoch_tokens:
                raise ValueError(f"{name}: not a language of the published suite with epoch_tokens")
        return self

    @property
    def choosing(self) -> bool:
        """One rate a language."""
        return False

    def trials(
        self, seeds: Sequence[int], rates: Mapping[tuple[str, str], float] | None = None
    ) -> list[tuple[ModelSpec, Trial]]:
        """The trials of some seeds; see `Experiment.trials`."""
        del rates
        return [
            (
                model,
                Trial(
                    language=name,
                    model=model.name,
                    model_file=model_file(model.name),
                    options=complete_options(model.name, model.options),
                    task="published",
                    protocol="published",
                    data=DataSettings(seed=self.data.seed),
                    training=self._settings(protocols()[name]),
                    seed=seed,
                ),
            )
            for name in self.languages
            for model in self.models
            for seed in seeds
        ]

    def _settings(self, protocol: PublishedProtocol) -> TrainSettings:
        """The authors' optimiser; the spec's budget is a bound."""
        budget = max(protocol.epochs) * self.epoch_tokens[protocol.language]
        return TrainSettings(
            tokens=min(budget, self.training.tokens),
            batch_size=protocol.batch,
            learning_rate=max(protocol.learning_rates),
            warmup=0.0,
            decay="none",
            weight_decay=WEIGHT_DECAY,
            decay_all=True,
            clip=0.0,
            shuffle=False,
            evaluations=self.training.evaluations,
            bin_strings=self.training.bin_strings,
        )
