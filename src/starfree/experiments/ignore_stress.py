"""How long a model remembers: one write, more and more ignored pairs, one read."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from starfree.data.flipflop import ignore_stress
from starfree.data.published_task import READS
from starfree.data.task import Task
from starfree.languages.language import Language
from starfree.models.model import StreamingModel

POINTS_A_DECADE = 10
RANDOM_ROWS = 4  # fillings besides all 0 and all 1, for each bit written
WHOLE = 2_048  # ignored pairs up to which a model without constant memory is asked
PIECE = 1_024  # positions read at once
ANSWER = 2  # the last symbols of a string: `r` and its bit


def stress_points(most: int) -> NDArray[np.int64]:
    """Numbers of ignored pairs from 1 to `most`, evenly spaced on a logarithmic scale."""
    count = int(np.ceil(np.log10(most) * POINTS_A_DECADE)) + 1
    points: NDArray[np.int64] = np.unique(np.geomspace(1, most, count).round().astype(np.int64))
    return points


def measure_stress(
    model: nn.Module, task: Task, language: Language, most: int, seed: int
) -> dict[str, Any]:
    """Wrong answers by number of ignored pairs, of as many as there are rows.

    A recurrent model is read once from end to end, in memory that does not grow; at every point a
    copy of its state is asked. Any other model is asked up to `WHOLE` pairs only.

    Returns:
        `rows` (answers at each point), `ignored` (the points), `wrong` (at each), and `collapse`:
        the fewest ignored pairs with a wrong answer, None if every answer was right.
    """
    points = stress_points(most)
    if not isinstance(model, StreamingModel):
        points = points[points <= WHOLE]
    generator = np.random.default_rng([seed, most])
    longest = task.encode(ignore_stress(language, int(points[-1]), RANDOM_ROWS, generator))
    inputs = torch.from_numpy(longest.inputs)
    place = int(np.flatnonzero(longest.slices[READS][0])[-1]) - inputs.shape[1]
    expected = torch.from_numpy(longest.targets[:, place])
    asked = inputs[:, -ANSWER:]
    training = model.training
    model.eval()
    wrong = []
    with torch.no_grad():
        state = model.initial_state(len(inputs)) if isinstance(model, StreamingModel) else None
        read = 0
        for ignored in points.tolist():
            end = 2 * (ignored + 1)
            if isinstance(model, StreamingModel):
                state = _advance(model, inputs[:, read:end], state)
                read = end
                logits = model.advance(asked, state)[0]
            else:
                logits = model(torch.cat([inputs[:, :end], asked], dim=1))
            given = logits[:, place]
            right = (given.argmax(-1) == expected) & given.isfinite().all(-1)
            wrong.append(int((~right).sum()))
    model.train(training)
    failed = [int(n) for n, errors in zip(points, wrong, strict=True) if errors]
    return {
        "rows": len(inputs),
        "ignored": points.tolist(),
        "wrong": wrong,
        "collapse": failed[0] if failed else None,
    }


def _advance(model: StreamingModel, tokens: Tensor, state: Any) -> Any:
    for low in range(0, tokens.shape[1], PIECE):
        state = model.advance(tokens[:, low : low + PIECE], state)[1]
    return state
