"""The basin experiment in sentences, a figure, tables and rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from starfree.experiments.basin import BasinExperiment, start_name
from starfree.experiments.plan import PlannedTrial, read_plan
from starfree.experiments.store import Store
from starfree.report.basin_figure import Start, basin_figure
from starfree.report.numbers import dash, points
from starfree.report.page import draw
from starfree.report.sections import Report, Row, Table

Result = Mapping[str, Any]
Panel = tuple[str, str, float]  # language, target, learning rate
Cell = tuple[Panel, float | None]  # and noise
Pair = tuple[PlannedTrial, Result]

_QUESTION = (
    "Weights that are right at every length exist: the compiled ones. Gaussian noise is added to "
    "them, as large as so many times the root mean square of each tensor, and training goes on "
    "from there with the usual loss. Up to which noise does it find its way back, and does it find "
    "there from random weights of the same architecture?"
)
_CAPTION = (
    "Strings right at every position by the noise at the start; a mark a seed, lines their means. "
    "Right of the line: random weights. Dashed: before any training. Noise 0 is the solution "
    "itself, before the first step of training."
)


def basin_report(experiment: BasinExperiment, store: Store) -> Report:
    """Everything that is known of the experiment so far."""
    _, planned = read_plan(store.folder)
    cells = _gather(planned, store.results())
    windows = experiment.data.test_windows
    panels: dict[Panel, list[Start]] = {}
    for (panel, noise), pairs in cells.items():
        results = [result for _, result in pairs]
        panels.setdefault(panel, []).append(
            Start(noise, _shares(results, "before", windows), _shares(results, "bins", windows))
        )
    named = {panel_name(panel): starts for panel, starts in panels.items()}
    shown = [windows[0], windows[-1]] if len(windows) > 1 else list(windows)
    return Report(
        question=_QUESTION,
        findings=[_finding(panel, starts, windows) for panel, starts in panels.items()],
        caveats=list(_caveats(planned, cells, experiment)),
        drawings=[draw("basin", basin_figure(named, shown), _CAPTION)] if panels else [],
        tables=[_table(panels, windows)] if panels else [],
        rows=[
            row for pairs in cells.values() for pair in pairs for row in _rows(pair, experiment)
        ],
    )  # fmt: skip


def _gather(
    planned: Sequence[PlannedTrial], results: Mapping[str, Result]
) -> dict[Cell, list[Pair]]:
    """The finished seeds of each cell."""
    cells: dict[Cell, list[Pair]] = {}
    for trial in planned:
        result = results.get(trial.hash)
        if result is not None:
            spec = result["trial"]
            panel = (trial.language, spec["target"], trial.learning_rate)
            cells.setdefault((panel, spec["noise"]), []).append((trial, result))
    return cells


def _shares(results: Sequence[Result], when: str, windows: Sequence[str]) -> dict[str, list[float]]:
    return {
        window: [float(r[when][window]["metrics"]["string_accuracy"]["value"]) for r in results]
        for window in windows
    }


def _finding(panel: Panel, starts: Sequence[Start], windows: Sequence[str]) -> str:
    noises = [start for start in starts if start.noise is not None]
    unharmed = [start.noise for start in noises if _solved(start.before)]
    text = f"{panel_name(panel)}: "
    if unharmed:
        text += f"unharmed by noise up to {max(n for n in unharmed if n is not None):g}; "
    kept = [f"{start.noise:g}" for start in noises if _solved(start.after)]
    if kept:
        text += f"after training every seed is right on every string from noise {', '.join(kept)}"
    else:
        text += (
            "no noise, not even 0, from which every seed is right on every string after training"
        )
    for start in starts:
        if start.noise is None:
            means = " and ".join(
                f"{points(fmean(start.after[window]))} % at length {dash(window)}"
                for window in (windows[0], windows[-1])
            )
            text += f"; from random weights {means}"
    return text + "."


def panel_name(panel: Panel) -> str:
    """For people."""
    language, target, rate = panel
    return f"{language}, {target}, rate {rate:g}"


def _solved(shares: Mapping[str, Sequence[float]]) -> bool:
    return all(share == 1.0 for seeds in shares.values() for share in seeds)


def _caveats(
    planned: Sequence[PlannedTrial], cells: Mapping[Cell, Sequence[Pair]],
    experiment: BasinExperiment,
) -> Iterator[str]:  # fmt: skip
    done = sum(len(pairs) for pairs in cells.values())
    if not done:
        yield "No trial is finished yet."
        return
    if done < len(planned):
        yield f"{len(planned) - done} of {len(planned)} trials are not finished."
    yield (
        f"Every start had {experiment.training.tokens:,} symbols of training; "
        f"{len(experiment.seeds)} seeds. What is not reached is not reached at this budget."
    )
    yield (
        "A compiled weight can be far from the size that training would give it, and a tensor of "
        "zeros gets no noise: the basin is that of this solution in these coordinates, under "
        "AdamW, whose steps have the size of the learning rate however small the loss is."
    )


def _table(panels: Mapping[Panel, Sequence[Start]], windows: Sequence[str]) -> Table:
    return Table(
        title="Strings right, before training → after it",
        header=[
            "language", "weights", "rate", "start", "seeds", *(f"length {dash(w)}" for w in windows)
        ],
        rows=[
            [language, target, f"{rate:g}", start_name(start.noise),
             str(len(start.after[windows[0]])), *(_change(start, window) for window in windows)]
            for (language, target, rate), starts in panels.items()
            for start in starts
        ],
        note="% of strings right at every position, mean over seeds; in brackets smallest and "
        "largest after training where they differ.",
    )  # fmt: skip


def _change(start: Start, window: str) -> str:
    after = start.after[window]
    text = f"{points(fmean(start.before[window]))} → {points(fmean(after))}"
    if min(after) < max(after):
        text += f" ({points(min(after))}–{points(max(after))})"
    return text


def _rows(pair: Pair, experiment: BasinExperiment) -> Iterator[Row]:
    trial, result = pair
    for when, name in (("before", "before training"), ("bins", "after training")):
        for window, measured in result[when].items():
            found = measured["metrics"]["string_accuracy"]
            baseline = measured["best_baseline"]
            yield Row(
                experiment=experiment.name,
                language=trial.language,
                model=trial.model,
                layers="",
                protocol=f"sound, {name}",
                train_data=experiment.data.train_distribution,
                test_data=experiment.data.test_distribution,
                seed=trial.seed,
                bin=window,
                metric="string_accuracy",
                value=found["value"],
                n=found["n"],
                low=found["low"],
                high=found["high"],
                baseline=baseline["value"],
                baseline_kind=baseline["kind"],
                published=None,
                trial_hash=trial.hash,
                commit=result["commit"] or "",
            )
