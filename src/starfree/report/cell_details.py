"""What a cell of an experiment of languages and models opens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

import yaml

from starfree.experiments.spec import bounds
from starfree.experiments.store import Store
from starfree.experiments.summary import BinSummary, Cell
from starfree.report.details import (
    Chart,
    Dash,
    Details,
    DetailTable,
    Example,
    Line,
    details_name,
    shortened,
)
from starfree.report.findings import difference, outcome
from starfree.report.lengths import UNTESTED, stretches
from starfree.report.numbers import dash, duration, points, signed
from starfree.report.refutations import (
    Refutation,
    refuted_examples,
    refuted_note,
    refuted_words,
)

Result = Mapping[str, Any]

POINTS_A_WINDOW = 10


def cell_details(cell: Cell, results: Mapping[str, Result], store: Store) -> Details:
    """Everything that is known of a cell.

    Args:
        cell: one language and one model.
        results: by hash, its own among them.
        store: where curves and refutations are.
    """
    of_seeds = [results[trial] for trial in cell.trials]
    refutations = {
        seed_of(result): found
        for trial, result in zip(cell.trials, of_seeds, strict=True)
        if (found := store.refutation(trial)) is not None
    }
    curves = [store.curve(trial) for trial in cell.trials]
    return Details(
        name=details_name(cell.language.name, cell.model.shown),
        title=f"{cell.language.name}, {cell.model.shown}",
        notes=list(_notes(cell, of_seeds, refutations)),
        facts=list(_facts(cell, of_seeds[0])),
        charts=[
            length_chart(of_seeds),
            *learning_charts(of_seeds, curves),
        ],
        tables=[_accuracy_table(cell, of_seeds), _baseline_table(of_seeds[0]["bins"]),
                _rate_table(cell), trial_table(cell.trials, of_seeds)],
        examples=[*refuted_examples(refutations), *examples(of_seeds)],
        spec=spec_text(of_seeds[0]),
    )  # fmt: skip


def searched(cell: Cell, store: Store) -> list[str]:
    """What searches beyond the test strings found of a cell's trained models, seed by seed.

    The same words of several seeds are said once.
    """
    found = [one for trial in cell.trials if (one := store.refutation(trial)) is not None]
    return refuted_words(found, _smallest_bin(cell) if cell.solved else None)


def _smallest_bin(cell: Cell) -> int:
    return min(measured.strings for measured in cell.bins)


def seed_of(result: Result) -> int:
    """The trial's seed."""
    return int(result["trial"]["seed"])


def spec_text(result: Result) -> str:
    """The spec that the seeds of a cell share."""
    shared = {k: v for k, v in result["trial"].items() if v is not None and k != "seed"}
    return yaml.safe_dump(shared, sort_keys=False, allow_unicode=True)


def row_details(
    report: str,
    label: str,
    facts: Mapping[str, str],
    results: Mapping[str, Result],
    charts: Sequence[Chart],
    table: DetailTable,
    title: str = "",
) -> Details:
    """What a row of a table opens, where a row is the seeds of one setting.

    Args:
        report: which report the row is in.
        label: the row's.
        facts: what the seeds share.
        results: by hash.
        charts: of the seeds.
        table: of the seeds; where each number comes from follows it.
        title: by default the label.
    """
    seeds = list(results.values())
    return Details(
        name=details_name(report, label),
        title=title or label,
        notes=[] if len(seeds) >= 5 else [f"Provisional: {len(seeds)} of 5 seeds."],
        facts=[*facts.items(), ("parameters", f"{seeds[0]['parameters']:,}")],
        charts=list(charts),
        tables=[table, trial_table(list(results), seeds)],
        spec=spec_text(seeds[0]),
    )


