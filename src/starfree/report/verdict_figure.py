"""Outcomes beside theory: languages by models, each cell marked where the two agree and where not.

A theorem speaks of weights that exist, or not, for strings of every length: of an architecture with
layers and width enough, unless it bounds the layers. A run tells what training found, in a model of
one size and on tested lengths. So a solved cell that theory rules out is a question to the lengths,
and one that is not learned, a question to training and size, unless another model learned it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from starfree.experiments.summary import Cell, Summary
from starfree.report.style import INK, QUIET, style

Mark = Literal["agrees", "not learned", "no control", "against", "open"]

SYMBOLS: dict[Mark, str] = {
    "agrees": "✓",
    "not learned": "○",
    "no control": "?",
    "against": "✗",
    "open": "–",
}
WORDS: dict[Mark, str] = {
    "agrees": "✓ as theory says: can, and every seed solved it; cannot, and every seed errs in a "
    "window in which most seeds of another model do not",
    "not learned": "○ weights exist for the architecture, given layers enough; not every seed of "
    "this model was right",
    "no control": "? theory says cannot, and no model of this run got farther",
    "against": "✗ learned on the tested lengths, although no weights are right at every length",
    "open": "– no theorem",
}
GROUNDS = {"can": "#0072B2", "cannot": "#D55E00", "open": QUIET}
_NOTHING = 0.14  # how faint the ground of a cell is in which no seed learned
_CELL = (0.8, 0.34)  # inches


@dataclass(frozen=True)
class Judged:
    """A cell against theory.

    Attributes:
        solved: seeds without a wrong test string, of `seeds`.
        in_length: seeds without one in the first window.
    """

    answer: Literal["can", "cannot", "open"]
    solved: int
    in_length: int
    seeds: int
    mark: Mark


def judge(summary: Summary, cell: Cell) -> Judged:
    """How an outcome stands to the verdict table."""
    answer, solved, seeds = cell.expectation.answer, cell.solved_seeds, len(cell.trials)
    mark: Mark = "open"
    if answer == "can":
        mark = "agrees" if cell.solved else "not learned"
    elif answer == "cannot" and solved:
        mark = "against"
    elif answer == "cannot":
        mark = "agrees" if summary.has_positive_control(cell) else "no control"
    return Judged(answer, solved, cell.in_length_seeds, seeds, mark)


def worth_drawing(summary: Summary) -> bool:
    """Whether there is a table: several languages and models, and theory says something."""
    languages = {cell.language.name for cell in summary.cells}
    models = {cell.model.shown for cell in summary.cells}
    told = any(cell.expectation.answer != "open" for cell in summary.cells)
    return len(languages) > 1 and len(models) > 1 and told


def verdict_figure(summary: Summary) -> Figure:
    """A row a model, a column a language; the ground is theory's answer, fuller where solved."""
    found = {cell.key: judge(summary, cell) for cell in summary.cells}
    languages = [n for n in _names(summary) if any(key[0] == n for key in found)]
    models = [m.shown for m in summary.experiment.models if any(k[1] == m.shown for k in found)]
    with style():
        names = 0.075 * max(map(len, models))
        size = (names + _CELL[0] * len(languages) + 0.4, 2.0 + _CELL[1] * len(models))
        figure = Figure(figsize=(max(6.4, size[0]), size[1]), layout="constrained")
        axes = figure.subplots()
        for row, model in enumerate(models):
            for column, language in enumerate(languages):
                judged = found.get((language, model))
                if judged is None:
                    continue
                share = (judged.solved + judged.in_length) / (2 * judged.seeds)
                ground = GROUNDS[judged.answer]
                strength = _NOTHING + (0.75 - _NOTHING) * share
                axes.add_patch(
                    Rectangle(
                        (column - 0.48, row - 0.46), 0.96, 0.92, facecolor=ground, alpha=strength,
                        edgecolor="none",
                    )
                )  # fmt: skip
                axes.text(
                    column, row,
                    f"{SYMBOLS[judged.mark]} {judged.solved}/{judged.seeds} ({judged.in_length})",
                    ha="center", va="center", color=INK,
                    fontweight="bold" if judged.mark == "against" else "normal",
                )  # fmt: skip
        axes.set_xlim(-0.5, len(languages) - 0.5)
        axes.set_ylim(len(models) - 0.5, -0.5)
        axes.set_xticks(
            range(len(languages)), languages, rotation=40, ha="left", rotation_mode="anchor"
        )
        axes.xaxis.tick_top()
        axes.set_yticks(range(len(models)), models)
        axes.tick_params(length=0)
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set_visible(False)
        used = {judged.answer for judged in found.values()}
        figure.legend(
            handles=[
                Patch(facecolor=GROUNDS[answer], alpha=0.6, label=f"theory: {answer}")
                for answer in GROUNDS
                if answer in used
            ],
            loc="outside lower center",
            ncols=3,
        )
    return figure


def caption(summary: Summary) -> str:
    """What the marks mean, of those that occur."""
    marks = {judge(summary, cell).mark for cell in summary.cells}
    meant = "; ".join(WORDS[mark] for mark in SYMBOLS if mark in marks)
    return (
        "Outcomes beside the verdict table. In each cell the seeds without a wrong test string, in "
        "brackets those without one in the first window, on a ground the fuller the more there "
        f"are. {meant}."
    )


def _names(summary: Summary) -> list[str]:
    """Languages in the order of the spec."""
    return list(dict.fromkeys(cell.language.name for cell in summary.cells))
