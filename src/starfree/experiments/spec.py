"""What is run: an experiment with lists, expanded into trials that leave nothing open."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from starfree.errors import InputError
from starfree.experiments.resolution import complete_options, language_file, model_file
from starfree.experiments.variants import vary
from starfree.experiments.yaml_reader import read_yaml
from starfree.training.settings import TrainSettings

HASH_LENGTH = 12  # hexadecimal digits of a trial's folder name

# Options that a model did not have at first, with what it did then. At these values they stay out
# of a trial's hash, so that results from before are found.
_IMPLIED_OPTIONS: dict[str, dict[str, Any]] = {
    "mamba": {"gates": "positive", "recurrence": True, "head": "linear"},
}

# Experiments with fields of their own; all others have no `kind`.
KINDS = {
    "flipflop": "starfree.experiments.flipflop:FlipflopExperiment",
    "published-suite": "starfree.experiments.published_suite:PublishedSuite",
    "transfer": "starfree.experiments.transfer:TransferExperiment",
    "precision": "starfree.experiments.precision:PrecisionExperiment",
    "bounded-dyck": "starfree.experiments.bounded_dyck:BoundedDyckExperiment",
    "basin": "starfree.experiments.basin:BasinExperiment",
    "certified": "starfree.experiments.certified:CertifiedExperiment",
    "search": "starfree.experiments.search.experiment:SearchExperiment",
}

Kind = TypeVar("Kind", bound="Trial")
Option = bool | int | float | str
_OPTION_BRANCHES = ("bool", "int", "float", "str")
TaskName = Literal["predict", "recognise", "state", "published"]
ProtocolName = Literal["sound", "published"]
Window = Annotated[str, Field(pattern=r"^\d+-\d+$")]


class Strict(BaseModel):
    """Plain data: every field known, of its own type, and never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DataSettings(Strict):
    """Which strings: the arguments of `data.splits.make_splits`, windows written `51-100`.

    The published protocol has its own sizes, windows and distributions: there only the seed counts.
    """

    seed: int = Field(default=0, ge=0)
    train_size: PositiveInt = 10_000
    validation_size: PositiveInt = 2_000
    bin_size: PositiveInt = 1_000
    train_window: Window = "1-50"
    test_windows: tuple[Window, ...] = Field(
        default=("1-50", "51-100", "101-150", "451-500"), min_length=1
    )
    train_distribution: Literal["mixed", "uniform", "published", "hard"] = "mixed"
    test_distribution: Literal["uniform", "published", "hard"] = "uniform"
    hard_window: PositiveInt = 10

    @field_validator("train_window")
    @classmethod
    def _not_empty(cls, window: str) -> str:
        low, high = bounds(window)
        if high < low:
            raise ValueError(f"{window!r} ends before it starts: write LOW-HIGH")
        return window

    @field_validator("test_windows")
    @classmethod
    def _rising(cls, windows: tuple[str, ...]) -> tuple[str, ...]:
        last = 0
        for window in windows:
            low, high = bounds(window)
            if low <= last or high < low:
                raise ValueError(
                    f"{window!r} must start after {last} and not end before it starts: windows "
                    "are LOW-HIGH, from short to long, without overlap"
                )
            last = high
        return windows


class RefutationSettings(Strict):
    """How hard a finished trial is searched for a string on which it is wrong.

    It is no part of a trial: a result does not depend on it.

    Attributes:
        symbols: what the search may cost, in symbols read (`verification.budget`); 0: no search.
        longest: symbols of the longest pumped string.
        seed: of its random strings.
    """

    symbols: int = Field(default=600_000, ge=0)
    longest: int = Field(default=100_000, ge=10)
    seed: int = Field(default=0, ge=0)