def length_chart(of_seeds: Sequence[Result]) -> Chart:
    """Share of strings right by length, a line a seed, beside the best stateless baseline."""
    first = of_seeds[0]["bins"]
    places = stretches(first, "by_length", POINTS_A_WINDOW)
    lines = [
        Line(
            f"seed {seed_of(result)}",
            [s.accuracy for s in stretches(result["bins"], "by_length", POINTS_A_WINDOW)],
            colour=place,
        )
        for place, result in enumerate(of_seeds)
    ]
    baseline = [s.accuracy for s in stretches(first, "baseline_by_length", POINTS_A_WINDOW)]
    lines.append(Line("best stateless baseline", baseline, dash="dotted"))
    strings = sorted({stretch.strings for stretch in places})
    return Chart(
        "Accuracy by length",
        "length of the string",
        "strings right at every position",
        [round(stretch.length, 1) for stretch in places],
        lines,
        percent=True,
        shade=bounds(next(iter(first))),
        gap=UNTESTED,
        note="Shaded: lengths of the training set. A point is of strings of neighbouring lengths, "
        f"{strings[0]:,} to {strings[-1]:,} of them.",
    )


def learning_charts(
    of_seeds: Sequence[Result], curves: Sequence[Sequence[Mapping[str, Any]]]
) -> Iterator[Chart]:
    """Accuracy in every window over training, and the losses; nothing without curves."""
    known = [(seed_of(r), rows) for r, rows in zip(of_seeds, curves, strict=True) if rows]
    if not known:
        return
    shared = _shared_places([rows for _, rows in known])
    windows = list(known[0][1][0].get("bins", ()))
    yield Chart(
        "Learning curves",
        "training tokens",
        "strings right at every position",
        shared or (),
        [
            Line(
                f"lengths {dash(window)}, seed {seed}",
                [row["bins"].get(window) for row in rows],
                colour=place,
                group=f"lengths {dash(window)}",
                at=None if shared else [row["tokens"] for row in rows],
            )
            for place, window in enumerate(windows)
            for seed, rows in known
        ],
        percent=True,
        note="On a part of the test strings; shown, never selected on.",
    )
    losses = [
        Line(
            f"{words}, seed {seed}",
            [float(f"{row[key]:.3g}") for row in rows],
            colour=colour,
            dash=dashes,
            group=words,
            at=None if shared else [row["tokens"] for row in rows],
        )
        for key, words, colour, dashes in _LOSSES
        for seed, rows in known
        if all(isinstance(row.get(key), float | int) for row in rows)
    ]
    if losses:
        yield Chart("Loss", "training tokens", "loss", shared or (), losses, log_y=True)


def _shared_places(curves: Sequence[Sequence[Mapping[str, Any]]]) -> list[int] | None:
    """The tokens of the first seed's points where those of the others are within 1 % of them."""
    first = [int(row["tokens"]) for row in curves[0]]
    for rows in curves[1:]:
        if len(rows) != len(first):
            return None
        if any(abs(row["tokens"] - at) > 0.01 * at for row, at in zip(rows, first, strict=True)):
            return None
    return first


_LOSSES: tuple[tuple[str, str, int, Dash], ...] = (
    ("validation_loss", "validation", 0, "solid"),
    ("train_loss", "training", 1, "dashed"),
)


def examples(of_seeds: Sequence[Result]) -> list[Example]:
    """The shortest wrong strings that the results show, window by window; of several seeds one."""
    shown = None if len(of_seeds) == 1 else 1
    return [
        shortened(example, f"seed {seed_of(result)}, {dash(window)}")
        for result in of_seeds
        for window, measured in result["bins"].items()
        for example in measured.get("examples", ())[:shown]
    ]


def trial_table(hashes: Sequence[str], results: Sequence[Result]) -> DetailTable:
    """Where each number comes from."""
    header = ["trial", "seed", "rate", "ended by", "steps", "tokens", "time", "finished"]
    header += ["starfree", "machine"]
    rows = []
    for trial_hash, result in zip(hashes, results, strict=True):
        machine = result["machine"]
        commit = f" ({result['commit']})" if result["commit"] else ""
        rows.append(
            [
                trial_hash,
                str(seed_of(result)),
                f"{result['trial']['training']['learning_rate']:g}",
                result["stopped"],
                f"{result['steps']:,}",
                f"{result['tokens']:,}",
                duration(result["total_seconds"]),
                result["finished"][:16].replace("T", " "),
                f"{result['version']}{commit}",
                f"{machine['cpu']}, {machine['cores']} cores",
            ]
        )
    note = "A trial is the hash of its spec; its folder is trials/HASH beside this page."
    return DetailTable("Where the numbers come from", header, rows, note, last=True)


