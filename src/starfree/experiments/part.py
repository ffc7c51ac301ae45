"""A part of an experiment: some languages, models or seeds of its spec."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from starfree.errors import InputError
from starfree.experiments.plan import PlannedTrial
from starfree.experiments.spec import Experiment


@dataclass(frozen=True)
class Part:
    """What a run takes up; None stands for all.

    The first seed is always part of it where there are several learning rates to choose from: the
    rate of the other seeds hangs on it.

    Attributes:
        models: as shown in reports.
    """

    languages: frozenset[str] | None = None
    models: frozenset[str] | None = None
    seeds: frozenset[int] | None = None

    def holds(self, trial: PlannedTrial, first_seed: int, choosing: bool) -> bool:
        """Whether a trial is part of it.

        Args:
            trial: of the experiment's plan.
            first_seed: of the experiment.
            choosing: whether the learning rate is chosen on the first seed.
        """
        return (
            (self.languages is None or trial.language in self.languages)
            and (self.models is None or trial.model in self.models)
            and (
                self.seeds is None
                or trial.seed in self.seeds
                or (choosing and trial.seed == first_seed)
            )
        )


WHOLE = Part()


def make_part(
    experiment: Experiment,
    languages: Collection[str] = (),
    models: Collection[str] = (),
    seeds: Collection[int] = (),
) -> Part:
    """The part with these languages, models and seeds; none of a kind stands for all of it.

    Args:
        experiment: what it is a part of.
        languages: as in the spec.
        models: as shown, or the model's name alone for all models of that name, or what follows
            the conditions in the label.
        seeds: of the spec.

    Raises:
        InputError: the spec has no such language, model or seed.
    """
    shown = experiment.shown_models
    wanted: set[str] = set()
    for name in models:
        # A label; or the name of a model; or its label where conditions stand before it.
        found = {label for label, kind in shown.items() if kind == name}
        found |= {label for label in shown if label.endswith(f": {name}")}
        wanted |= found if found and name not in shown else {name}
    _check("language", languages, experiment.languages)
    _check("model", wanted, shown)
    _check("seed", seeds, experiment.seeds)
    return Part(frozenset(languages) or None, frozenset(wanted) or None, frozenset(seeds) or None)


def _check(kind: str, wanted: Iterable[object], known: Collection[object]) -> None:
    for value in wanted:
        if value not in known:
            listed = "; ".join(str(one) for one in known)
            raise InputError(f"the spec has no {kind} {str(value)!r} (it has: {listed})")
