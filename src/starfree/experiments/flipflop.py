"""The flip-flop experiment: arms that differ in loss, training strings and budget.

An arm trains some models on FFL(p) strings of one p or a mixture of several; all arms share the
test strings and the ignore-stress. Every learning rate of an arm is run with every seed and
reported: nothing is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, field_validator, model_validator

from starfree.data.flipflop import PUBLISHED_LENGTH
from starfree.experiments.resolution import complete_options, model_file
from starfree.experiments.spec import DataSettings, Experiment, ModelSpec, Strict, Trial
from starfree.training.settings import TrainSettings

LANGUAGE = "flipflop"

Mode = Literal["published", "clean"]
Ignore = Annotated[float, Field(ge=0, lt=1)]


# Fields of the training that follow from others.
_DERIVED = ("tokens", "evaluations", "learning_rate", "bin_strings")


class FflTest(Strict):
    """FFL(ignore) strings that trained models are tested on.

    Attributes:
        checked: strings read at every point of the learning curve.
        strings: others, read once, at the end of training.
    """

    ignore: Ignore
    checked: PositiveInt
    strings: PositiveInt

    @property
    def name(self) -> str:
        """As Liu et al. write it."""
        return f"FFL({self.ignore:g})"


class FlipflopTrial(Trial):
    """A trial of this experiment; of `data` only the seed counts.

    Attributes:
        arm: its name, so that two arms with the same settings stay apart.
        mode: `published` masks the answers and asks for every position, by squared error; `clean`
            asks for the bits after `r` only, by cross-entropy (Liu et al. 2023).
        ignore: p of the training strings; several are mixed in equal shares.
        length: of all strings, in symbols.
        tests: what is measured.
        stress: the most ignored pairs between a write and its read.
    """

    arm: str
    mode: Mode
    ignore: tuple[Ignore, ...]
    length: PositiveInt
    tests: tuple[FflTest, ...]
    stress: PositiveInt


class Arm(Strict):
    """What is trained, on which strings, how long.

    Attributes:
        name: in reports, before the model.
        models: those of the experiment's, as shown; by default all.
        seeds: by default the experiment's.
        iterations: steps of `training.batch_size` strings.
        check_every: iterations between two points of the curve.
        training: the optimiser; tokens, evaluations and the learning rate follow from the others.
    """

    name: Annotated[str, Field(min_length=1)]
    mode: Mode
    ignore: tuple[Ignore, ...] = Field(min_length=1)
    models: tuple[str, ...] | None = None
    seeds: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    learning_rates: tuple[PositiveFloat, ...] = Field(min_length=1)
    iterations: PositiveInt
    check_every: PositiveInt
    training: TrainSettings

    @field_validator("training")
    @classmethod
    def _budget_is_in_iterations(cls, training: TrainSettings) -> TrainSettings:
        for name in _DERIVED:
            if name in training.model_fields_set:
                raise ValueError(
                    f"{name} follows from iterations, check_every, learning_rates and tests"
                )
        return training

    def settings(self, rate: float, length: int, checked: int) -> TrainSettings:
        """Of one training on strings of a length, with so many strings a check."""
        change = {
            "tokens": self.iterations * self.training.batch_size * length,
            "evaluations": max(1, self.iterations // self.check_every),
            "learning_rate": rate,
            "bin_strings": checked,
        }
        return self.training.model_copy(update=change)


class FlipflopExperiment(Experiment):
    """See the module."""

    kind: Literal["flipflop"]
    languages: tuple[str, ...] = (LANGUAGE,)
    length: PositiveInt = PUBLISHED_LENGTH
    tests: tuple[FflTest, ...] = Field(min_length=1)
    stress: PositiveInt = 100_000
    arms: tuple[Arm, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _arms_fit(self) -> Self:
        names = [arm.name for arm in self.arms]
        known = {model.shown for model in self.models}
        for arm in self.arms:
            if names.count(arm.name) > 1:
                raise ValueError(f"two arms are called {arm.name!r}")
            for model in arm.models or ():
                if model not in known:
                    raise ValueError(
                        f"arm {arm.name!r} asks for the model {model!r} (there are: "
                        f"{'; '.join(sorted(known))})"
                    )
            if set(arm.seeds or ()) - set(self.seeds):
                raise ValueError(f"arm {arm.name!r} asks for seeds that the experiment lacks")
        return self

    def plain(self) -> dict[str, Any]:
        """As it would be written, every default explicit."""
        derived = {"__all__": {"training": set(_DERIVED)}}
        exclude: Any = {"training": {"learning_rate"}, "arms": derived}
        return self.model_dump(mode="json", exclude=exclude)

    @property
    def choosing(self) -> bool:
        """Every rate is a result."""
        return False

    @property
    def in_order(self) -> bool:
        """Arms run as written: what is cheap and decisive first."""
        return True

    @property
    def most_ignored(self) -> int:
        """Most ignored pairs between a write and its read: all but the first pair and the last."""
        return self.length // 2 - 2

    @property
    def shown_models(self) -> dict[str, str]:
        """Model as reports show it -> its name."""
        return {
            f"{arm.name}: {model.shown}": model.name
            for arm in self.arms
            for model in self._models_of(arm)
        }

    def trials(
        self, seeds: Sequence[int], rates: Mapping[tuple[str, str], float] | None = None
    ) -> list[tuple[ModelSpec, Trial]]:
        """The trials of some seeds, arm by arm; see `Experiment.trials`."""
        del rates
        checked = max(test.checked for test in self.tests)
        return [
            (
                model.model_copy(update={"label": f"{arm.name}: {model.shown}"}),
                FlipflopTrial(
                    language=LANGUAGE,
                    model=model.name,
                    model_file=model_file(model.name),
                    options=complete_options(model.name, model.options),
                    task="published",
                    protocol="published",
                    data=DataSettings(seed=self.data.seed),
                    training=arm.settings(rate, self.length, checked),
                    seed=seed,
                    arm=arm.name,
                    mode=arm.mode,
                    ignore=arm.ignore,
                    length=self.length,
                    tests=self.tests,
                    stress=self.stress,
                ),
            )
            for arm in self.arms
            for model in self._models_of(arm)
            for rate in arm.learning_rates
            for seed in (arm.seeds or self.seeds)
            if seed in seeds
        ]

    def _models_of(self, arm: Arm) -> list[ModelSpec]:
        return [model for model in self.models if arm.models is None or model.shown in arm.models]
