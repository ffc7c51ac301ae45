"""Bring the parts of an experiment together that ran in several folders, on one machine or many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starfree.errors import InputError
from starfree.experiments.plan import FILE, SPEC, PlannedTrial, read_plan, write_plan
from starfree.experiments.spec import Experiment
from starfree.experiments.store import Store
from starfree.files import write_atomically
from starfree.training.checkpoint import CHECKPOINT_NAME

RESULT = "result.json"  # written last: where it is, all is there

_BESIDE_TRIALS = ("title", "refutation")  # fields of a spec that no result depends on

# What two runs of one trial may differ in without disagreeing.
_CIRCUMSTANCES = ("seconds", "total_seconds", "version", "commit", "machine", "finished")


@dataclass
class Merged:
    """What came together.

    Attributes:
        finished: by folder, trials whose result was taken from it.
        unfinished: trials that only have a checkpoint so far.
        conflicts: a line for each trial that two folders have different numbers of.
        versions: what made the results, as `version (commit)`.
    """

    finished: dict[Path, int] = field(default_factory=dict)
    unfinished: int = 0
    conflicts: list[str] = field(default_factory=list)
    versions: tuple[str, ...] = ()


def merge(folders: Sequence[Path], store: Store) -> Merged:
    """Copy the trials of runs of one experiment into a store whose lock the caller holds.

    A trial that several folders have is taken from the first of them. `starfree run` in the merged
    folder does what is still missing.

    Args:
        folders: of the runs, which may still be going on.
        store: where to; a run of the same experiment that is there already comes first.

    Raises:
        InputError: a folder is no run's folder, or of another experiment.
        OSError: something cannot be read or written.
    """
    sources = [folder for folder in folders if folder.resolve() != store.folder.resolve()]
    if (store.folder / FILE).exists():
        sources.insert(0, store.folder)
    plans = [read_plan(folder) for folder in sources]
    experiment, _ = plans[0]
    for folder, (other, _) in zip(sources[1:], plans[1:], strict=True):
        _check_same(experiment, sources[0], other, folder)
    planned: dict[PlannedTrial, None] = {}
    for _, trials in plans:
        planned.update(dict.fromkeys(trials))
    merged = Merged(finished=dict.fromkeys(sources, 0))
    for trial in {trial.hash: trial for trial in planned}.values():
        _take(trial, sources, store, merged)
    if (sources[0] / SPEC).exists():
        store.save_text(SPEC, (sources[0] / SPEC).read_text(encoding="utf-8"))
    write_plan(store.folder, experiment, list(planned))
    results = store.results().values()
    merged.versions = tuple(
        sorted({f"{r['version']} ({r['commit'] or 'no commit'})" for r in results})
    )
    return merged


def _check_same(one: Experiment, here: Path, other: Experiment, there: Path) -> None:
    ours, theirs = one.plain(), other.plain()
    differing = [
        name
        for name in ours | theirs
        if name not in _BESIDE_TRIALS and ours.get(name) != theirs.get(name)
    ]
    if differing:
        raise InputError(
            f"{there}: another experiment than that of {here} (they differ in: "
            f"{', '.join(differing)}); only parts of one experiment can be merged"
        )


def _take(trial: PlannedTrial, sources: Sequence[Path], store: Store, merged: Merged) -> None:
    """Copy one trial from the first folder that has its result, else the first that has begun."""
    results = {
        folder: result
        for folder in sources
        if (result := Store(folder).result(trial.hash)) is not None
    }
    if results:
        first = next(iter(results))
        merged.finished[first] += 1
        for folder, result in results.items():
            if difference := _difference(results[first], result):
                merged.conflicts.append(
                    f"{trial.hash} ({trial.language}, {trial.model}, seed {trial.seed}): "
                    f"{difference} in {first} and {folder}; that of {first} is taken"
                )
            else:
                _copy(Store(folder).trial_folder(trial.hash), store.trial_folder(trial.hash))
        return
    for folder in sources:
        begun = Store(folder).trial_folder(trial.hash)
        if (begun / CHECKPOINT_NAME).exists():
            merged.unfinished += 1
            _copy(begun, store.trial_folder(trial.hash), checkpoint=True)
            return


def _copy(source: Path, target: Path, checkpoint: bool = False) -> None:
    """Copy what the target does not have."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir(), key=lambda path: path.name == RESULT):
        if path.name.startswith(".") or (target / path.name).exists():
            continue
        if checkpoint or path.name != CHECKPOINT_NAME:
            with suppress(FileNotFoundError):  # of a run that goes on: removed since it was listed
                write_atomically(target / path.name, path.read_bytes())
    if (target / RESULT).exists():
        (target / CHECKPOINT_NAME).unlink(missing_ok=True)


def _difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """The first number that two results do not share, in words; empty if they agree."""
    for name in one:
        if name in _CIRCUMSTANCES or one[name] == other.get(name):
            continue
        if name != "bins":
            return f"`{name}` differs"
        for window, measured in one["bins"].items():
            theirs = other["bins"].get(window, {}).get("metrics", {})
            for metric, value in measured["metrics"].items():
                given = theirs.get(metric, {}).get("value")
                if given != value["value"]:
                    return f"{metric} on {window} is {value['value']:g} and {given:g}"
        return "what was measured differs"
    return ""
