"""Training strings of one distribution, test strings of all: the data of the transfer experiment.

Whether a string may be in training or in a test is settled by its hash alone. So the test strings
are the same whatever the training strings are, and no string is in both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from starfree.data.dataset import Window, bin_name
from starfree.data.disjoint import Drawer
from starfree.data.sampling import Distribution
from starfree.languages.language import Language
from starfree.languages.strings import BoolArray, Strings

DISTRIBUTIONS: tuple[Distribution, ...] = ("published", "uniform", "hard")

_TEST_SHARE = 4  # one string in so many is for tests
_SPARE = 1.3  # drawn beyond what the shares ask for, which hold on average only
_TRAINING = 1_000  # apart from the numbers of the windows in the seeds of the draws


def distributions(language: Language, hard_window: int) -> tuple[Distribution, ...]:
    """Those that the language has: no string is hard where the last symbols always tell."""
    definite = language.definiteness(limit=hard_window) is not None
    return tuple(name for name in DISTRIBUTIONS if not (definite and name == "hard"))


def draw_tests(
    language: Language, seed: int, size: int, windows: Sequence[Window], hard_window: int
) -> dict[Distribution, dict[str, Strings]]:
    """Strings of every distribution: distribution -> window -> strings.

    Args:
        language: what to draw from.
        seed: the data seed.
        size: strings a window, fewer where there are not so many.
        windows: smallest and largest length of each.
        hard_window: k of the hard strings.

    Raises:
        InputError: a window has no member of a distribution.
    """
    return {
        name: {
            bin_name(window): _draw(language, name, window, size, seed, place, hard_window)
            for place, window in enumerate(windows)
        }
        for name in distributions(language, hard_window)
    }


def draw_training(
    language: Language,
    trained_on: Distribution,
    seed: int,
    sizes: tuple[int, int],
    window: Window,
    hard_window: int,
) -> tuple[Strings, Strings]:
    """Strings of one distribution for training, in random order, and others for validation.

    Args:
        language: what to draw from.
        trained_on: the distribution of both.
        seed: the data seed.
        sizes: of training and of validation; smaller in proportion where there are not so many.
        window: smallest and largest length.
        hard_window: k of the hard strings.

    Raises:
        InputError: the window has no member of the distribution.
    """
    both = _draw(language, trained_on, window, sum(sizes), seed, None, hard_window)
    order = np.random.default_rng([seed, _TRAINING]).permutation(len(both))
    held_out = round(len(both) * sizes[1] / sum(sizes))
    return both.select(order[held_out:]), both.select(order[:held_out])


def _draw(
    language: Language,
    name: Distribution,
    window: Window,
    count: int,
    seed: int,
    test: int | None,
    hard_window: int,
) -> Strings:
    """Different strings for the test of this number; None for training."""
    place = _TRAINING if test is None else test
    generator = np.random.default_rng([seed, DISTRIBUTIONS.index(name), place])
    share = 1 - 1 / _TEST_SHARE if test is None else 1 / _TEST_SHARE
    wanted = round(count * _SPARE / share)
    strings = Drawer(language, hard_window).draw(name, window, wanted, generator)
    ours = strings.select(for_tests(strings, seed) == (test is not None))
    if name == "published":
        return ours.select(slice(count))
    return _even(ours.select(generator.permutation(len(ours))), count)


def for_tests(strings: Strings, seed: int) -> BoolArray:
    """Whether each string belongs to the tests, by its hash."""
    salt = seed.to_bytes(8, "little")
    digests = (hashlib.blake2b(row.tobytes(), digest_size=1, key=salt) for row in strings)
    return np.array([digest.digest()[0] % _TEST_SHARE == 0 for digest in digests], dtype=np.bool_)


def _even(strings: Strings, count: int) -> Strings:
    """Up to `count` strings, as many of each length; what a length lacks comes from longer ones."""
    lengths = np.unique(strings.lengths)
    chosen = []
    for index, length in enumerate(lengths):
        share = round(count / (len(lengths) - index))
        rows = np.flatnonzero(strings.lengths == length)[:share]
        chosen.append(rows)
        count -= len(rows)
    return strings.select(np.sort(np.concatenate(chosen))) if chosen else strings
