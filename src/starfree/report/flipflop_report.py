"""The flip-flop experiment in sentences, tables and rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from starfree.experiments.flipflop import FlipflopExperiment
from starfree.experiments.published_results import published_results
from starfree.experiments.store import Store
from starfree.report.details import Details
from starfree.report.flipflop_cells import flipflop_details
from starfree.report.flipflop_figure import error_figure, memory_figure
from starfree.report.page import draw
from starfree.report.sections import Report, Row, Table

Result = Mapping[str, Any]

STRINGS, READS = "string_accuracy", "read_error"
CHECKED = 100  # iterations between two evaluations of the published run


@dataclass(frozen=True)
class Setting:
    """What the seeds of a row share."""

    arm: str
    model: str
    mode: str
    ignore: tuple[float, ...]
    rate: float
    iterations: int

    @property
    def train_data(self) -> str:
        """The training strings in Liu et al.'s words."""
        return " + ".join(f"FFL({p:g})" for p in self.ignore)


def flipflop_report(experiment: FlipflopExperiment, store: Store) -> Report:
    """Everything that is known of the experiment so far."""
    groups = gather(experiment, store)
    done = [(setting, results) for setting, results in groups if results]
    return Report(
        question=_question(experiment),
        findings=list(_findings(done)),
        caveats=list(_caveats(groups, experiment)),
        drawings=[
            draw(
                "errors",
                error_figure(_panels(done), _strings(experiment)),
                _error_caption(experiment, any(s.mode == "published" for s, _ in done)),
            ),
            draw(
                "memory",
                memory_figure(_memory(done), experiment.stress, experiment.most_ignored),
                _memory_caption(experiment),
            ),
        ]
        if done
        else [],
        tables=[_table(groups, experiment)],
        rows=[row for setting, results in done for row in _rows(setting, results, experiment.name)],
    )


def _question(experiment: FlipflopExperiment) -> str:
    return (
        "A string writes bits, ignores others and asks for the last one written. FFL(p) ignores "
        "with probability p: models are trained on FFL(0.8) or a mixture and tested on denser and "
        f"sparser strings of {experiment.length:,} symbols. Which loss, which training strings, "
        "and for how long does the bit keep?"
    )


def _strings(experiment: FlipflopExperiment) -> str:
    """What an iteration sees."""
    batches = sorted({arm.training.batch_size for arm in experiment.arms})
    shown = " or ".join(str(size) for size in batches)
    return f"{shown} strings of {experiment.length:,} symbols each"


def _error_caption(experiment: FlipflopExperiment, published: bool) -> str:
    measures = (
        "reads in clean mode, whole strings under the published protocol (the paper's measure; its "
        "own run as diamonds)"
        if published
        else "reads"
    )
    checked = ", ".join(f"{test.checked:,} of {test.name}" for test in experiment.tests)
    after = ", ".join(f"{test.strings:,} of {test.name}" for test in experiment.tests)
    return (
        f"Share of wrong answers over true iterations, on a logarithmic scale: {measures}. Lines "
        f"are checks (strings: {checked}), a line a seed; dots at the right are the tests after "
        f"training ({after}). What lies on the line marked 0 had no wrong answer."
    )


def _memory_caption(experiment: FlipflopExperiment) -> str:
    return (
        "The fewest ignored pairs between a write and its read after which a model gives a wrong "
        "answer: a dot a seed. The strings of the tests ignore at most "
        f"{experiment.most_ignored:,} pairs. Models at the right edge gave no wrong answer up to "
        "there."
    )


def gather(experiment: FlipflopExperiment, store: Store) -> list[tuple[Setting, dict[str, Result]]]:
    """The finished trials of every row by hash, in the order of the spec."""
    groups: dict[Setting, dict[str, Result]] = {}
    for model, trial in experiment.trials(experiment.seeds):
        label = (model.label or "").removeprefix(f"{trial.arm}: ")  # type: ignore[attr-defined]
        setting = Setting(
            trial.arm, label, trial.mode, trial.ignore,  # type: ignore[attr-defined]
            trial.training.learning_rate,
            trial.training.tokens // (trial.training.batch_size * experiment.length),
        )  # fmt: skip
        found = groups.setdefault(setting, {})
        result = store.result(trial.hash)
        if result is not None:
            found[trial.hash] = result
    return list(groups.items())


