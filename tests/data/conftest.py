"""What several tests of this floor draw from."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import pytest

from starfree.data.published import protocol_of, published_splits
from starfree.data.splits import DataSet, make_splits
from starfree.languages.catalog import language


@pytest.fixture(scope="session")
def shrunk() -> Callable[[str, float], DataSet]:
    """The published protocol of a language with a share of its strings, same windows and draws."""

    def make(name: str, share: float) -> DataSet:
        full = protocol_of(name)
        bins = tuple((window, max(5, int(size * share))) for window, size in full.bins)
        small = replace(full, train=max(20, int(full.train * share)), bins=bins)
        return published_splits(language(name), 0, "predict", small)

    return make


@pytest.fixture(scope="session")
def sound() -> Callable[[str], DataSet]:
    """The sound protocol with all its windows and fewer strings."""
    return lru_cache(maxsize=None)(
        lambda name: make_splits(language(name), train_size=400, validation_size=80, bin_size=40)
    )
