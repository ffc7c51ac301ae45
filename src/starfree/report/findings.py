"""What a run shows, in sentences: the same ones on the terminal and on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starfree.experiments.summary import PROVISIONAL_BELOW, BinSummary, Cell, Summary
from starfree.report.numbers import dash, percent

CLASSES = (
    ("star-free", "star-free"),
    ("not star-free", "regular, not star-free"),
    ("counter", "counter"),
    ("context-sensitive", "context-sensitive"),
    (None, "other"),
)


@dataclass(frozen=True)
class Tally:
    """How many languages of a class a model solved.

    Attributes:
        solved: no wrong string in any window, with every seed.
        in_length: no wrong string in the window of the training lengths.
    """

    solved: int
    in_length: int
    of: int


def tallies(summary: Summary) -> dict[str, dict[str, Tally]]:
    """Model as shown -> class in words -> tally; only classes and models with results."""
    found: dict[str, dict[str, Tally]] = {}
    for model in summary.experiment.models:
        by_class = {}
        for language_class, words in CLASSES:
            cells = [
                cell
                for cell in summary.cells
                if cell.model.shown == model.shown
                and cell.language.language_class == language_class
            ]
            if cells:
                by_class[words] = Tally(
                    solved=sum(cell.solved for cell in cells),
                    in_length=sum(cell.bins[0].accuracy == 1.0 for cell in cells),
                    of=len(cells),
                )
        if by_class:
            found[model.shown] = by_class
    return found


def measure(summary: Summary) -> str:
    """What is counted."""
    if summary.experiment.task == "recognise":
        return "strings judged right"
    return "strings right at every position"


def windows(summary: Summary) -> list[str]:
    """What the windows are called: by length where all languages share them, else by rank."""
    ranks = max((len(cell.bins) for cell in summary.cells), default=0)
    names = []
    for rank in range(ranks):
        found = {cell.bins[rank].window if rank < len(cell.bins) else "" for cell in summary.cells}
        names.append(dash(found.pop()) if len(found) == 1 else f"window {rank + 1}")
    return names


def outcome(cell: Cell) -> str:
    """One cell in a few words."""
    if cell.solved:
        return "solved"
    if cell.right_prefixes:
        return f"right to {' '.join(str(length) for length, _ in cell.right_prefixes)}"
    first = cell.bins[0]
    if first.accuracy < 1.0:
        return "errs in-length"
    return f"breaks at {dash(cell.breaks_at or '')}"


def standing(cell: Cell) -> str:
    """How far it got, in one word: `solved`, `partly` (right in-length), `errs`."""
    if cell.solved:
        return "solved"
    return "partly" if cell.bins[0].accuracy == 1.0 else "errs"


def run_models(summary: Summary) -> list[str]:
    """The models that have a result, in the order of the spec."""
    run = {cell.model.shown for cell in summary.cells}
    return [model.shown for model in summary.experiment.models if model.shown in run]


def overview(summary: Summary) -> list[tuple[str, dict[str, list[Cell | None]]]]:
    """The paper's tables: class in words -> language -> a cell a model, None where not run.

    Only models with a result; languages without one are told last, under `not run yet`.
    """
    cells = {cell.key: cell for cell in summary.cells}
    class_of = {cell.language.name: cell.language.language_class for cell in summary.cells}
    models = run_models(summary)
    found = []
    for language_class, words in CLASSES:
        names = [
            name
            for name in summary.experiment.languages
            if name in class_of and class_of[name] == language_class
        ]
        if names:
            found.append((words, {n: [cells.get((n, m)) for m in models] for n in names}))
    unseen = [name for name in summary.experiment.languages if name not in class_of]
    if unseen:
        found.append(("not run yet", {name: [None] * len(models) for name in unseen}))
    return found


@dataclass(frozen=True)
class Finding:
    """A sentence, and the cells of which it speaks."""

    sentence: str
    cells: Sequence[Cell]

    @property
    def text(self) -> str:
        """In one line: `Sentence: Mamba, 1 layer (d-2, parity); LSTM (d-2).`"""
        names = "; ".join(f"{model} ({', '.join(of)})" for model, of in self.by_model.items())
        return f"{self.sentence}: {names}."

    @property
    def by_model(self) -> dict[str, list[str]]:
        """Model as shown -> languages."""
        found: dict[str, list[str]] = {}
        for cell in self.cells:
            found.setdefault(cell.model.shown, []).append(cell.language.name)
        return found


def against_theory(summary: Summary) -> list[str]:
    """`theory_findings` as lines."""
    return [finding.text for finding in theory_findings(summary)]


def theory_findings(summary: Summary) -> list[Finding]:
    """Where the outcome is not what theory alone suggests; neither case refutes a theorem."""
    ruled_out = [c for c in summary.cells if c.expectation.answer == "cannot"]
    refused = [c for c in ruled_out if not c.solved_seeds]
    backed = [c for c in refused if summary.has_positive_control(c)]
    found = (
        Finding(
            "Solved by some seed although no weights are right at every length (the tested lengths "
            "are finite)",
            [c for c in ruled_out if c.solved_seeds],
        ),
        Finding(
            "Weights that are right at every length exist for the architecture, given layers "
            "enough, but training did not find them here",
            [c for c in summary.cells if c.expectation.answer == "can" and not c.solved],
        ),
        Finding(
            "Not learned, as theory says: every seed errs in a window of lengths in which most "
            "seeds of another model do not",
            backed,
        ),
        Finding(
            "Not learned at this budget, and by no other model of this run, so that the data or "
            "the budget may be the reason",
            [cell for cell in refused if cell not in backed],
        ),
    )
    return [finding for finding in found if finding.cells]


def against_published(summary: Summary) -> list[str]:
    """`differing` as lines."""
    return [
        f"{cell.language.name}, {cell.model.shown}, {dash(measured.window)}: "
        f"{percent(measured.accuracy)} here, {_published(measured)} published"
        for cell, measured in differing(summary)
    ]


def differing(summary: Summary) -> list[tuple[Cell, BinSummary]]:
    """Published numbers that lie outside the intervals of our seeds, the farthest first."""
    found = [
        (cell, measured) for cell in summary.cells for measured in cell.bins if not measured.agrees
    ]
    return sorted(found, key=lambda item: -abs(difference(item[1])))


def compared_with_published(summary: Summary) -> int:
    """How many of our numbers have a published one beside them."""
    return sum(b.published is not None for cell in summary.cells for b in cell.bins)


def difference(measured: BinSummary) -> float:
    """Ours minus the published number (0 where there is none)."""
    return 0.0 if measured.published is None else measured.accuracy - measured.published.value


def caveats(summary: Summary) -> list[str]:
    """What the numbers must not be taken for."""
    lines = []
    few = [len(cell.trials) for cell in summary.cells if cell.provisional]
    if few:
        seeds = f"{min(few)}" if min(few) == max(few) else f"{min(few)} to {max(few)}"
        where = "a cell" if len(few) == len(summary.cells) else f"in {len(few)} cells"
        lines.append(
            f"Provisional: {seeds} seed{'' if seeds == '1' else 's'} {where}; claims about "
            f"training need {PROVISIONAL_BELOW}."
        )
    stateless = {c.language.name: c.language.definiteness for c in summary.cells if c.stateless}
    for name, symbols in stateless.items():
        lines.append(f"{name} does not test state: what may follow depends on {_last(symbols)}.")
    untold = {
        cell.language.name
        for cell in summary.cells
        if not cell.stateless and all(b.solved_without_state for b in cell.bins)
    }
    if untold:
        lines.append(
            "The data cannot tell whether state is kept, because a predictor without state is "
            f"right everywhere: {', '.join(sorted(untold))}."
        )
    unseen = {c.language.name for c in summary.cells if not all(b.identifiable for b in c.bins)}
    if unseen:
        lines.append(
            "Not identifiable: test strings use transitions seen fewer than 20 times in training: "
            f"{', '.join(sorted(unseen))}."
        )
    lines += _what_training_determines(summary)
    if compared_with_published(summary):
        lines.append(
            "Published numbers were measured on other strings, labels and windows (their "
            "in-length, longer and longest bins stand beside our first three windows)."
        )
    if len(summary.versions) > 1:
        lines.append(f"Results of several versions are mixed: {'; '.join(summary.versions)}.")
    missing = summary.planned - len(summary.cells)
    if missing:
        lines.append(f"{missing} of {summary.planned} cells were not run yet.")
    lines += [f"Failed: {message}" for message in summary.failures.values()]
    return lines


def _what_training_determines(summary: Summary) -> list[str]:
    """Where a failure may be the data's: what a passive learner makes of the training strings."""
    shown = {cell.language.name for cell in summary.cells}
    told = {name: found for name, found in summary.determined.items() if name in shown}
    lines = []
    if whole := [name for name, found in told.items() if found.determined]:
        lines.append(
            "The training strings determine the language: a passive learner of automata (RPNI) "
            f"finds it in them: {', '.join(whole)}."
        )
    if partly := [name for name, found in told.items() if found.determined is False]:
        lines.append(
            "They do not, for that learner, where no finite automaton is enough or transitions are "
            f"not shown: {', '.join(partly)}."
        )
    if untold := [name for name, found in told.items() if found.determined is None]:
        lines.append(f"That learner was stopped before it could tell: {', '.join(untold)}.")
    return lines


def _last(symbols: int | None) -> str:
    if not symbols:
        return "nothing of the string"
    return "the last symbol only" if symbols == 1 else f"the last {symbols} symbols only"


def _published(measured: BinSummary) -> str:
    return "" if measured.published is None else percent(measured.published.value)
