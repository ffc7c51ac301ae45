"""What came out: the trials of an experiment, gathered into one cell a language and model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starfree.experiments.expectation import Expectation
from starfree.experiments.published_results import PublishedResult
from starfree.experiments.spec import Experiment, ModelSpec
from starfree.training.intervals import Interval, binomial_interval

Result = Mapping[str, Any]

PROVISIONAL_BELOW = 5  # seeds


@dataclass(frozen=True)
class BinSummary:
    """One model on one language in one window of lengths.

    Attributes:
        window: as `51-100`.
        strings: how many were tested.
        accuracy: share of strings right at every position, mean over seeds.
        interval: 95 % over strings, of the mean; None where strings are no sample (nested
            languages, each string a prefix of the next).
        seeds: the share, seed by seed.
        baseline: the best stateless predictor's share.
        baseline_kind: which one it is.
        published: the paper's number for the window of the same rank.
        identifiable: whether every transition the strings use was seen often enough in training.
    """

    window: str
    strings: int
    accuracy: float
    interval: Interval | None
    seeds: tuple[float, ...]
    baseline: float | None
    baseline_kind: str
    published: PublishedResult | None
    identifiable: bool

    @property
    def solved_without_state(self) -> bool:
        """Whether a predictor without state solves it too, so that the data cannot tell."""
        return self.baseline == 1.0


@dataclass(frozen=True)
class LanguageFacts:
    """What a report needs to know of a language without building it again.

    Attributes:
        title: in mathematical notation.
        language_class: `star-free`, `not star-free`, `counter`, or None if nobody worked it out.
        definiteness: the legal set depends on the last k symbols only; None if no k does.
        nested: each member is a prefix of the next.
    """

    name: str
    title: str
    language_class: str | None
    definiteness: int | None
    nested: bool


@dataclass(frozen=True)
class Cell:
    """One language and one model: the seeds at the learning rate that validation chose.

    Attributes:
        rates: validation loss of the first seed by learning rate.
        trials: hashes, seed by seed.
        missing: seeds of the spec that have no result yet.
        bins: by length, the in-length window first.
    """

    language: LanguageFacts
    model: ModelSpec
    learning_rate: float
    rates: Mapping[float, float | None]
    trials: tuple[str, ...]
    missing: tuple[int, ...]
    bins: tuple[BinSummary, ...]
    expectation: Expectation

    @property
    def solved_seeds(self) -> int:
        """Seeds with every string of every window right."""
        return sum(all(b.seeds[i] == 1.0 for b in self.bins) for i in range(len(self.trials)))

    @property
    def solved_interval(self) -> Interval:
        """95 % for the chance that a seed solves it."""
        return binomial_interval(self.solved_seeds, len(self.trials))

    @property
    def solved(self) -> bool:
        """Whether every seed solved it."""
        return self.solved_seeds == len(self.trials)

    @property
    def breaks_at(self) -> str | None:
        """The first window with a wrong string, None if there is none."""
        return next((b.window for b in self.bins if b.accuracy < 1.0), None)

    @property
    def provisional(self) -> bool:
        """Whether too few seeds were run to claim anything about training."""
        return len(self.trials) < PROVISIONAL_BELOW

    @property
    def stateless(self) -> bool:
        """Whether the language cannot test state: the last few symbols say all."""
        return self.language.definiteness is not None


@dataclass(frozen=True)
class Summary:
    """An experiment's outcome.

    Attributes:
        cells: in the order of the spec, languages first; only those with a result.
        planned: how many cells the spec asks for.
        failures: hash of a trial whose last attempt failed -> why.
        versions: what made the results, as `version (commit)`; more than one is a warning.
    """

    experiment: Experiment
    cells: tuple[Cell, ...]
    planned: int
    failures: Mapping[str, str]
    versions: tuple[str, ...]
