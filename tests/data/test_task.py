"""Tasks: inputs, targets and weights, position by position."""

import numpy as np
import pytest

from starfree.data.tasks import make_task
from starfree.errors import InputError
from starfree.languages.catalog import language
from starfree.languages.strings import Strings


def batch(name: str, *texts: str) -> Strings:
    return Strings.of([language(name).encode(text) for text in texts])


def test_predict_asks_for_the_legal_set_after_every_prefix() -> None:
    task = make_task(language("d-2"), "predict")
    examples = task.encode(batch("d-2", "aabb", "ab"))
    assert (task.vocabulary, task.outputs, task.objective) == (4, 3, "bits")
    assert examples.inputs.tolist() == [[3, 0, 0, 1, 1], [3, 0, 1, 0, 0]]
    assert examples.weights.tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]
    assert examples.lengths.tolist() == [5, 3]
    # Columns a, b, $: depth 0 allows a and $, depth 1 allows a and b, depth 2 allows b.
    depth = [[1, 0, 1], [1, 1, 0], [0, 1, 0]]
    assert examples.targets[0].tolist() == [depth[d] for d in (0, 1, 2, 1, 0)]
    assert examples.targets[1, :3].tolist() == [depth[d] for d in (0, 1, 0)]
    assert examples.inputs.dtype == np.int64
    assert examples.targets.dtype == np.bool_
    assert examples.weights.dtype == np.float32


def test_predict_reads_the_empty_string() -> None:
    examples = make_task(language("parity"), "predict").encode(batch("parity", ""))
    assert examples.inputs.tolist() == [[3]]
    assert examples.targets.tolist() == [[[True, True, True]]]


def test_recognise_asks_once_after_the_last_symbol() -> None:
    task = make_task(language("parity"), "recognise")
    strings = batch("parity", "101", "1", "")
    examples = task.encode(strings)
    assert task.outputs == 1
    assert examples.weights.tolist() == [[0, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 0]]
    asked = examples.targets[..., 0][examples.weights > 0]
    assert asked.tolist() == [True, False, True]
    given = task.encode(strings, labels=np.array([False, False, True]))
    assert given.targets[..., 0][given.weights > 0].tolist() == [False, False, True]


def test_state_asks_for_the_state_and_skips_what_has_none() -> None:
    task = make_task(language("d-2"), "state")
    examples = task.encode(batch("d-2", "aab", "abb"))
    assert (task.outputs, task.objective) == (3, "classes")
    assert examples.targets[0].tolist() == [0, 1, 2, 1]
    assert examples.targets[1, :3].tolist() == [0, 1, 0]
    assert examples.weights.tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]


def test_state_needs_a_finite_automaton() -> None:
    with pytest.raises(InputError, match="dyck-1: no finite automaton"):
        make_task(language("dyck-1"), "state")


def test_an_unknown_task_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="predict, recognise, state, published"):
        make_task(language("d-2"), "generate")  # type: ignore[arg-type]
