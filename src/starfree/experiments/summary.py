"""What came out: the trials of an experiment, gathered into one cell a language and model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, median_low
from typing import Any

from starfree.data.passive import Determined
from starfree.experiments.determination import read_determined
from starfree.experiments.expectation import Expectation, expectation
from starfree.experiments.plan import CellKey, PlannedTrial, choose_rates, read_plan
from starfree.experiments.published_results import PublishedResult, published_accuracy
from starfree.experiments.spec import Experiment, ModelSpec
from starfree.experiments.store import Store
from starfree.training.intervals import Interval, binomial_interval

Result = Mapping[str, Any]

PROVISIONAL_BELOW = 5  # seeds
COMPARABLE = ("predict", "published")  # tasks like the one of the published numbers


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

    @property
    def seeds_interval(self) -> Interval:
        """From the smallest lower to the largest upper end of the seeds' 95 % over strings."""
        ends = [
            binomial_interval(round(share * self.strings), self.strings) for share in self.seeds
        ]
        return Interval(min(low for low, _ in ends), max(high for _, high in ends))

    @property
    def agrees(self) -> bool:
        """Whether the published number lies within the seeds' intervals (True without one)."""
        low, high = self.seeds_interval
        return self.published is None or low <= self.published.value <= high


@dataclass(frozen=True)
class LanguageFacts:
    """What a report needs to know of a language without building it again.

    Attributes:
        title: in mathematical notation.
        language_class: as in the catalog; None if nobody worked it out.
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
        right_prefixes: of a nested language, seed by seed: how many symbols of its longest test
            string were read without an error, of how many; empty for all others.
    """

    language: LanguageFacts
    model: ModelSpec
    learning_rate: float
    rates: Mapping[float, float | None]
    trials: tuple[str, ...]
    missing: tuple[int, ...]
    bins: tuple[BinSummary, ...]
    right_prefixes: tuple[tuple[int, int], ...]
    expectation: Expectation

    @property
    def key(self) -> CellKey:
        """Language and model as shown."""
        return self.language.name, self.model.shown

    @property
    def reached(self) -> tuple[int, ...]:
        """Seed by seed: windows, shortest lengths first, before one with a wrong string."""
        rows = zip(*(measured.seeds for measured in self.bins), strict=True)
        return tuple(next((n for n, a in enumerate(row) if a < 1.0), len(row)) for row in rows)

    @property
    def solved_seeds(self) -> int:
        """Seeds with every string of every window right."""
        return sum(windows == len(self.bins) for windows in self.reached)

    @property
    def in_length_seeds(self) -> int:
        """Seeds with every string of the first window right, in-length as a rule."""
        return sum(windows > 0 for windows in self.reached)

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
        missing: language and model as shown of those without a result.
        failures: hash of a trial whose last attempt failed -> why.
        versions: what made the results, as `version (commit)`; more than one is a warning.
        determined: what a passive learner made of each language's training strings.
    """

    experiment: Experiment
    cells: tuple[Cell, ...]
    planned: int
    missing: tuple[CellKey, ...]
    failures: Mapping[str, str]
    versions: tuple[str, ...]
    determined: Mapping[str, Determined] = field(default_factory=dict)

    def has_positive_control(self, cell: Cell) -> bool:
        """Whether most seeds of another model got farther, in windows, than any of this cell.

        Then the same data and budget do teach what the cell's model did not learn. A model that
        theory rules out as well is no control.
        """
        farthest = max(cell.reached)
        return any(
            median_low(other.reached) > farthest
            for other in self.cells
            if other.language == cell.language and other.expectation.answer != "cannot"
        )


def read_summary(store: Store) -> tuple[Summary, dict[str, Result]]:
    """What came out so far, and the results it was made from, by hash.

    Raises:
        InputError: the folder is no run's folder.
    """
    experiment, planned = read_plan(store.folder)
    results: dict[str, Result] = {
        trial.hash: result for trial in planned if (result := store.result(trial.hash)) is not None
    }
    failures = {
        trial.hash: failure["message"]
        for trial in planned
        if trial.hash not in results and (failure := store.failure(trial.hash)) is not None
    }
    summary = summarise(experiment, planned, results, failures)
    return replace(summary, determined=read_determined(store.folder)), results


def summarise(
    experiment: Experiment,
    planned: Sequence[PlannedTrial],
    results: Mapping[str, Result],
    failures: Mapping[str, str],
) -> Summary:
    """Gather an experiment's trials into cells.

    Args:
        experiment: what was asked for.
        planned: its trials.
        results: of the finished ones, by hash.
        failures: why the last attempt of the others failed, where it did.
    """
    rates = choose_rates(planned, results, experiment.seeds[0])
    cells = []
    missing = []
    for language in experiment.languages:
        for model in experiment.models:
            of_cell = [trial for trial in planned if trial.cell == (language, model.shown)]
            cell = _cell(experiment, model, of_cell, rates.get((language, model.shown)), results)
            if cell is None:
                missing.append((language, model.shown))
            else:
                cells.append(cell)
    used = {trial for cell in cells for trial in cell.trials}
    return Summary(
        experiment=experiment,
        cells=tuple(cells),
        planned=len(experiment.languages) * len(experiment.models),
        missing=tuple(missing),
        failures={h: why for h, why in failures.items() if h in {trial.hash for trial in planned}},
        versions=_versions(results[trial] for trial in used),
    )


def _cell(
    experiment: Experiment,
    model: ModelSpec,
    planned: Sequence[PlannedTrial],
    rate: float | None,
    results: Mapping[str, Result],
) -> Cell | None:
    """A cell of the finished trials at the chosen learning rate; None if there are none."""
    done = [t for t in planned if t.learning_rate == rate and t.hash in results]
    if rate is None or not done:
        return None
    done.sort(key=lambda trial: trial.seed)
    of_seeds = [results[trial.hash] for trial in done]
    first = of_seeds[0]
    facts = LanguageFacts(**first["language"])
    return Cell(
        language=facts,
        model=model,
        learning_rate=rate,
        rates={
            trial.learning_rate: results[trial.hash]["validation"]["loss"]
            for trial in planned
            if trial.seed == experiment.seeds[0] and trial.hash in results
        },
        trials=tuple(trial.hash for trial in done),
        missing=tuple(sorted(set(experiment.seeds) - {trial.seed for trial in done})),
        bins=tuple(
            _bin(facts, model, first["trial"]["options"], rank, window, of_seeds)
            for rank, window in enumerate(first["bins"])
        ),
        right_prefixes=tuple(
            (prefix["length"], prefix["of"])
            for result in of_seeds
            if (prefix := result["right_prefix"]) is not None
        ),
        expectation=expectation(
            first["trial"]["language"], experiment.task, model.name, first["trial"]["options"]
        ),
    )


def _bin(
    language: LanguageFacts,
    model: ModelSpec,
    options: Mapping[str, Any],
    rank: int,
    window: str,
    of_seeds: Sequence[Result],
) -> BinSummary:
    measured = [result["bins"][window] for result in of_seeds]
    seeds = tuple(float(m["metrics"]["string_accuracy"]["value"]) for m in measured)
    strings = int(measured[0]["strings"])
    accuracy = fmean(seeds)
    best = measured[0]["best_baseline"]
    return BinSummary(
        window=window,
        strings=strings,
        accuracy=accuracy,
        # The strings are the same for every seed: they count once.
        interval=None
        if of_seeds[0]["right_prefix"] is not None
        else binomial_interval(round(accuracy * strings), strings),
        seeds=seeds,
        baseline=None if best is None else best["value"],
        baseline_kind="" if best is None else best["kind"],
        published=published_accuracy(language.name, model.name, options.get("layers"), rank)
        if of_seeds[0]["trial"]["task"] in COMPARABLE and is_published(options)
        else None,
        identifiable=bool(measured[0]["identifiable"]),
    )


def is_published(options: Mapping[str, Any]) -> bool:
    """Whether the paper has numbers of a model with these options: not of Mamba's relatives.

    The published transformers are each language's best of several codes of positions, mostly none.
    """
    return (
        options.get("gates") != "signed"
        and options.get("recurrence") is not False
        and options.get("position", "none") == "none"
    )


def _versions(results: Iterable[Result]) -> tuple[str, ...]:
    """Each `version (commit)` once."""
    return tuple(sorted({f"{r['version']} ({r['commit'] or 'no commit'})" for r in results}))
