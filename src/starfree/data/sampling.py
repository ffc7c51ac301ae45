"""Samples of a language.

uniform     lengths uniform over the feasible lengths of a window, then uniform among the
            members of that length
hard        the same among the members with a k-confusable position (`hard.py`)
published   the distribution of the authors' generator (`published.py`)
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from starfree.data.drawing import check_window, draw_window
from starfree.data.hard import hard_members
from starfree.data.published import draw_published
from starfree.errors import InputError
from starfree.languages.language import Language
from starfree.languages.strings import Strings

Distribution = Literal["uniform", "published", "hard"]


def sample(
    language: Language,
    low: int,
    high: int,
    count: int,
    seed: int | np.random.Generator = 0,
    distribution: Distribution = "uniform",
    window: int = 4,
) -> Strings:
    """Draw `count` members with lengths in ``low .. high``.

    Draws are independent, so strings may repeat. A window with fewer than `count` members is
    enumerated instead: each member once, shortest first, with a `SampleNotice`.

    Args:
        language: what to draw from.
        low: smallest length.
        high: largest length.
        count: how many strings.
        seed: an integer, or a generator to draw from.
        distribution: `uniform`, `hard` or `published`.
        window: k of `hard`: the last k symbols of some position leave its legal set open.

    Raises:
        InputError: the window is empty; no member has such a length; the language has no hard
            string or no published generator.
    """
    check_window(low, high)
    generator = np.random.default_rng(seed)
    if distribution == "published":
        return draw_published(language, low, high, count, generator)
    if distribution == "hard":
        return draw_window(hard_members(language, window), low, high, count, generator)
    if distribution == "uniform":
        return draw_window(language, low, high, count, generator)
    raise InputError(f"distribution {distribution!r} is unknown; uniform, hard or published")
