"""The sound protocol: different strings, disjoint splits, coverage, determinism."""

import json
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from starfree.data.coverage import IDENTIFIABLE, transition_counts
from starfree.data.hard import hard_members
from starfree.data.splits import DataSet, make_splits
from starfree.errors import InputError
from starfree.languages.catalog import SUITE, language
from starfree.languages.notation import parse
from starfree.languages.strings import Strings


def small(name: str, **options: object) -> DataSet:
    sizes = {"train_size": 600, "validation_size": 120, "bin_size": 60}
    windows = {"test_windows": ((1, 50), (51, 100))}
    return make_splits(language(name), **(sizes | windows | options))  # type: ignore[arg-type]


def all_splits(data: DataSet) -> dict[str, Strings]:
    assert data.validation is not None
    return {"train": data.train, "validation": data.validation, **data.bins}


@pytest.mark.parametrize("name", [entry.name for entry in SUITE])
def test_splits_hold_different_members_in_their_windows(
    name: str, sound: Callable[[str], DataSet]
) -> None:
    data = sound(name)
    which = language(name)
    splits = all_splits(data)
    seen: set[bytes] = set()
    for split, strings in splits.items():
        assert len(strings) > 0
        assert which.accepts_batch(strings).all()
        low, high = (1, 50) if split in ("train", "validation") else map(int, split.split("-"))
        assert ((low <= strings.lengths) & (strings.lengths <= high)).all()
        keys = set(strings.keys())
        assert len(keys) == len(strings)
        assert not keys & seen
        seen |= keys
    assert list(data.bins) == ["1-50", "51-100", "101-150", "451-500"]
    for shorter, longer in pairwise(data.bins.values()):
        assert shorter.lengths.max() < longer.lengths.min()


@pytest.mark.full
@pytest.mark.parametrize("name", [entry.name for entry in SUITE])
def test_full_size_splits_are_disjoint_and_full_unless_the_language_is_small(name: str) -> None:
    data = make_splits(language(name))
    splits = all_splits(data)
    keys = Strings.concatenate(list(splits.values())).keys()
    assert len(keys) == len(set(keys))
    sizes = [len(strings) for strings in splits.values()]
    if sum(language(name).count(n) for n in range(1, 51)) > 20_000:
        assert sizes == [10_000, 2_000, 1_000, 1_000, 1_000, 1_000]


def test_lengths_are_even_where_the_language_is_large() -> None:
    data = make_splits(language("parity"), train_size=2_500, validation_size=50, bin_size=50)
    counts = np.bincount(data.train.lengths, minlength=51)[1:]
    assert counts[20:].min() >= 50
    assert counts[20:].max() <= counts[20:].min() + 12
    assert counts[0] == 1  # "0" is the only member of length 1
    assert set(np.bincount(data.bins["51-100"].lengths)[51:].tolist()) == {1}


def test_scarce_lengths_are_split_three_one_one() -> None:
    data = small("tomita-7")
    validation = data.validation
    assert validation is not None
    scarce = [n for n in range(1, 51) if language("tomita-7").count(n) <= 12]
    inside = [int(np.isin(s.lengths, scarce).sum()) for s in (data.train, validation)]
    test = int(np.isin(data.bins["1-50"].lengths, scarce).sum())
    total = sum(language("tomita-7").count(n) for n in scarce)
    assert sum(inside) + test == total
    assert inside[1] == pytest.approx(total / 5, abs=2)
    assert test <= total / 5 + 1


def test_a_nested_language_gives_every_member_once() -> None:
    data = make_splits(language("aa-star"))
    assert {name: len(strings) for name, strings in all_splits(data).items()} == {
        "train": 15,
        "validation": 5,
        "1-50": 5,
        "51-100": 25,
        "101-150": 25,
        "451-500": 25,
    }


def test_the_same_arguments_make_the_same_data() -> None:
    first, again, other = small("d-4"), small("d-4"), small("d-4", seed=1)
    assert json.dumps(first.manifest) == json.dumps(again.manifest)
    assert first.train.keys() == again.train.keys()
    assert first.train.keys() != other.train.keys()


def test_deep_languages_train_half_on_hard_strings() -> None:
    for name in ("d-4", "dyck-1", "dyck-2-3"):
        parts = small(name, hard_window=7).manifest["train"]["parts"]
        assert parts["hard"] == pytest.approx(300, abs=60)
        assert parts["uniform"] + parts["hard"] == 600
    assert small("parity").manifest["train"]["parts"] == {"uniform": 600}
    assert small("tomita-4").manifest["train"]["parts"] == {"uniform": 600}


