"""The transfer experiment: does a perfect score mean that the state is tracked?

Every model is trained on strings of one distribution and tested on strings of all of them, with
and without `$` among the answers: a factorial design whose cells on the diagonal are the controls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from starfree.data.factorial import distributions
from starfree.experiments.resolution import complete_options, language_file, model_file
from starfree.experiments.spec import Experiment, ModelSpec, Trial
from starfree.languages.catalog import language

TrainData = Literal["published", "uniform", "hard"]
Labels = Literal["with $", "without $"]


class TransferTrial(Trial):
    """A trial of this experiment; `data.train_distribution` is one of `TrainData`.

    Attributes:
        labels: whether the answers say where the string may end.
    """

    labels: Labels


def condition(trained_on: str, labels: str, model: str) -> str:
    """What a model trained under these conditions is called in the plan."""
    return f"{trained_on} strings, {labels}: {model}"


class TransferExperiment(Experiment):
    """See the module; of the distributions in `data` none counts."""

    kind: Literal["transfer"]
    train_data: tuple[TrainData, ...] = Field(min_length=1)
    labels: tuple[Labels, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_a_question_about_legal_sets(self) -> Self:
        if (self.task, self.protocol) != ("predict", "sound"):
            raise ValueError("transfer has task predict and protocol sound only")
        return self

    @property
    def shown_models(self) -> dict[str, str]:
        """Model as reports show it -> its name."""
        return {
            condition(trained_on, labels, model.shown): model.name
            for trained_on in self.train_data
            for labels in self.labels
            for model in self.models
        }

    @property
    def in_order(self) -> bool:
        """Trials on the same strings follow one another."""
        return True

    def trials(
        self, seeds: Sequence[int], rates: Mapping[tuple[str, str], float] | None = None
    ) -> list[tuple[ModelSpec, Trial]]:
        """The trials of some seeds; see `Experiment.trials`.

        A language whose last symbols always tell has no hard strings and no trials on them.
        """
        options = {
            model.shown: complete_options(model.name, model.options) for model in self.models
        }
        found: list[tuple[ModelSpec, Trial]] = []
        for reference in self.languages:
            known = distributions(language(reference), self.data.hard_window)
            file = language_file(reference)
            for trained_on in (name for name in self.train_data if name in known):
                data = self.data.model_copy(update={"train_distribution": trained_on})
                for labels in self.labels:
                    for model in self.models:
                        label = condition(trained_on, labels, model.shown)
                        cell = (reference, label)
                        tried = self.learning_rates
                        if rates is not None:
                            tried = (rates[cell],) if cell in rates else ()
                        found += [
                            (
                                model.model_copy(update={"label": label}),
                                TransferTrial(
                                    language=reference,
                                    language_file=file,
                                    model=model.name,
                                    model_file=model_file(model.name),
                                    options=options[model.shown],
                                    task=self.task,
                                    protocol=self.protocol,
                                    data=data,
                                    training=self.training.model_copy(
                                        update={"learning_rate": rate}
                                    ),
                                    seed=seed,
                                    labels=labels,
                                ),
                            )
                            for rate in tried
                            for seed in seeds
                        ]
        return found
