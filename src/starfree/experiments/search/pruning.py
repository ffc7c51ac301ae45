"""When a trial is given up: a loss that it must have reached by some point of its training.

The losses that it must reach are worked out from earlier trials before it starts and are part of
it, so that a trial hangs on nothing that happens elsewhere while it runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf
from statistics import median
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from starfree.experiments.spec import Strict

Start = Annotated[float, Field(gt=0, lt=1)]


class MedianPruning(Strict):
    """Give up a trial whose best loss so far is above the median of the complete trials' losses.

    As Optuna's `MedianPruner` (Golovin et al. 2017, Google Vizier).

    Attributes:
        start: share of the budget from which on it is judged, at every point of the curve.
        trials: complete trials before any is given up.
    """

    rule: Literal["median"]
    start: Start = 0.2
    trials: PositiveInt = 5


class HalvingPruning(Strict):
    """At some points of the curve only the best `1 / factor` of all trials that came so far go on.

    Asynchronous successive halving (Li et al. 2020), as Optuna's `SuccessiveHalvingPruner`.

    Attributes:
        start: share of the budget at the first such point; at each further one it is `factor`
            times as large.
    """

    rule: Literal["halving"]
    start: Start = 0.1
    factor: Annotated[int, Field(ge=2)] = 3


Pruning = Annotated[MedianPruning | HalvingPruning, Field(discriminator="rule")]


class Hurdles(Strict):
    """What a trial must reach in order to go on.

    Attributes:
        rule: `median` judges the best validation loss so far, `halving` the last one.
        losses: points of the learning curve (1 .. `evaluations`), rising, each with the largest
            loss that goes on.
    """

    rule: Literal["median", "halving"]
    losses: tuple[tuple[PositiveInt, float], ...]


@dataclass(frozen=True)
class Trace:
    """The validation losses of a trial that was run.

    Attributes:
        losses: by point of the curve; infinite where it was no number. A large batch may pass
            several points, of which the last has a loss.
        complete: trained to the end.
    """

    losses: Mapping[int, float]
    complete: bool

    def at(self, point: int) -> float | None:
        """The loss at a point, or at the next one that has one; None if the trial ended before."""
        later = [known for known in self.losses if known >= point]
        return self.losses[min(later)] if later else None


def hurdles(
    pruning: MedianPruning | HalvingPruning, points: int, earlier: Sequence[Trace]
) -> Hurdles | None:
    """What a trial must reach, given those before it; None if it goes on in any case.

    Args:
        pruning: the rule.
        points: of the learning curve; at the last one nothing is left to be saved.
        earlier: the trials that it is compared with.
    """
    if isinstance(pruning, MedianPruning):
        rivals = [trace for trace in earlier if trace.complete]
        if len(rivals) < pruning.trials:
            return None
        judged = list(range(ceil(pruning.start * points), points))
    else:
        rivals = list(earlier)
        judged = _rungs(pruning, points)
    found = []
    for point in judged:
        losses = sorted(loss for trace in rivals if (loss := trace.at(point)) is not None)
        if not losses:
            continue
        if isinstance(pruning, MedianPruning):
            allowed = median(losses)
        else:
            # Among them and itself so many go on, but always the best.
            allowed = losses[max((len(losses) + 1) // pruning.factor, 1) - 1]
        if allowed < inf:
            found.append((point, allowed))
    return Hurdles(rule=pruning.rule, losses=tuple(found)) if found else None


def _rungs(pruning: HalvingPruning, points: int) -> list[int]:
    rungs = []
    share = pruning.start
    while (point := ceil(share * points)) < points:
        if point not in rungs:
            rungs.append(point)
        share *= pruning.factor
    return rungs


def fails(found: Hurdles, losses: Sequence[tuple[int, float]]) -> bool:
    """Whether a trial that has come so far must be given up.

    Args:
        found: its hurdles.
        losses: points of the curve with their losses, in order; only hurdles between the last two
            are judged, as those before were judged then.
    """
    point, last = losses[-1]
    before = losses[-2][0] if len(losses) > 1 else 0
    judged = last if found.rule == "halving" else min(loss for _, loss in losses)
    return any(before < at <= point and judged > allowed for at, allowed in found.losses)
