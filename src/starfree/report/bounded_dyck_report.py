"""The bounded-Dyck experiment in sentences, tables and rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from statistics import fmean
from typing import Any

from starfree.data.bounded_dyck import PAIRS
from starfree.experiments.bounded_dyck import (
    DEPTH,
    LANGUAGE,
    BoundedDyckExperiment,
    information_bound,
    state_numbers,
)
from starfree.experiments.published_results import PublishedResult, published_results
from starfree.experiments.store import Store
from starfree.report.bounded_dyck_cells import bounded_dyck_details
from starfree.report.bounded_dyck_figure import Line, distance_figure, width_figure
from starfree.report.details import Details
from starfree.report.numbers import percent
from starfree.report.page import draw
from starfree.report.sections import Report, Row, Table

Result = Mapping[str, Any]

CLOSING = "closing_accuracy"
FEW = 20  # prefixes: a distance that fewer have is not drawn
SHOWN_WIDTH = 60  # of the figure by distance; else the widest that is there

_QUESTION = (
    f"Brackets of {PAIRS} types, nested at most {DEPTH} deep. A Mamba reads a string and predicts "
    "its next symbol; wherever a bracket is open, the right close must get more than 80 % of what "
    "all closes get. Training strings are at most 700 symbols long, test strings 701 to 1400. What "
    "decides how well it closes: depth, width or the learning rate?"
)
_WIDTH_CAPTION = (
    "Closing accuracy (mean over prefixes, as published) by width, and over the distances that "
    "occur, every distance counting the same. Published: 1 layer at rate 1e-4 (squares) only, 2 "
    "layers at 1e-3 (diamonds) in the figure and at 1e-4 in the released summaries. Dotted: a "
    "window as long as the convolutions of 1 or 2 layers, without any memory."
)
_DISTANCE_CAPTION = (
    "Closing accuracy on the test file by the distance between a bracket and its close. The "
    "mean over prefixes hides the right side: half of all prefixes end in the bracket itself. "
    f"Distances that fewer than {FEW} prefixes have are not drawn."
)


@dataclass(frozen=True, order=True)
class Setting:
    """A point of the grid."""

    layers: int
    width: int
    rate: float


def bounded_dyck_report(experiment: BoundedDyckExperiment, store: Store) -> Report:
    """Everything that is known of the experiment so far."""
    grid = gather(experiment, store)
    done = {setting: results for setting, results in grid.items() if results}
    papers = _published_lines() if experiment.train_strings is None else []
    return Report(
        question=_QUESTION,
        findings=list(_findings(done)),
        caveats=list(_caveats(experiment, grid)),
        drawings=[
            draw("widths", width_figure(_lines(done), papers), _WIDTH_CAPTION),
            draw("distances", distance_figure(_by_distance(done)), _DISTANCE_CAPTION),
        ]
        if done
        else [],
        tables=[_table(experiment, grid), _constraints(done)],
        rows=[row for setting, found in done.items() for row in _rows(setting, found, experiment)],
    )


def gather(experiment: BoundedDyckExperiment, store: Store) -> dict[Setting, dict[str, Result]]:
    """The finished trials of every point of the grid by hash, in the order of the spec."""
    grid: dict[Setting, dict[str, Result]] = {}
    for _, trial in experiment.trials(experiment.seeds):
        options = trial.options
        setting = Setting(
            int(options["layers"]), int(options["d_model"]), trial.training.learning_rate
        )
        found = grid.setdefault(setting, {})
        result = store.result(trial.hash)
        if result is not None:
            found[trial.hash] = result
    return grid


def published(setting: Setting, test: str) -> float | None:
    """The published closing accuracy at a point of the grid."""
    return _published().get((setting, test))


def _paper(experiment: BoundedDyckExperiment, setting: Setting, test: str) -> float | None:
    """What stands beside ours; nothing beside a run on a part of the strings."""
    return published(setting, test) if experiment.train_strings is None else None


def setting_of(number: PublishedResult) -> Setting | None:
    """The point of the grid that a published number belongs to; None if it names none."""
    fields = number.fields
    if not number.layers or not {"d_model", "learning_rate"} <= set(fields):
        return None
    return Setting(number.layers, int(fields["d_model"]), float(fields["learning_rate"]))


def _published() -> dict[tuple[Setting, str], float]:
    return {
        (setting, result.bin): result.value
        for result in published_results()
        if result.experiment == "bounded-dyck" and result.metric == CLOSING
        if (setting := setting_of(result))
    }


def _mean(results: Mapping[str, Result], test: str, key: str = CLOSING) -> float | None:
    values = [result["bins"][test][key] for result in results.values()]
    known = [float(value) for value in values if value is not None]
    return fmean(known) if known else None


def _lines(done: Mapping[Setting, Mapping[str, Result]]) -> list[Line]:
    lines: dict[tuple[int, float], Line] = {}
    for setting, results in sorted(done.items(), key=lambda item: item[0].width):
        key = (setting.layers, setting.rate)
        line = lines.setdefault(key, Line(setting.layers, setting.rate, {}))
        for panel, test, measure in _PANELS:
            value = _mean(results, test, measure)
            if value is not None:
                line.points.setdefault(panel, []).append((setting.width, value))
        for result in results.values():
            window = _window(result["bins"]["test"], 3 * setting.layers)
            line.points["window"] = [(setting.width, window)]
    return [lines[key] for key in sorted(lines)]


_PANELS = (
    ("dev", "dev", CLOSING),
    ("test", "test", CLOSING),
    ("distances", "test", "closing_accuracy_over_distances"),
)


def _published_lines() -> list[Line]:
    lines: dict[tuple[int, float], Line] = {}
    for (setting, test), value in sorted(_published().items()):
        if test in ("dev", "test"):
            line = lines.setdefault(
                (setting.layers, setting.rate), Line(setting.layers, setting.rate, {})
            )
            line.points.setdefault(test, []).append((setting.width, value))
    return list(lines.values())


def _window(measured: Mapping[str, Any], reach: int) -> float:
    """Share of the prefixes whose bracket a window of `reach` symbols back still holds."""
    counts = {int(start): total for start, (_, total) in measured["by_distance"].items()}
    return float(sum(n for start, n in counts.items() if start <= reach) / sum(counts.values()))


def _by_distance(done: Mapping[Setting, Mapping[str, Result]]) -> list[Line]:
    widths = {setting.width for setting in done}
    width = SHOWN_WIDTH if SHOWN_WIDTH in widths else max(widths)
    lines = []
    for setting, results in sorted(done.items(), key=lambda item: (item[0].layers, item[0].rate)):
        if setting.width == width:
            measured = next(iter(results.values()))["bins"]["test"]["by_distance"]
            points = [
                (int(start), right / total)
                for start, (right, total) in measured.items()
                if total >= FEW
            ]
            lines.append(Line(setting.layers, setting.rate, {f"width {width}": points}))
    return lines


def _table(
    experiment: BoundedDyckExperiment, grid: Mapping[Setting, Mapping[str, Result]]
) -> Table:
    tests = [test.name for test in experiment.tests if test.name != "train"]
    header = ["layers, width, rate", "state", *tests, "test, over distances", "test, 20 and more"]
    header += ["published dev", "published test", "difference, test", "epochs"]
    rows = []
    for setting, results in grid.items():
        label = f"{setting.layers}, {setting.width}, {setting.rate:g}"
        known = [_paper(experiment, setting, test) for test in ("dev", "test")]
        if not results:
            blank = [""] * (len(header) - 7)
            rows.append([label, "", "not run", *blank, *map(_percent, known), "", ""])
            continue
        first = next(iter(results.values()))
        ours = _mean(results, "test")
        difference = None if ours is None or known[1] is None else ours - known[1]
        rows.append(
            [
                label,
                f"{state_numbers(first['trial']['options']):,}",
                *(_percent(_mean(results, test)) for test in tests),
                _percent(_mean(results, "test", "closing_accuracy_over_distances")),
                _percent(_mean(results, "test", "closing_accuracy_far")),
                *map(_percent, known),
                "" if difference is None else f"{100 * difference:+.1f}".replace("-", "−"),
                str(len(first["curve"])),
            ]
        )
    every = [result for results in grid.values() for result in results.values()]
    ceilings = (
        {test.name: every[0]["bins"][test.name]["ceiling"] for test in experiment.tests}
        if every
        else {}
    )
    below = ", ".join(f"{name} {percent(c)}" for name, c in ceilings.items() if c < 1)
    note = (
        "Closing accuracy, % of the prefixes with an open bracket. State: numbers carried from "
        f"symbol to symbol; to tell all stacks apart takes {information_bound():.0f} bits "
        "(Hewitt et al. 2020: about depth times log2 of the bracket types). "
    )
    if below:
        note += f"What a perfect model would score where it is not 100 %: {below}."
    return Table("Closing accuracy", header, rows, note, details=_opened(grid))


def _constraints(done: Mapping[Setting, Mapping[str, Result]]) -> Table:
    header = ["layers, width, rate", "empty: no close", "full: no open", "open: no END", "dev loss"]
    rows = []
    for setting, results in done.items():
        first = next(iter(results.values()))
        measured = first["bins"]["test"]
        shares = [
            right / total if total else None
            for right, total in (measured[name] for name in ("empty", "full", "open_end"))
        ]
        loss = first["curve"][-1]["validation_loss"]
        rows.append(
            [
                f"{setting.layers}, {setting.width}, {setting.rate:g}",
                *map(_percent, shares),
                "" if loss is None else f"{loss:.4f}",
            ]
        )
    note = (
        "The evaluator's other constraints on the test file, % of the prefixes where they apply: "
        "the illegal symbols together get less than 20 %. Dev loss: nats a symbol, at the end."
    )
    return Table("Other constraints", header, rows, note, details=_opened(done))


def _opened(grid: Mapping[Setting, Mapping[str, Result]]) -> list[Details | None]:
    opened: list[Details | None] = []
    for setting, results in grid.items():
        if not results:
            opened.append(None)
            continue
        options = next(iter(results.values()))["trial"]["options"]
        facts = {
            "numbers of state": f"{state_numbers(options):,}",
            "published, dev and test": ", ".join(
                _percent(published(setting, test)) or "none" for test in ("dev", "test")
            ),
        }
        label = f"{setting.layers}, {setting.width}, {setting.rate:g}"
        opened.append(bounded_dyck_details(label, facts, results))
    return opened


def _findings(done: Mapping[Setting, Mapping[str, Result]]) -> Iterator[str]:
    """What a layer changes at one rate, the rate at one depth, and how far back models reach."""
    micro = {setting: _mean(results, "test") for setting, results in done.items()}
    rates = sorted({setting.rate for setting in done})
    depths = sorted({setting.layers for setting in done})
    for rate in rates:
        gaps = _gaps(micro, (2, rate), (1, rate))
        if gaps:
            yield (
                f"At the same rate {rate:g} a second layer changes the closing accuracy on the "
                f"test file by {_range(gaps)}."
            )
    for layers, (low, high) in product(depths, pairwise(rates)):
        gaps = _gaps(micro, (layers, high), (layers, low))
        if gaps:
            yield (
                f"With {_layers(layers)} the rate {high:g} instead of {low:g} changes it by "
                f"{_range(gaps)}."
            )
    for layers, rate in product(depths, rates):
        far = [
            value
            for setting, results in done.items()
            if (setting.layers, setting.rate) == (layers, rate)
            and (value := _mean(results, "test", "closing_accuracy_far")) is not None
        ]
        if far:
            ends = dict.fromkeys(_percent(share) for share in (min(far), max(far)))
            yield (
                f"Of the brackets opened 20 symbols ago or earlier, {_layers(layers)} at rate "
                f"{rate:g} close{'s' if layers == 1 else ''} {' to '.join(ends)} %."
            )


def _gaps(
    micro: Mapping[Setting, float | None], ours: tuple[int, float], other: tuple[int, float]
) -> list[float]:
    """Width by width, the accuracy at one depth and rate minus that at the other."""
    found = []
    for width in sorted({setting.width for setting in micro}):
        value, beside = (micro.get(Setting(layers, width, rate)) for layers, rate in (ours, other))
        if value is not None and beside is not None:
            found.append(value - beside)
    return found


def _range(gaps: Sequence[float]) -> str:
    """`+10.1 to +15.3 points (9 widths)`."""
    ends = dict.fromkeys(f"{100 * gap:+.1f}" for gap in (min(gaps), max(gaps)))
    changed = " to ".join(ends).replace("-", "−")
    return f"{changed} points ({len(gaps)} width{'s' if len(gaps) > 1 else ''})"


def _layers(count: int) -> str:
    return f"{count} layer{'s' if count > 1 else ''}"


def _caveats(
    experiment: BoundedDyckExperiment, grid: Mapping[Setting, Mapping[str, Result]]
) -> Iterator[str]:
    planned = len(experiment.trials(experiment.seeds))
    finished = sum(map(len, grid.values()))
    if finished < planned:
        yield f"{finished} of {planned} planned trials are finished; the others are not run yet."
    if len(experiment.seeds) < 5:
        yield f"{len(experiment.seeds)} seed a point: provisional."
    if experiment.layout == "head":
        yield (
            "Our models have an output layer; the published ones took their last norm for the "
            "logits (`--protocol no-output-layer`)."
        )
    yield (
        "43.7 % of the strings of the authors' dev file occur in their training file (4.5 % of its "
        "tokens); none of the test file does."
    )


def _rows(
    setting: Setting, results: Mapping[str, Result], experiment: BoundedDyckExperiment
) -> Iterator[Row]:
    metrics = (CLOSING, "closing_accuracy_over_distances", "closing_accuracy_far")
    for trial_hash, result in results.items():
        trial = result["trial"]
        for test in experiment.tests:
            measured = result["bins"][test.name]
            interval = measured["metrics"][CLOSING]
            for metric in metrics:
                micro = metric == CLOSING
                yield Row(
                    experiment="bounded-dyck", language=LANGUAGE, model=trial["model"],
                    layers=setting.layers,
                    protocol=f"{experiment.layout}, width {setting.width}, rate {setting.rate:g}",
                    train_data="m10-train", test_data=test.file, seed=trial["seed"],
                    bin=test.name, metric=metric, value=measured[metric], n=interval["n"],
                    low=interval["low"] if micro else None,
                    high=interval["high"] if micro else None,
                    baseline=_window(measured, 3 * setting.layers) if micro else None,
                    baseline_kind="window of the convolutions" if micro else "",
                    published=_paper(experiment, setting, test.name) if micro else None,
                    trial_hash=trial_hash, commit=result["commit"] or "",
                )  # fmt: skip


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f}"