class ModelSpec(BaseModel):
    """A model: `name`, perhaps a `label` for the reports, and its options beside them."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    __pydantic_extra__: dict[str, Option] = Field(init=False)

    name: Annotated[str, Field(min_length=1)]
    label: str | None = None

    @property
    def options(self) -> dict[str, Option]:
        """The options that the spec gives."""
        return dict(self.__pydantic_extra__)

    @property
    def shown(self) -> str:
        """What reports call it."""
        if self.label:
            return self.label
        layers = self.options.get("layers")
        plural = "" if layers == 1 else "s"
        return self.name if layers is None else f"{self.name}, {layers} layer{plural}"


class Trial(Strict):
    """One language, one model, one seed, one learning rate: what a result depends on, no more.

    Attributes:
        language_file: SHA-256 of the file of a `dfa:` language.
        model_file: SHA-256 of the file of a user's model.
        options: of the model, every default explicit.
        seed: of weights and batches; the strings have their own, `data.seed`.
    """

    format: Literal[1] = 1
    language: str
    language_file: str | None = None
    model: str
    model_file: str | None = None
    options: dict[str, Option]
    task: TaskName
    protocol: ProtocolName
    data: DataSettings
    training: TrainSettings
    seed: int

    @property
    def hash(self) -> str:
        """The trial's identity: the first digits of the SHA-256 of its canonical JSON."""
        plain = self.model_dump(mode="json")
        for option, value in _IMPLIED_OPTIONS.get(self.model, {}).items():
            if plain["options"].get(option) == value:
                del plain["options"][option]
        canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:HASH_LENGTH]

    def extended(self, kind: type[Kind], **fields: Any) -> Kind:
        """The same trial as one of a kind that has more fields; those given replace its own."""
        own = {name: getattr(self, name) for name in Trial.model_fields}
        return kind(**own | fields)


