"""The table of a run on the terminal: ours, interval, baseline, theory, published."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from starfree.experiments.summary import BinSummary, Cell, Summary
from starfree.report.findings import (
    CLASSES,
    against_published,
    against_theory,
    caveats,
    compared_with_published,
    measure,
    outcome,
    tallies,
    windows,
)
from starfree.report.numbers import points
from starfree.training.intervals import binomial_interval

OUTCOME_FITS = 96  # columns from which there is room for the outcome
INTERVAL_FITS = 126  # and for an interval beside its number
NAME = 16  # columns that a name has at least

_ANSWER_STYLE = {"can": "green", "cannot": "red", "open": "dim"}
_SHOWN_DIFFERENCES = 5


def print_summary(console: Console, summary: Summary) -> None:
    """The table, then what it says, in the order in which one wants to read it at a prompt."""
    if not summary.cells:
        console.print("no trial is finished yet")
        return
    console.print(cell_table(summary, console.width))
    console.print(Text(_footnote(summary), style="dim"))
    console.print()
    console.print(Padding(tally_table(summary), (0, 0, 1, 0)))
    for line in findings(summary):
        console.print(Text(line if line.startswith(" ") else f"• {line}"))
    for line in caveats(summary):
        console.print(Text("! " + line, style="yellow"))


def findings(summary: Summary) -> Iterator[str]:
    """What holds, and what differs from the paper."""
    yield from against_theory(summary)
    compared = compared_with_published(summary)
    if compared:
        differing = against_published(summary)
        yield (
            f"{len(differing)} of {compared} published numbers lie outside our intervals"
            + ("; the farthest:" if differing else ".")
        )
        yield from (f"   {line}" for line in differing[:_SHOWN_DIFFERENCES])


def cell_table(summary: Summary, width: int) -> Table:
    """A block a language, a row a model with its published numbers below, a column a window.

    Args:
        summary: what came out.
        width: columns of the terminal; with fewer some things go below or are left out.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("", min_width=NAME)  # long names fold where the terminal is narrow
    table.add_column("theory", min_width=len("cannot"))
    for window in windows(summary):
        table.add_column(window, justify="right", no_wrap=True)
    if width >= OUTCOME_FITS:
        table.add_column("outcome", no_wrap=True)
    usual = _usual_size(summary)
    for language_class, words in CLASSES:
        cells = [c for c in summary.cells if c.language.language_class == language_class]
        if not cells:
            continue
        table.add_row(Text(words.upper(), style="bold dim"))
        last = None
        for cell in cells:
            if cell.language != last:
                table.add_row(*_language_row(cell))
                last = cell.language
            table.add_row(*_model_row(cell, width, usual))
            if any(measured.published for measured in cell.bins):
                table.add_row(*_published_row(cell))
        table.add_row()
    return table


def tally_table(summary: Summary) -> Table:
    """Languages solved, a row a model, a column a class."""
    counted = tallies(summary)
    table = Table(
        title="languages solved in every window (right in-length)", title_style="bold",
        title_justify="left", box=None, pad_edge=False, padding=(0, 3, 0, 0),
    )  # fmt: skip
    table.add_column("")
    classes = [
        words for _, words in CLASSES if any(words in by_class for by_class in counted.values())
    ]
    for words in classes:
        table.add_column(words, justify="right")
    for model, by_class in counted.items():
        texts = [
            f"{t.solved} of {t.of} ({t.in_length})" if (t := by_class.get(words)) else ""
            for words in classes
        ]
        table.add_row(model, *texts)
    return table


def _footnote(summary: Summary) -> str:
    strings = _usual_size(summary)
    _, most = binomial_interval(0, strings)
    text = (
        f"% of {measure(summary)}, with its 95 % interval over strings (for 100 and 0 "
        f"of {strings:,}: at most {points(most)} off). stateless: the best predictor without state."
    )
    if any(cell.right_prefixes for cell in summary.cells):
        text += (
            " right to N: of a language whose members are prefixes of one another, the longest "
            "prefix read without an error."
        )
    return text


def _usual_size(summary: Summary) -> int:
    """The size of most bins."""
    sizes = [measured.strings for cell in summary.cells for measured in cell.bins]
    return max(set(sizes), key=sizes.count)


def _language_row(cell: Cell) -> list[Text]:
    """The language, and what its best stateless predictor reaches."""
    values = [
        Text("" if b.baseline is None else points(b.baseline), style="dim") for b in cell.bins
    ]
    return [Text(cell.language.name, style="bold"), Text("stateless", style="dim"), *values]


def _model_row(cell: Cell, width: int, usual: int) -> list[Text]:
    answer = cell.expectation.answer
    row = [
        Text(f"  {cell.model.shown}"),
        Text(answer, style=_ANSWER_STYLE[answer]),
        *(_measured(measured, width >= INTERVAL_FITS, usual) for measured in cell.bins),
    ]
    if width >= OUTCOME_FITS:
        seeds = len(cell.trials)
        tail = f" ({cell.solved_seeds} of {seeds} seeds)" if seeds > 1 else ""
        row.append(Text(outcome(cell) + tail, style="green" if cell.solved else ""))
    return row


def _published_row(cell: Cell) -> list[Text]:
    values = [
        Text("" if b.published is None else points(b.published.value), style="dim italic")
        for b in cell.bins
    ]
    return [Text("    published", style="dim italic"), Text(""), *values]


def _measured(measured: BinSummary, beside: bool, usual_size: int) -> Text:
    """The share, its interval beside or below; 100 and 0 have the interval of the footnote."""
    text = Text(points(measured.accuracy), style="green" if measured.accuracy == 1.0 else "")
    in_footnote = measured.accuracy in (0.0, 1.0) and measured.strings == usual_size
    if measured.interval is None or in_footnote:
        return text
    low, high = measured.interval
    interval = f"{points(low)}–{points(high)}"
    return (
        Text(f"{interval}  ", style="dim") + text
        if beside
        else text.append(f"\n{interval}", style="dim")
    )
