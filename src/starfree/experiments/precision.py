"""The precision experiment: the same weights under many arithmetics.

Compiled models, models trained in the experiment itself, and single units are evaluated in floats
and in fixed point: on ignored pairs (flip-flop) and on counts (a^n b^n, Dyck-1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from starfree.experiments.resolution import complete_options, model_file
from starfree.experiments.spec import DataSettings, Experiment, ModelSpec, Strict, Trial
from starfree.training.settings import TrainSettings

FLIPFLOP = "flipflop"
COUNTERS = ("anbn", "dyck-1")
UNITS = "one unit"

Target = Literal["paper", "mamba"]
Float = Literal["float64", "float32", "bfloat16", "float16"]
Bits = Annotated[int, Field(ge=1, le=24)]


class ArithmeticSettings(Strict):
    """What models are evaluated under, and how far.

    Attributes:
        floats: the whole model in that dtype.
        bits: fractional bits p of fixed point; each to nearest and truncated, the state alone and
            layer outputs too.
        ignored: the most ignored pairs in floats, and of one unit.
        ignored_fixed: the most in fixed point, for states that have not settled before.
        counts: n of the strings x^n y^n.
    """

    floats: tuple[Float, ...] = ("float64", "float32", "bfloat16", "float16")
    bits: tuple[Bits, ...] = (4, 6, 8, 12, 16)
    ignored: PositiveInt = 100_000
    ignored_fixed: PositiveInt = 2_500
    counts: tuple[PositiveInt, ...] = Field(min_length=1)


class PrecisionTrial(Trial):
    """A trial of this experiment.

    Attributes:
        made: `compiled` (option `target`) and `units` (no model at all) are not trained.
        arithmetic: what it is evaluated under.
    """

    made: Literal["trained", "compiled", "units"]
    arithmetic: ArithmeticSettings


class PrecisionExperiment(Experiment):
    """See the module.

    Attributes:
        languages: flipflop and counter languages of two letters.
        trained: those of them that models are trained on.
        targets: what each language is compiled to.
    """

    kind: Literal["precision"]
    trained: tuple[str, ...]
    targets: tuple[Target, ...]
    arithmetic: ArithmeticSettings

    @model_validator(mode="after")
    def _is_about_these_languages(self) -> Self:
        known = (FLIPFLOP, *COUNTERS)
        for language in self.languages:
            if language not in known:
                raise ValueError(f"precision knows {', '.join(known)}, not {language!r}")
        for language in self.trained:
            if language not in self.languages:
                raise ValueError(f"trained: {language!r} is none of the languages")
        if (self.task, self.protocol) != ("predict", "sound") or self.choosing:
            raise ValueError("precision has task predict, protocol sound and one learning rate")
        return self

    @property
    def shown_models(self) -> dict[str, str]:
        """Model as reports show it -> its name."""
        shown = {compiled(target): "compiled" for target in self.targets}
        return shown | super().shown_models | {UNITS: "units"}

    @property
    def in_order(self) -> bool:
        """What is not trained comes first."""
        return True

    def trials(
        self, seeds: Sequence[int], rates: Mapping[tuple[str, str], float] | None = None
    ) -> list[tuple[ModelSpec, Trial]]:
        """The trials of some seeds; what is not trained has the first seed only."""
        del rates
        first = self.seeds[:1]
        found: list[tuple[ModelSpec, Trial]] = []
        if self.seeds[0] in seeds:
            units = ModelSpec(name="units", label=UNITS)
            found += [(units, self._trial(FLIPFLOP, "units", {}, "units", seed)) for seed in first]
            for language in self.languages:
                for target in self.targets:
                    model = ModelSpec(name="compiled", label=compiled(target))
                    options = {"target": target}
                    for seed in first:
                        trial = self._trial(language, "compiled", options, "compiled", seed)
                        found.append((model, trial))
        for language in self.trained:
            for model in self.models:
                options = complete_options(model.name, model.options)
                for seed in seeds:
                    trial = self._trial(language, model.name, options, "trained", seed)
                    found.append((model, trial))
        return found

    def _trial(
        self,
        language: str,
        model: str,
        options: Mapping[str, bool | int | float | str],
        made: Literal["trained", "compiled", "units"],
        seed: int,
    ) -> PrecisionTrial:
        trained = made == "trained"
        rate = {"learning_rate": self.learning_rates[0]}
        return PrecisionTrial(
            language=language,
            model=model,
            model_file=model_file(model) if trained else None,
            options=dict(options),
            task=self.task,
            protocol=self.protocol,
            data=self.data if trained else DataSettings(seed=self.data.seed),
            training=self.training.model_copy(update=rate) if trained else TrainSettings(),
            seed=seed,
            made=made,
            arithmetic=self.arithmetic,
        )


def compiled(target: str) -> str:
    """What a compiled model is called."""
    return {"paper": "compiled, paper's form", "mamba": "compiled, Mamba"}[target]