def constant_bit(ignore: float, length: int) -> float:
    """Share of FFL(ignore) strings that one bit, given at every read, gets wholly right.

    Exact: the chance that every read of a string asks for that bit.
    """
    write = (1 - ignore) / 2
    alive = np.array([0.5, 0.5])  # no wrong read so far, by the bit last written
    for _ in range(length // 2 - 2):
        read = alive * np.array([write, 0.0])
        alive = ignore * alive + write * alive.sum() / 2 + read
    return float(alive[0])


def _panels(done: Sequence[tuple[Setting, Mapping[str, Result]]]) -> list[dict[str, Any]]:
    """What `error_figure` draws: a panel for each loss, training data and rate."""
    panels: dict[tuple[Any, ...], dict[str, Any]] = {}
    for setting, results in done:
        key = (setting.mode, setting.ignore, setting.rate)
        name = "mixture" if len(setting.ignore) > 1 else setting.train_data
        panel = panels.setdefault(
            key,
            {
                "title": f"{setting.mode}, {name}, rate {setting.rate:g}",
                "measure": "strings" if setting.mode == "published" else "reads",
                "models": {},
                "published": _published_curve() if setting.iterations >= 100_000 else {},
            },
        )
        panel["models"][setting.model] = list(results.values())
    return list(panels.values())


def _published_curve() -> dict[str, list[tuple[int, float]]]:
    """Test -> (true iteration, error) of the paper's run."""
    found: dict[str, list[tuple[int, float]]] = {}
    for published in published_results():
        if published.experiment == "flipflop" and published.metric == STRINGS:
            iteration = CHECKED * int(published.setting.partition("=")[2])
            found.setdefault(published.bin, []).append((iteration, 1 - published.value))
    return found


def _memory(done: Sequence[tuple[Setting, Mapping[str, Result]]]) -> list[dict[str, Any]]:
    return [
        {
            "label": f"{setting.arm}, {setting.rate:g}",
            "model": setting.model,
            "collapses": [result["stress"]["collapse"] for result in results.values()],
            "limit": max(next(iter(results.values()))["stress"]["ignored"]),
        }
        for setting, results in done
    ]


def _table(
    groups: Sequence[tuple[Setting, Mapping[str, Result]]], experiment: FlipflopExperiment
) -> Table:
    tests = [test.name for test in experiment.tests]
    header = ["arm, model, learning rate", "iterations", "seeds"]
    header += [f"wrong reads, {name}" for name in tests]
    header += [f"strings right, {name}" for name in tests]
    header += ["first check without a wrong read (0.98)", "forgets after"]
    rows = []
    for setting, results in groups:
        every = list(results.values())
        label = f"{setting.arm}: {setting.model}, {setting.rate:g}"
        if not every:
            rows.append([label, f"{setting.iterations:,}", "not run", *[""] * (len(header) - 3)])
            continue
        rows.append(
            [
                label,
                f"{setting.iterations:,}",
                str(len(every)),
                *(_spread([_value(r, name, READS) for r in every], _rate) for name in tests),
                *(_spread([_value(r, name, STRINGS) for r in every], _percent) for name in tests),
                _spread([first_clean(r, "FFL(0.98)") for r in every], _count),
                _spread([r["stress"]["collapse"] for r in every], _kept(every[0])),
            ]
        )
    baselines = ", ".join(
        f"{100 * constant_bit(test.ignore, experiment.length):.2g} % of {test.name}"
        for test in experiment.tests
    )
    note = (
        "After training, on strings of their own; several seeds: smallest to largest. Wrong reads "
        "are a share of all bits asked for. A model that gives one bit at every read has 50 % of "
        f"reads wrong and gets {baselines} strings wholly right. Forgets after: the fewest ignored "
        "pairs between a write and its read with a wrong answer."
    )
    note += "".join(f" {line}" for line in _bounds_of_nothing(groups, tests))
    opened = [_details(setting, results) for setting, results in groups]
    return Table("After training", header, rows, note, details=opened)


def _details(setting: Setting, results: Mapping[str, Result]) -> Details | None:
    if not results:
        return None
    facts = {
        "training strings": setting.train_data,
        "loss": setting.mode,
        "learning rate": f"{setting.rate:g}",
        "iterations": f"{setting.iterations:,}",
    }
    label = f"{setting.arm}: {setting.model}, {setting.rate:g}"
    return flipflop_details(label, facts, results)


def _bounds_of_nothing(
    groups: Sequence[tuple[Setting, Mapping[str, Result]]], tests: Sequence[str]
) -> Iterator[str]:
    """What a 0 of the table leaves open."""
    for name in tests:
        rates = [
            result["bins"][name]["metrics"][READS]
            for _, results in groups
            for result in results.values()
        ]
        zeros = [rate for rate in rates if rate["value"] == 0]
        if zeros:
            yield (
                f"0 of {zeros[0]['n']:,} reads of {name}: at most {zeros[0]['high']:.1e} at 95 %."
            )


def first_clean(result: Result, test: str) -> int | None:
    """The iteration of the first check without a wrong read on a test."""
    curve = result["curve"]
    wrong = curve["tests"][test]["wrong_reads"]
    return next((step for step, w in zip(curve["iteration"], wrong, strict=True) if not w), None)


def _findings(done: Sequence[tuple[Setting, Mapping[str, Result]]]) -> Iterator[str]:
    yield from _what_decides(done)
    for setting, results in done:
        every = list(results.values())
        dense = [_value(r, "FFL(0.8)", READS) for r in every]
        sparse = [_value(r, "FFL(0.98)", READS) for r in every]
        lost = [r["stress"]["collapse"] for r in every]
        seeds = f"{len(every)} seed{'' if len(every) == 1 else 's'}"
        yield (
            f"{setting.arm}, {setting.model}, rate {setting.rate:g} ({seeds}): after "
            f"{setting.iterations:,} iterations {_spread(dense, _rate)} of the reads of FFL(0.8) "
            f"are wrong and {_spread(sparse, _rate)} of those of FFL(0.98); the bit is lost "
            f"after {_spread(lost, _kept(every[0]))} ignored pairs."
        )


def _what_decides(done: Sequence[tuple[Setting, Mapping[str, Result]]]) -> Iterator[str]:
    """Clean mode, the same model, rate and budget: one p against a mixture."""
    one: dict[tuple[str, float], list[float]] = {}
    several: dict[tuple[str, float], list[float]] = {}
    for setting, results in done:
        if setting.mode == "clean":
            into = several if len(setting.ignore) > 1 else one
            sparse = [_value(result, "FFL(0.98)", READS) for result in results.values()]
            into.setdefault((setting.model, setting.rate), []).extend(sparse)
    for key in one.keys() & several.keys():
        if min(one[key]) <= max(several[key]):
            return
    shared = sorted(one.keys() & several.keys())
    if shared:
        alone = [value for key in shared for value in one[key]]
        mixed = [value for key in shared for value in several[key]]
        yield (
            "The training strings decide: with the same loss, budget and learning rate "
            f"{_spread(alone, _rate)} of the sparse reads are wrong after FFL(0.8) alone, "
            f"{_spread(mixed, _rate)} after the mixture ({len(shared)} pair"
            f"{'' if len(shared) == 1 else 's'} of model and rate, {len(alone)} and {len(mixed)} "
            "trainings)."
        )


def _caveats(
    groups: Sequence[tuple[Setting, Mapping[str, Result]]], experiment: FlipflopExperiment
) -> Iterator[str]:
    planned = len(experiment.trials(experiment.seeds))
    finished = sum(len(results) for _, results in groups)
    if finished < planned:
        yield f"{finished} of {planned} planned trials are finished; the others are not run yet."
    if finished and max(len(results) for _, results in groups) < 5:
        yield "Fewer than five seeds: provisional."
    if any(result["stopped"] == "diverged" for _, found in groups for result in found.values()):
        yield "A training diverged; its row shows the weights at that point."


def _rows(setting: Setting, results: Mapping[str, Result], experiment: str) -> Iterator[Row]:
    for trial_hash, result in results.items():
        trial = result["trial"]
        common = {
            "experiment": experiment,
            "language": "flipflop",
            "model": setting.model,
            "layers": trial["options"].get("layers", ""),
            "protocol": f"{setting.mode}, rate {setting.rate:g}, {setting.iterations} iterations",
            "train_data": setting.train_data,
            "seed": trial["seed"],
            "trial_hash": trial_hash,
            "commit": result["commit"] or "",
        }
        ignores = {test["name"]: test for test in _tests(trial)}
        for name, measured in result["bins"].items():
            for metric, found in measured["metrics"].items():
                string = metric == STRINGS
                chance = constant_bit(ignores[name]["ignore"], trial["length"]) if string else 0.5
                yield Row(
                    test_data=name, bin=f"{trial['length']}-{trial['length']}", metric=metric,
                    value=found["value"], n=found["n"], low=found["low"], high=found["high"],
                    baseline=chance, baseline_kind="one bit at every read",
                    published=_published_end(name) if string and comparable(setting) else None,
                    **common,
                )  # fmt: skip
        stress = result["stress"]
        yield Row(
            test_data="ignore-stress", bin=f"1-{max(stress['ignored'])}", metric="ignored_pairs",
            value=stress["collapse"], n=stress["rows"], low=None, high=None, baseline=None,
            baseline_kind="", published=None, **common,
        )  # fmt: skip


def _tests(trial: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for test in trial["tests"]:
        yield {"name": f"FFL({test['ignore']:g})", **test}


def comparable(setting: Setting) -> bool:
    """The paper's run had this loss, and this many iterations before its figure ends."""
    return setting.mode == "published" and setting.iterations == 140_000


def _published_end(test: str) -> float | None:
    points = _published_curve().get(test)
    return None if not points else 1 - max(points)[1]


def _value(result: Result, test: str, metric: str) -> float:
    return float(result["bins"][test]["metrics"][metric]["value"])


def _spread(values: Sequence[Any], write: Any) -> str:
    """Smallest to largest; None is larger than any."""
    ordered = sorted(values, key=lambda value: (value is None, value))
    texts = list(dict.fromkeys([write(ordered[0]), write(ordered[-1])]))
    return " to ".join(texts)


def _rate(value: float) -> str:
    return "0" if value == 0 else f"{value:.1e}" if value < 1e-3 else f"{100 * value:.2g} %"


def _percent(value: float) -> str:
    if value in (0.0, 1.0):
        return "100 %" if value else "0 %"
    return f"{min(100 * value, 99.999):.{3 if value > 0.99 else 1}f} %"


def _count(value: int | None) -> str:
    return "none" if value is None else f"{value:,}"


def _kept(result: Result) -> Any:
    limit = max(result["stress"]["ignored"])
    return lambda value: f"more than {limit:,}" if value is None else f"{value:,}"