def test_rare_transitions_are_brought_in() -> None:
    # Strings of up to 50 symbols reach depth 20 only on purpose, hard or not.
    data = small("d-20", train_size=2_000, test_windows=((1, 50),))
    parts = data.manifest["train"]["parts"]
    assert parts["uniform"] + parts["hard"] + parts["rare transitions"] == 2_000
    assert parts["rare transitions"] == pytest.approx(500, abs=40)
    counts = transition_counts(language("d-20"), data.train)
    assert len(counts) == 40
    assert min(counts.values()) >= IDENTIFIABLE


def test_the_manifest_counts_what_is_there() -> None:
    data = small("d-3")
    manifest = data.manifest
    seen = manifest["coverage"]["transitions"]
    assert set(seen) == {"q0 a", "q1 a", "q1 b", "q2 a", "q2 b", "q3 b"}
    assert sum(seen.values()) == int(data.train.lengths.sum())
    classes = manifest["coverage"]["label_classes"]
    assert set(classes) == {"101", "110", "010"}
    assert sum(classes.values()) == int((data.train.lengths + 1).sum())
    assert manifest["predictive_definiteness"] is None
    assert manifest["bins"]["51-100"]["lengths"] == [52, 100]
    json.dumps(manifest)


def test_cells_that_training_does_not_show_are_marked() -> None:
    data = small("dyck-1", test_windows=((1, 50), (451, 500)))
    unseen = data.manifest["coverage"]["not_identifiable"]
    shown = transition_counts(language("dyck-1"), data.train)
    assert "33-64 (" in unseen["451-500"]
    assert all(shown.get(cell, 0) < IDENTIFIABLE for cells in unseen.values() for cell in cells)


def test_training_and_test_distributions_can_be_chosen() -> None:
    data = small(
        "d-3", train_distribution="hard", test_distribution="hard", test_windows=((51, 100),)
    )
    which = language("d-3")
    for strings in (data.train, data.bins["51-100"]):
        assert which.ambiguous_batch(strings, 10).any(axis=1).all()
    assert hard_members(which, 10).count(52) > 0
    uniform = small("d-3", train_distribution="uniform")
    assert uniform.manifest["train"]["parts"] == {"uniform": 600}


@pytest.mark.parametrize("name", ["tomita-4", "parity", "aa-star", "dyck-1", "anbn", "flipflop"])
def test_recognition_data_is_balanced_and_labelled(name: str) -> None:
    data = small(name, task="recognise")
    which = language(name)
    splits = all_splits(data)
    for split, strings in splits.items():
        labels = data.labels[split]
        assert labels.tolist() == which.accepts_batch(strings).tolist()
        assert 0.4 < labels.mean() < 0.7
    keys = Strings.concatenate(list(splits.values())).keys()
    assert len(keys) == len(set(keys))


def test_recognition_needs_non_members() -> None:
    everything = parse("regex", "(a|b)*", "regex:(a|b)*")
    with pytest.raises(InputError, match="are not members"):
        make_splits(everything, task="recognise", train_size=50, validation_size=10, bin_size=10)


def test_a_bin_without_members_is_an_error() -> None:
    finite = parse("regex", "(a|b){3}", "regex:(a|b){3}")
    with pytest.raises(InputError, match=r"no member has a length in 51\.\.100"):
        make_splits(finite, train_size=5, validation_size=1, bin_size=1)


def test_windows_too_short_for_hard_strings_are_uniform() -> None:
    data = small("d-4", train_window=(1, 8), test_windows=((1, 8), (9, 20)), train_size=10)
    assert data.manifest["train"]["parts"] == {"uniform": len(data.train)}
    assert 9 <= len(data.train) <= 13


def test_a_window_named_twice_is_refused() -> None:
    with pytest.raises(InputError, match="named twice"):
        small("parity", test_windows=((51, 60), (51, 60)))


def test_training_on_published_strings_keeps_the_splits_apart() -> None:
    data = small("d-4", train_distribution="published", test_distribution="published")
    assert data.manifest["train"]["parts"] == {"published": 600}
    splits = all_splits(data)
    keys = Strings.concatenate(list(splits.values())).keys()
    assert len(keys) == len(set(keys))
    # A small language has no more different published strings than members.
    assert len(small("tomita-2", train_distribution="published").train) <= 25