class Experiment(Strict):
    """Lists of languages, models, seeds and learning rates, and what they share.

    Attributes:
        seeds: of weights and batches. The learning rate is chosen on the first one.
        learning_rates: tried for every language and model alike; the one with the smallest
            validation loss is taken.
        refutation: the search that follows a trial of task `predict`.
    """

    format: Literal[1] = 1
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    title: str = ""
    languages: tuple[str, ...] = Field(min_length=1)
    models: tuple[ModelSpec, ...] = Field(min_length=1)
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(default=(0, 1, 2, 3, 4), min_length=1)
    task: TaskName = "predict"
    protocol: ProtocolName = "sound"
    data: DataSettings = DataSettings()
    learning_rates: tuple[PositiveFloat, ...] = Field(default=(1e-3,), min_length=1)
    training: TrainSettings = TrainSettings()
    refutation: RefutationSettings = RefutationSettings()

    @field_validator("languages", "seeds", "learning_rates")
    @classmethod
    def _distinct(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        for value in values:
            if values.count(value) > 1:
                raise ValueError(f"{value!r} is given twice")
        return values

    @field_validator("training")
    @classmethod
    def _rates_are_a_list(cls, training: TrainSettings) -> TrainSettings:
        if "learning_rate" in training.model_fields_set:
            raise ValueError("give `learning_rates`, a list beside `training`, instead")
        return training

    @model_validator(mode="after")
    def _labels_differ(self) -> Self:
        shown = [model.shown for model in self.models]
        for label in shown:
            if shown.count(label) > 1:
                raise ValueError(f"two models are shown as {label!r}: give one a `label`")
        return self

    @property
    def choosing(self) -> bool:
        """Whether the learning rate is chosen on the first seed."""
        return len(self.learning_rates) > 1

    @property
    def in_order(self) -> bool:
        """Whether trials run in the order of `trials`; else the longest first."""
        return False

    @property
    def shown_models(self) -> dict[str, str]:
        """Model as reports show it -> its name."""
        return {model.shown: model.name for model in self.models}

    def plain(self) -> dict[str, Any]:
        """As it would be written, every default explicit."""
        return self.model_dump(mode="json", exclude={"training": {"learning_rate"}})

    def text(self) -> str:
        """As a spec file."""
        return yaml.safe_dump(self.plain(), sort_keys=False, allow_unicode=True, width=100)

    def trials(
        self,
        seeds: Sequence[int],
        rates: Mapping[tuple[str, str], float] | None = None,
    ) -> list[tuple[ModelSpec, Trial]]:
        """The trials of some seeds, each with the entry of `models` it comes from.

        Args:
            seeds: some of the experiment's.
            rates: the learning rate by language and model as shown, a pair without one being left
                out; by default all of `learning_rates` are tried.

        Raises:
            InputError: an unknown option, a file that is not there.
        """
        options = {
            model.shown: complete_options(model.name, model.options) for model in self.models
        }
        files = {language: language_file(language) for language in self.languages}
        found = []
        for language in self.languages:
            for model in self.models:
                cell = (language, model.shown)
                if rates is None:
                    tried = self.learning_rates
                else:
                    tried = (rates[cell],) if cell in rates else ()
                for rate in tried:
                    for seed in seeds:
                        trial = Trial(
                            language=language,
                            language_file=files[language],
                            model=model.name,
                            model_file=model_file(model.name),
                            options=options[model.shown],
                            task=self.task,
                            protocol=self.protocol,
                            data=self.data,
                            training=self.training.model_copy(update={"learning_rate": rate}),
                            seed=seed,
                        )
                        found.append((model, trial))
        return found


def bounds(window: str) -> tuple[int, int]:
    """The shortest and the longest length of a window.

    Published bins may repeat a window (Tomita 5 and 6 have three of 101-150): `101-150#2` is its
    second bin.

    >>> bounds("51-100"), bounds("101-150#2")
    ((51, 100), (101, 150))
    """
    low, _, high = window.partition("#")[0].partition("-")
    return int(low), int(high)


def parse_experiment(
    text: str, source: str, scale: str | None = None, protocol: str | None = None
) -> Experiment:
    """Read an experiment from YAML.

    Args:
        text: the document.
        source: its name, for messages.
        scale: one of its `scales` (`variants.py`); by default, and as `full`, the spec as it is.
        protocol: one of its `protocols`, or its own.

    Raises:
        InputError: one line for each field that is wrong: where, what is allowed, what was given.
    """
    try:
        value = read_yaml(text)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{source}: a spec is a mapping of fields (`starfree spec example`)")
    try:
        varied = vary(value, source, {"scale": scale, "protocol": protocol})
        # Through JSON, so that lists become tuples although nothing else is converted.
        return read_experiment(varied)
    except TypeError as error:
        raise InputError(f"{source}: {error}") from error
    except ValidationError as error:
        raise InputError("\n".join(f"{source}: {line}" for line in explain(error))) from error


def read_experiment(value: Mapping[str, Any]) -> Experiment:
    """An experiment from its plain fields; `kind` names one of `KINDS`, or `search` is there.

    Raises:
        ValidationError: a field is wrong.
        TypeError: a value that JSON does not know.
    """
    kind: type[Experiment] = Experiment
    name = value.get("kind", "search" if "search" in value else None)
    if isinstance(name, str) and name in KINDS:
        module, _, attribute = KINDS[name].partition(":")
        kind = getattr(import_module(module), attribute)
    return kind.model_validate_json(json.dumps(value))


def explain(error: ValidationError) -> list[str]:
    """A line for each field that is wrong."""
    problems = error.errors(include_url=False)
    lines: list[str] = []
    for problem in problems:
        location = problem["loc"]
        inner = any(p["loc"][: len(location)] == location and p is not problem for p in problems)
        if problem["type"] == "too_short" and inner:
            continue  # a list is only short of the items that are wrong themselves
        line = _line(problem["type"], location, problem["msg"], problem["input"])
        if line not in lines:  # `Option` complains once a branch
            lines.append(line)
    return lines


def _line(kind: str, location: Sequence[int | str], message: str, given: object) -> str:
    where = _path(location)
    if kind == "extra_forbidden":
        return f"{where}: no such field{_allowed(location)}"
    if kind == "missing":
        return f"{where}: this field is required"
    if kind == "too_short":
        return f"{where}: give at least one"
    if kind == "value_error":
        message = message.removeprefix("Value error, ")
        return f"{where}: {message}" if where else message
    if location and location[-1] in _OPTION_BRANCHES:
        message = "an option is a number, a word, true or false"
    return f"{where}: {message[0].lower()}{message[1:]} (given: {json.dumps(given)})"


def _path(location: Sequence[int | str]) -> str:
    """`models[0].layers` of the parts of a path."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part not in _OPTION_BRANCHES:
            text += f".{part}" if text else part
    return text


def _allowed(location: Sequence[int | str]) -> str:
    """The fields there are beside one that is not."""
    model: Any = Experiment
    for part in location[:-1]:
        field = model.model_fields.get(part) if isinstance(part, str) else None
        model = field.annotation if field else None
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return ""
    return f" (fields: {', '.join(model.model_fields)})"
