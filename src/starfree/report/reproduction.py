"""`docs/reproduction.md` and what is committed under `results/`, made from the trials there.

python -m starfree.report.reproduction results docs/reproduction.md
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path

from starfree.experiments import builtin
from starfree.experiments.plan import make_plan
from starfree.experiments.published_results import PublishedResult, published_results
from starfree.experiments.store import Store
from starfree.experiments.summary import Cell, Summary, summarise
from starfree.experiments.transfer import TransferExperiment
from starfree.files import write_atomically
from starfree.languages.catalog import entries
from starfree.report.beside import NOT_RUN, Ours, shown_beside
from starfree.report.bounded_dyck_beside import bounded_dyck_beside
from starfree.report.comparison import Compared, compare
from starfree.report.flipflop_beside import flipflop_beside
from starfree.report.numbers import points
from starfree.report.page import draw
from starfree.report.paper_figure import paper_figure
from starfree.report.reasons import key, reason, reason_as_published
from starfree.report.rows import rows
from starfree.report.sections import as_csv
from starfree.report.style import style
from starfree.report.transfer_page import transfer_page

SUITE = "suite"
TRANSFER = "transfer"
TEXT = "reproduction.md"  # what no result changes; tables stand where it says {{NAME}}

# Experiments with published numbers of their own.
Beside = Callable[..., dict[PublishedResult, Ours]]
OTHERS: dict[str, Beside] = {"flipflop": flipflop_beside, "bounded-dyck": bounded_dyck_beside}

_CLASSES = (
    ("star-free", "Star-free languages"),
    ("not star-free", "Regular languages that are not star-free"),
    ("counter", "Counter languages"),
)


def regenerate(results: Path, page: Path) -> None:
    """Make the suite's CSV file and figure, and the page, from what is under `results`.

    Args:
        results: holds a run's folder an experiment.
        page: the Markdown file.

    Raises:
        OSError: something cannot be written.
    """
    summary = _suite(results, "sound")
    compared = list(compare(summary))
    as_published = list(compare(_suite(results, "published")))
    classes = {entry.name: str(entry.language_class) for entry in entries()}
    languages = {name: classes[name] for name in summary.experiment.languages}
    for name, numbers in ((SUITE, compared), (f"{SUITE}-published", as_published)):
        _save_figure(results / name, numbers, languages)
    parts = {
        "SPECS": "\n".join(_specs()),
        "COUNTS": "\n".join(_counts(compared)),
        "TABLES": "\n".join(
            _tables(
                compared,
                languages,
                partial(reason, under_published={key(c): c for c in as_published}),
            )
        ),
        "OTHER_MODELS": "\n".join(_other_models(summary)),
        "PUBLISHED_COUNTS": "\n".join(_counts(as_published)),
        "PUBLISHED_TABLES": "\n".join(
            _tables(
                as_published,
                languages,
                partial(_as_published, Store(results / f"{SUITE}-published")),
            )
        ),
        "TRANSFER": "\n".join(_transfer(results / TRANSFER)),
        **{
            name.upper().replace("-", "_"): "\n".join(_other(results, name, beside))
            for name, beside in OTHERS.items()
        },
        "PUBLISHED_LAYOUT": "\n".join(
            _other(results, "bounded-dyck", bounded_dyck_beside, "no-output-layer")
        ),
    }
    written = files("starfree.report").joinpath(TEXT).read_text(encoding="utf-8")
    for name, part in parts.items():
        written = written.replace(f"{{{{{name}}}}}", part)
    write_atomically(page, written)


def _suite(results: Path, protocol: str) -> Summary:
    """The suite under one protocol, from its trials; its CSV file is written."""
    experiment, _ = builtin.load(SUITE, protocol=protocol)
    trials = Store(results / experiment.name).results()
    planned = make_plan(experiment, trials)
    path = results / f"{experiment.name}.csv"
    if lines := list(rows(experiment, planned, trials)):
        write_atomically(path, as_csv(lines))
    return summarise(experiment, planned, trials, {})


def _save_figure(path: Path, compared: Sequence[Compared], languages: dict[str, str]) -> None:
    if all(number.status == NOT_RUN for number in compared):
        return
    drawing = draw(path.name, paper_figure(compared, languages), "")
    write_atomically(path.with_suffix(".svg"), drawing.svg)
    with style():
        drawing.figure.savefig(path.with_suffix(".png"), metadata={"Software": None})


def _specs() -> Iterator[str]:
    """Each experiment's spec by its hash."""
    yield "| experiment | SHA-256 of its spec file | results |"
    yield "|---|---|---|"
    for name in (SUITE, TRANSFER, *OTHERS):
        digest = hashlib.sha256(builtin.text(name).encode()).hexdigest()
        tables = [name, f"{SUITE}-published"] if name == SUITE else [name]
        shown = ", ".join(f"`results/{table}.csv`" for table in tables)
        yield f"| `{name}` | `{digest[:16]}…` | {shown} |"


def _counts(compared: Sequence[Compared]) -> Iterator[str]:
    """How many published numbers agree, differ, were not run."""
    counts: Counter[str] = Counter(c.status for c in compared)
    untold = sum(c.cannot_tell for c in compared)
    yield (
        f"Of {len(compared)} published numbers {counts['agrees']} agree, {counts['differs']} "
        f"differ, {counts[NOT_RUN]} were not run. For {untold} of those that were run the data "
        "cannot tell: a predictor without state solves the bin."
    )


