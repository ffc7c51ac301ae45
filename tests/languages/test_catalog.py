"""The catalog: names, classes, sizes; what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from starfree.errors import InputError
from starfree.languages.catalog import entries, language, language_class
from starfree.languages.stack import BoundedDyck
from starfree.languages.strings import Strings


def strings_of(name: str, *words: str) -> Strings:
    return Strings.of([language(name).encode(word) for word in words])


LIVE_STATES = {
    **{"tomita-1": 1, "tomita-2": 2, "tomita-3": 4, "tomita-4": 3, "tomita-5": 4},
    **{"tomita-6": 3, "tomita-7": 4, "d-2": 3, "d-3": 4, "d-4": 5, "d-12": 13},
    **{"parity": 2, "aa-star": 2, "aaaa-star": 4, "abab-star": 4, "aabbccddee": 6},
    **{"ab-d-bc": 2, "012-02": 2, "flipflop": 8, "s3": 6, "a5": 60, "s5": 120, "z-3": 3},
    **{"dyck-2-4": 31, "recall-2-2": 26},
}


def test_the_suite() -> None:
    suite = [entry for entry in entries() if entry.in_suite]
    classes = [entry.language_class for entry in suite]
    assert [classes.count(c) for c in ("star-free", "not star-free", "counter")] == [11, 7, 9]
    assert len({entry.name for entry in entries()}) == len(entries())
    for entry in entries():
        tested = language(entry.name)
        assert tested.name == entry.name
        assert entry.name in repr(tested)
        infinite = entry.language_class in ("counter", "context-sensitive")
        assert (tested.automaton is None) == infinite or entry.name == "dyck-8-10"
        assert language_class(entry.name) == entry.language_class


@pytest.mark.parametrize(("name", "states"), LIVE_STATES.items())
def test_live_states(name: str, states: int) -> None:
    automaton = language(name).automaton
    assert automaton is not None
    assert automaton.states == states


def test_stack_machines_too_large_for_an_automaton() -> None:
    for name, states in (("dyck-8-5", 37_449), ("dyck-8-10", 1_227_133_513)):
        tested = language(name)
        assert isinstance(tested, BoundedDyck)
        assert tested.automaton is None
        assert tested.live_states == states


def test_states_and_groups() -> None:
    """The state after a prefix; for word problems another one for every group element."""
    assert language("d-3").state_batch(strings_of("d-3", "aab", "abb")).tolist() == [
        [0, 1, 2, 1],
        [0, 1, 0, -1],
    ]
    assert language("z-5").state_batch(strings_of("z-5", "1234"))[0].tolist() == [0, 1, 3, 1, 0]
    s3 = language("s3")
    states = s3.state_batch(strings_of("s3", "aabbb", "abab", "baba"))
    assert states[0, 2] == states[0, 5] == 0
    assert states[1, 4] == states[2, 4] == 0
    assert states[1, 2] != states[2, 2]
    for name in ("dyck-1", "dyck-8-10"):
        with pytest.raises(InputError, match=f"{name}: no finite automaton"):
            language(name).state_batch(strings_of(name))
    dyck = language("dyck-2-2")
    assert dyck.state_batch(strings_of("dyck-2-2", "(a (b b) a)"))[0].tolist() == [0, 1, 4, 1, 0]


def test_alphabets() -> None:
    assert language("dyck-3-2").alphabet == ("(a", "(b", "(c", "a)", "b)", "c)")
    assert language("dyck-28-1").alphabet[26:28] == ("(aa", "(ab")
    assert language("boolean-5").alphabet == tuple("01~+>*^")
    assert language("shuffle-6").alphabet == tuple("()[]{}<>+-ab")
    assert language("z-12").alphabet[-2:] == ("10", "11")
    assert language("z-12").encode("11 1").tolist() == [11, 1]


def test_symbols_outside_the_alphabet() -> None:
    with pytest.raises(
        InputError, match="d-2: symbol 'c' at position 3 is not in the alphabet a b"
    ):
        language("d-2").encode("abc")
    with pytest.raises(InputError, match=r"symbol '\(c' at position 2"):
        language("dyck-2-2").encode("(a (c")


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("tomita-8", "unknown language 'tomita-8'; did you mean tomita-"),
        ("Parity", "did you mean parity"),
        ("dyck-2", "unknown language 'dyck-2'"),
        ("", "unknown language ''"),
        ("d-0", "d-0: the number must be at least 1"),
        ("dyck-0-3", "dyck-0-3: K and H must be at least 1"),
        ("dyck-2-3-4", "unknown language 'dyck-2-3-4'"),
        ("copy-1", "copy-1: K must be at least 2"),
        ("recall-1-4", "recall-1-4: K and V must be at least 2"),
        ("recall-4-4-0", "recall-4-4-0: .* Q at least 1"),
        ("recall-4", "unknown language 'recall-4'"),
        ("boolean-1", "boolean-1: N must be at least 2"),
        ("d-1000000000", "d-1000000000: 1000000001 states"),
        ("z-100000", "z-100000: "),
        ("latex:a", "unknown language 'latex:a'"),
    ],
)
def test_refused(reference: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        language(reference)
    assert "\n" not in str(caught.value)


def test_large_members_of_families() -> None:
    generator = np.random.default_rng(0)
    for name in (
        "dyck-30-500",
        "dyck-2-100000",
        "shuffle-20",
        "boolean-30",
        "d-5000",
        "undo-flipflop-60",
        "copy-40",
        "recall-40-40-8",
    ):
        tested = language(name)
        length = 60 if tested.count(60) else 61
        assert tested.accepts(tested.draw(length, 1, generator)[0])
