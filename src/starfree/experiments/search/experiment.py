"""An experiment whose configuration is searched: a space, a method, fresh seeds for what it finds.

For every language and model by itself, many configurations are trained with one seed and compared
by their validation loss. The best is trained again with the experiment's own seeds, and only these
trials read a test string.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, Literal, Self

from pydantic import Field, PositiveInt, ValidationError, model_validator

from starfree.errors import InputError
from starfree.experiments.resolution import complete_options, language_file, model_file
from starfree.experiments.search.pruning import Hurdles, Pruning
from starfree.experiments.search.space import (
    SHARED,
    TRAINING,
    Point,
    Range,
    Space,
    examples,
)
from starfree.experiments.spec import Experiment, ModelSpec, Strict, Trial, explain
from starfree.training.settings import TrainSettings


class SearchTrial(Trial):
    """One configuration, trained in order to be compared; it never reads a test string.

    Attributes:
        hurdles: where it is given up; None trains it to the end.
    """

    purpose: Literal["search"] = "search"
    hurdles: Hurdles | None = None


class SearchSettings(Strict):
    """How configurations are found.

    Attributes:
        method: `grid` tries every combination of lists; `random` and `tpe` are Optuna's samplers.
        space: values by name, of a model option or a training setting.
        seed: of the weights, the batches, and Optuna's draws.
        trials: how many, for every language and model (not of a grid, which has its own number).
        tokens: no further round begins for a language and model once its trials have read so many.
        round: how many are chosen at once, from what is known of all rounds before. What comes out
            hangs on this number, but not on how many workers share the round.
        pruning: when a trial is given up; by default never.
    """

    method: Literal["grid", "random", "tpe"]
    space: Space = Field(min_length=1)
    seed: int = Field(default=100, ge=0)
    trials: PositiveInt | None = None
    tokens: PositiveInt | None = None
    round: PositiveInt = 4
    pruning: Pruning | None = None

    @property
    def total(self) -> int:
        """How many trials there are at the most."""
        return self.trials or prod(len(examples(axis)) for axis in self.space.values())

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for name, axis in self.space.items():
            if name in SHARED:
                raise ValueError(f"space.{name}: is the same for all trials that are compared")
            if any(examples(axis).count(value) > 1 for value in examples(axis)):
                raise ValueError(f"space.{name}: a value is given twice")
            if self.method == "grid" and isinstance(axis, Range):
                raise ValueError(f"space.{name}: a grid needs a list of values")
        if (self.method == "grid") != (self.trials is None):
            raise ValueError(
                "trials: a grid tries every combination, leave it out"
                if self.method == "grid"
                else f"trials: say how many trials {self.method} may make"
            )
        return self


class SearchExperiment(Experiment):
    """See the module; `seeds` are those of the chosen configuration."""

    kind: Literal["search"] = "search"
    search: SearchSettings

    @model_validator(mode="after")
    def _is_a_fair_search(self) -> Self:
        searched = self.search.space
        if self.protocol != "sound":
            raise ValueError("protocol: published has no validation strings to choose by")
        if self.search.seed in self.seeds:
            raise ValueError(
                f"seeds: {self.search.seed} is the search's own (search.seed); what it chooses "
                "needs fresh ones"
            )
        if "learning_rate" in searched and "learning_rates" in self.model_fields_set:
            raise ValueError("learning_rates: is searched (search.space.learning_rate)")
        if len(self.learning_rates) > 1:
            raise ValueError("learning_rates: put them into search.space, as learning_rate")
        for name in self.training.model_fields_set & searched.keys():
            raise ValueError(f"training.{name}: is searched (search.space.{name})")
        for place, model in enumerate(self.models):
            for name in model.options.keys() & searched.keys():
                raise ValueError(f"models[{place}].{name}: is searched (search.space.{name})")
        return self

    def plain(self) -> dict[str, Any]:
        """As it would be written, every default explicit but those that are searched."""
        plain = super().plain()
        for name in self.search.space:
            plain["training"].pop(name, None)
        if "learning_rate" in self.search.space:
            del plain["learning_rates"]
        return plain

    def trials(
        self, seeds: Sequence[int], rates: Mapping[tuple[str, str], float] | None = None
    ) -> list[tuple[ModelSpec, Trial]]:
        """Not known before the search has run.

        Raises:
            InputError: always.
        """
        raise InputError(f"{self.name} has a search section: `starfree search` runs it")

    def search_trial(
        self, language: str, model: ModelSpec, point: Point, hurdles: Hurdles | None = None
    ) -> SearchTrial:
        """The trial of one configuration.

        Raises:
            InputError: a value that is not allowed, an unknown option, a file that is not there.
        """
        trial = self._trial(language, model, point, self.search.seed)
        # No test string is read on the way either.
        training = trial.training.model_copy(update={"bin_strings": 0})
        return trial.extended(SearchTrial, training=training, hurdles=hurdles)

    def chosen_trials(self, language: str, model: ModelSpec, point: Point) -> list[Trial]:
        """The trials of the configuration that was chosen, one a seed.

        They are those of an experiment without search, and are kept as such.
        """
        return [self._trial(language, model, point, seed) for seed in self.seeds]

    def _trial(self, language: str, model: ModelSpec, point: Point, seed: int) -> Trial:
        settings = {name: value for name, value in point.items() if name in TRAINING}
        options = {name: value for name, value in point.items() if name not in TRAINING}
        try:
            complete = complete_options(model.name, {**model.options, **options})
        except InputError as error:
            raise InputError(f"{error}; training settings: {', '.join(_SETTINGS)}") from error
        given = {"learning_rate": self.learning_rates[0], **settings}
        try:
            training = TrainSettings.model_validate(self.training.model_dump() | given)
        except ValidationError as error:
            raise InputError("\n".join(explain(error))) from error
        return Trial(
            language=language,
            language_file=language_file(language),
            model=model.name,
            model_file=model_file(model.name),
            options=complete,
            task=self.task,
            protocol=self.protocol,
            data=self.data,
            training=training,
            seed=seed,
        )


_SETTINGS = tuple(name for name in TrainSettings.model_fields if name not in SHARED)


def check_space(experiment: SearchExperiment) -> None:
    """Find values that no trial could have, before anything is run.

    Every value is tried beside the first one of each other name.

    Raises:
        InputError: names the value.
    """
    space = experiment.search.space
    first = {name: examples(axis)[0] for name, axis in space.items()}
    for model in experiment.models:
        for name, axis in space.items():
            for value in examples(axis):
                point = {**first, name: value}
                try:
                    experiment.search_trial(experiment.languages[0], model, point)
                except InputError as error:
                    raise InputError(f"search.space: {error}") from error


def point_of(trial: Mapping[str, Any], space: Space) -> Point:
    """The values of the searched names, from a trial as plain data."""
    return {
        name: trial["training"][name] if name in TRAINING else trial["options"][name]
        for name in space
    }
