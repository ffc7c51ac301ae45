"""Making data sets: training and validation strings, and test bins.

The sound protocol, the default: all strings are members (plus as many non-members for task
`recognise`), all different, no string in two splits, every longer bin strictly longer than the one
before. Lengths are spread evenly over the feasible ones. Where a length has fewer members than its
share, they are split 3 : 1 : 1 over training, validation and test, and what is missing is drawn at
longer lengths. `mixture.py` says which training strings are hard.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from starfree.data.dataset import DataSet, Protocol, Window, bin_name, describe
from starfree.data.disjoint import Drawer, partition
from starfree.data.drawing import check_window
from starfree.data.mixture import mix
from starfree.data.published import published_splits
from starfree.data.recognition import with_non_members
from starfree.data.sampling import Distribution
from starfree.data.task import TaskKind
from starfree.errors import InputError
from starfree.languages.language import Language
from starfree.languages.strings import BoolArray

__all__ = ["DataSet", "Protocol", "make_splits"]

TRAIN_WINDOW: Window = (1, 50)
TEST_WINDOWS: tuple[Window, ...] = ((1, 50), (51, 100), (101, 150), (451, 500))
HARD_WINDOW = 10
"""The receptive field of three Mamba layers without recurrence: 3 a layer, plus 1."""


def make_splits(
    language: Language,
    protocol: Protocol = "sound",
    seed: int = 0,
    task: TaskKind = "predict",
    train_size: int = 10_000,
    validation_size: int = 2_000,
    bin_size: int = 1_000,
    train_window: Window = TRAIN_WINDOW,
    test_windows: Sequence[Window] = TEST_WINDOWS,
    train_distribution: Distribution | Literal["mixed"] = "mixed",
    test_distribution: Distribution = "uniform",
    hard_window: int = HARD_WINDOW,
) -> DataSet:
    """Make a data set; the same arguments make the same strings.

    Args:
        language: what to draw from.
        protocol: `sound`, or `published`, whose windows, sizes and distributions are the authors'
            (the arguments after `task` then have no effect).
        seed: the data seed.
        task: `recognise` adds non-members; the other tasks take the same strings.
        train_size: training strings.
        validation_size: validation strings, of the training window and distribution `uniform`.
        bin_size: test strings a bin.
        train_window: smallest and largest length in training and validation.
        test_windows: smallest and largest length of every bin.
        train_distribution: `mixed` is uniform, half hard where that is needed (see above).
        test_distribution: of the bins.
        hard_window: k of the hard strings.

    Raises:
        InputError: a window has no member; nothing is hard; the authors did not use the language.
    """
    if protocol == "published":
        return published_splits(language, seed, task)
    if protocol != "sound":
        raise InputError(f"protocol {protocol!r} is unknown; sound or published")
    for window in (train_window, *test_windows):
        check_window(*window)
    if len(set(test_windows)) < len(test_windows):
        raise InputError("a test window is named twice")
    drawer = Drawer(language, hard_window)
    in_length = train_window in test_windows and test_distribution == "uniform"
    generator = np.random.default_rng([seed, 0])
    first = partition(
        drawer, train_window, (train_size, validation_size, bin_size * in_length), generator
    )
    if train_distribution == "mixed":
        train, parts = mix(drawer, first, train_window, train_size, generator)
    elif train_distribution == "uniform":
        train = first.train.strings()
        parts = {"uniform": len(train)}
    else:
        drawer.release(first.train)
        train = drawer.draw(train_distribution, train_window, train_size, generator)
        parts = {train_distribution: len(train)}
    bins = {}
    for index, window in enumerate(test_windows, start=1):
        if in_length and window == train_window:
            bins[bin_name(window)] = first.test.strings()
        else:
            bins[bin_name(window)] = drawer.draw(
                test_distribution, window, bin_size, np.random.default_rng([seed, index])
            )
    train = train.select(generator.permutation(len(train)))
    splits = {"train": train, "validation": first.validation.strings(), **bins}
    windows = {"train": train_window, "validation": train_window}
    windows |= {bin_name(window): window for window in test_windows}
    labels: dict[str, BoolArray] = {}
    if task == "recognise":
        splits, labels = with_non_members(language, splits, windows, seed)
    manifest = describe(language, "sound", task, seed, splits, windows)
    manifest["train"] |= {"parts": parts, "hard_window": hard_window}
    manifest["test_distribution"] = test_distribution
    train, validation = splits.pop("train"), splits.pop("validation")
    return DataSet(language, train, validation, splits, labels, manifest)