def _transfer(folder: Path) -> Iterator[str]:
    experiment, _ = builtin.load(TRANSFER)
    assert isinstance(experiment, TransferExperiment)
    yield from transfer_page(experiment, Store(folder))


def _tables(
    compared: Sequence[Compared],
    classes: Mapping[str, str],
    why: Callable[[Compared], str],
) -> Iterator[str]:
    """A table a class of languages, with why numbers differ."""
    for wanted, title in _CLASSES:
        yield f"#### {title}"
        yield ""
        bins = 3 if wanted == "counter" else 2
        names = ["in-length", "longer", "longer still"][:bins]
        head = ["language", "model", *names, "seeds that solve all windows", "rate", "marks"]
        head.append("why it differs")
        yield "| " + " | ".join(head) + " |"
        yield "|" + "---|" * len(head)
        of_class = [c for c in compared if classes[c.published.language] == wanted]
        cells: dict[tuple[str, str, int | None], list[Compared]] = {}
        for c in of_class:
            key = (c.published.language, c.published.model, c.published.layers)
            cells.setdefault(key, []).append(c)
        for (language, model, layers), numbers in cells.items():
            named = "Transformer" if layers is None else f"{model.title()}, {layers}"
            shown = [_beside(number) for number in numbers]
            shown += [""] * (bins - len(shown))
            line = [language, named, *shown, *_cell(numbers[0].cell)]
            reasons = {name: why(number) for name, number in zip(names, numbers, strict=False)}
            line.append("<br>".join(f"{name}: {text}" for name, text in reasons.items() if text))
            yield "| " + " | ".join(line) + " |"
        yield ""


def _as_published(store: Store, number: Compared) -> str:
    """Why a number under the published protocol differs, as the first seed's curve shows it."""
    if number.cell is None:
        return ""
    trial = number.cell.trials[0]
    result = store.result(trial)
    assert result is not None  # the cell was made from it
    strings = result["trial"]["training"]["bin_strings"]
    return reason_as_published(number, store.curve(trial), strings)


def _beside(number: Compared) -> str:
    """`99.2 (98.5–99.6), published 100: −0.8, differs`."""
    published = f"published {points(number.published.value)}"
    if number.measured is None or number.interval is None or number.difference is None:
        return f"{NOT_RUN}; {published}"
    low, high = number.interval
    mark = "; cannot tell" if number.cannot_tell else ""
    difference = f"{100 * number.difference:+.1f}".replace("-", "−")
    return (
        f"**{points(number.measured.accuracy)}** ({points(low)}–{points(high)}), {published}: "
        f"{difference}, {number.status}{mark}"
    )


def _cell(cell: Cell | None) -> list[str]:
    """Solved seeds, learning rate, marks."""
    if cell is None:
        return ["", "", ""]
    low, high = cell.solved_interval
    solved = f"{cell.solved_seeds} of {len(cell.trials)} ({points(low)}–{points(high)} %)"
    marks = [f"theory: {cell.expectation.answer}"]
    if cell.provisional:
        marks.append("provisional")
    if cell.stateless:
        marks.append("does not test state")
    if not all(b.identifiable for b in cell.bins):
        marks.append("not identifiable")
    return [solved, f"{cell.learning_rate:g}", "; ".join(marks)]


def _other_models(summary: Summary) -> Iterator[str]:
    """Models that the paper has no row for: solved languages by class."""
    yield "| model | " + " | ".join(title.lower() for _, title in _CLASSES) + " |"
    yield "|---|" + "---|" * len(_CLASSES)
    for model in summary.experiment.models:
        shown = []
        for wanted, _ in _CLASSES:
            cells = [
                c
                for c in summary.cells
                if c.model.shown == model.shown and c.language.language_class == wanted
            ]
            of = sum(
                entry.name in summary.experiment.languages and entry.language_class == wanted
                for entry in entries()
            )
            solved = sum(c.solved for c in cells)
            shown.append(f"{solved} of {len(cells)} run (of {of})" if cells else NOT_RUN)
        yield f"| {model.shown} | " + " | ".join(shown) + " |"


def _other(results: Path, name: str, beside: Beside, protocol: str | None = None) -> Iterator[str]:
    """An experiment's published numbers with ours; of a further protocol only those it ran."""
    experiment, _ = builtin.load(name, protocol=protocol)
    published = [number for number in published_results() if number.experiment == name]
    ours = beside(experiment, Store(results / experiment.name), published)
    if protocol is not None:
        published = [number for number in published if number in ours]
    beside_ours = {number: shown_beside(number, ours.get(number)) for number in published}
    counts = Counter(status.partition(":")[0] for *_, status in beside_ours.values())
    yield (
        f"Of {len(published)} published numbers {counts['agrees']} agree, {counts['differs']} "
        f"differ, {counts['no interval']} have no interval, {counts[NOT_RUN]} were not run."
    )
    yield ""
    yield "<details><summary>All of them</summary>"
    yield ""
    yield "| layers | split | metric | setting | published | ours | difference | status |"
    yield "|---|---|---|---|---|---|---|---|"
    for number in published:
        head = [str(number.layers), number.bin, number.metric.replace("_", " "), number.setting]
        shown = [*head, f"{number.value:g}", *beside_ours[number]]
        yield "| " + " | ".join(shown) + " |"
    yield ""
    yield "</details>"


if __name__ == "__main__":
    regenerate(Path(sys.argv[1]), Path(sys.argv[2]))
