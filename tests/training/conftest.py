"""A small data set: members of a language, drawn uniformly length by length."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from starfree.languages.catalog import language
from starfree.languages.strings import Strings


@dataclass
class Data:
    train: Strings
    validation: Strings | None
    bins: dict[str, Strings] = field(default_factory=dict)


def draw(name, lengths, each, seed):
    found, generator = language(name), np.random.default_rng(seed)
    return Strings.of(
        row
        for length in lengths
        if found.count(length)
        for row in found.draw(length, each, generator)
    )


@pytest.fixture
def draw_strings():
    return draw


@pytest.fixture
def make_data():
    def make(name="tomita-4", each=8):
        return Data(
            train=draw(name, range(1, 13), each, seed=0),
            validation=draw(name, range(1, 13), 4, seed=1),
            bins={"13-20": draw(name, range(13, 21), 5, seed=2)},
        )

    return make