def _notes(
    cell: Cell, of_seeds: Sequence[Result], refutations: Mapping[int, Refutation]
) -> Iterator[str]:
    for place, seed in enumerate(map(seed_of, of_seeds)):
        if seed in refutations:
            solved = all(measured.seeds[place] == 1.0 for measured in cell.bins)
            yield refuted_note(seed, refutations[seed], _smallest_bin(cell) if solved else None)
    if cell.stateless:
        yield "The language does not test state: the last symbols alone say what may follow."
    untold = [dash(b.window) for b in cell.bins if b.solved_without_state]
    if untold:
        yield f"The data cannot tell: a predictor without state solves {', '.join(untold)} too."
    unseen = [dash(b.window) for b in cell.bins if not b.identifiable]
    if unseen:
        yield (
            f"Not identifiable at {', '.join(unseen)}: test strings use transitions seen fewer "
            "than 20 times in training."
        )
    if cell.provisional:
        count = len(cell.trials)
        yield f"Provisional: {count} seed{'' if count == 1 else 's'}."


def _facts(cell: Cell, first: Result) -> Iterator[tuple[str, str]]:
    if cell.language.title != cell.language.name:
        yield "language", cell.language.title
    yield "class", cell.language.language_class or "not worked out"
    expected = cell.expectation
    source = "; ".join(part for part in (expected.source, expected.conditions) if part)
    yield "theory", expected.answer + (f" ({source})" if source else "")
    yield "outcome", outcome(cell)
    low, high = cell.solved_interval
    yield (
        "seeds that solve all windows",
        f"{cell.solved_seeds} of {len(cell.trials)} (95 % interval {points(low)}–{points(high)} %)",
    )
    if cell.missing:
        yield "seeds not run", ", ".join(map(str, cell.missing))
    if cell.right_prefixes:
        reached = ", ".join(f"{length} of {of}" for length, of in cell.right_prefixes)
        yield "longest right prefix, by seed", reached
    yield "parameters", f"{first['parameters']:,}"
    solved = first.get("first_solved")
    if solved:
        yield "first solved validation", f"at {solved['tokens']:,} tokens"


def _accuracy_table(cell: Cell, of_seeds: Sequence[Result]) -> DetailTable:
    header = ["lengths", "strings", *(f"seed {seed_of(result)}" for result in of_seeds)]
    header += ["mean", "95 % over strings", "positions", "best stateless", "published"]
    rows = []
    for measured in cell.bins:
        found = [result["bins"][measured.window]["metrics"] for result in of_seeds]
        places = [
            share["value"] for one in found if (share := one.get("position_accuracy")) is not None
        ]
        rows.append(
            [
                dash(measured.window),
                f"{measured.strings:,}",
                *(points(share) for share in measured.seeds),
                points(measured.accuracy),
                _interval(measured),
                points(fmean(places)) if places else "",
                ""
                if measured.baseline is None
                else f"{points(measured.baseline)} ({measured.baseline_kind})",
                _published(measured),
            ]
        )
    note = (
        "% of strings right at every position, and % of positions. No interval where each string "
        "is a prefix of the next."
    )
    return DetailTable("Accuracy", header, rows, note)


def _interval(measured: BinSummary) -> str:
    return "" if measured.interval is None else "–".join(map(points, measured.interval))


def _published(measured: BinSummary) -> str:
    if measured.published is None:
        return ""
    return f"{points(measured.published.value)} ({signed(difference(measured))})"


def _baseline_table(bins: Mapping[str, Result]) -> DetailTable:
    windows = [measured.get("baselines", {}) for measured in bins.values()]
    kinds = dict.fromkeys(kind for window in windows for kind in window)
    rows = [
        [kind, *(points(window[kind]) if kind in window else "" for window in windows)]
        for kind in kinds
    ]
    note = "% of the same strings that a predictor without state gets right, fitted on training."
    return DetailTable("Without state", ["predictor", *map(dash, bins)], rows, note, last=True)


def _rate_table(cell: Cell) -> DetailTable:
    rows = [
        [f"{rate:g}", "none" if loss is None else f"{loss:.3g}",
         "chosen" if rate == cell.learning_rate else ""]
        for rate, loss in sorted(cell.rates.items())
    ]  # fmt: skip
    note = "Chosen by the validation loss of the first seed; no test string has a say."
    return DetailTable("Learning rates", ["rate", "validation loss", ""], rows, note, last=True)
