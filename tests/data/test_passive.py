"""The passive learner: true to its training set; finds what that determines, says what not."""

import itertools

import numpy as np
import pytest
from aalpy.learning_algs import run_RPNI
from hypothesis import given, settings
from hypothesis import strategies as st

from starfree.data.passive import determined, difference, learn
from starfree.data.splits import make_splits
from starfree.languages.automaton import Automaton
from starfree.languages.catalog import language
from starfree.languages.comparison import compare
from starfree.languages.regular import RegularLanguage
from starfree.languages.strings import Strings


def after(learned, string):
    """State after a string, -1 where there is none."""
    state = 0
    for letter in string:
        state = -1 if state < 0 else int(learned.transitions[state, letter])
    return state


def live_strings(spoken, longest):
    letters = range(len(spoken.alphabet))
    found = []
    for length in range(longest + 1):
        for string in itertools.product(letters, repeat=length):
            if length == 0 or spoken.legal(list(string))[-1].any():
                found.append(string)
    return found


def legal(spoken, strings):
    return spoken.legal_batch(strings)


@st.composite
def automata(draw):
    states, letters = draw(st.integers(1, 5)), draw(st.integers(1, 2))
    transitions = draw(
        st.lists(
            st.lists(st.integers(-1, states - 1), min_size=letters, max_size=letters),
            min_size=states,
            max_size=states,
        )
    )
    accepting = draw(st.lists(st.booleans(), min_size=states, max_size=states))
    made = Automaton(
        tuple("ab"[:letters]), np.array(transitions, dtype=np.int32), 0, np.array(accepting)
    )
    return RegularLanguage("random", made.minimise())


@settings(deadline=None, max_examples=60)
@given(automata(), st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_it_agrees_with_every_training_string(spoken, seed, count):
    generator = np.random.default_rng(seed)
    lengths = generator.integers(0, 9, size=count)
    raw = [tuple(generator.integers(len(spoken.alphabet), size=size)) for size in lengths]
    strings = Strings.of(raw)
    answers = legal(spoken, strings)
    learned = learn(spoken.alphabet, strings, answers)
    assert learned.complete
    for row, string in enumerate(raw):
        for length in range(len(string) + 1):
            state = after(learned, string[:length])
            assert learned.answers[state].tolist() == answers[row, length].tolist()
    recognised = learn(spoken.alphabet, strings, answers[..., -1:], _last(strings))
    for row, string in enumerate(raw):
        state = after(recognised, string)
        assert bool(recognised.answers[state, 0]) == bool(answers[row, len(string), -1])


def _last(strings):
    asked = np.zeros((len(strings), strings.tokens.shape[1] + 1), dtype=bool)
    asked[np.arange(len(strings)), strings.lengths] = True
    return asked


@settings(deadline=None, max_examples=60)
@given(automata())
def test_all_short_strings_determine_a_language(spoken):
    if spoken.automaton.states == 0:
        return
    strings = Strings.of(live_strings(spoken, 2 * spoken.automaton.states + 1))
    learned = learn(spoken.alphabet, strings, legal(spoken, strings))
    assert difference(learned, spoken) is None
    assert learned.states == spoken.automaton.states


@settings(deadline=None, max_examples=60)
@given(automata(), st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_what_is_told_as_different_is_different_and_shortest(spoken, seed, count):
    if spoken.automaton.states == 0:
        return
    generator = np.random.default_rng(seed)
    everything = live_strings(spoken, 4)
    chosen = [everything[i] for i in generator.integers(len(everything), size=count)]
    strings = Strings.of(chosen)
    learned = learn(spoken.alphabet, strings, legal(spoken, strings))
    found = difference(learned, spoken)
    shorter = live_strings(spoken, 6)
    wrong = []
    for string in shorter:
        state = after(learned, string)
        given = learned.answers[state].tolist() if state >= 0 else None
        if given != spoken.legal(list(string))[-1].tolist():
            wrong.append(len(string))
    if found is None:
        assert not wrong
    elif len(found.letters) <= 6:
        assert min(wrong) == len(found.letters)
        state = after(learned, found.letters)
        assert (found.given is None) == (state < 0)
        assert list(found.expected) == spoken.legal(list(found.letters))[-1].tolist()


@pytest.mark.parametrize("name", ["parity", "tomita-3", "tomita-7", "d-3", "flipflop"])
def test_aalpy_learns_the_same(name):
    """Membership of all strings to a length, by another implementation of the algorithm."""
    spoken = language(name)
    longest = 11 if len(spoken.alphabet) == 2 else 6
    letters = range(len(spoken.alphabet))
    raw = [w for n in range(longest + 1) for w in itertools.product(letters, repeat=n)]
    strings = Strings.of(raw)
    member = spoken.accepts_batch(strings)
    answers = np.repeat(member[:, None, None], strings.tokens.shape[1] + 1, axis=1)
    ours = learn(spoken.alphabet, strings, answers, _last(strings))
    data = list(zip(raw, member.tolist(), strict=True))
    theirs = run_RPNI(data, automaton_type="dfa", print_info=False)
    assert ours.states == len(theirs.states)
    for string, right in data:
        assert bool(ours.answers[after(ours, string), 0]) == right
    named = Automaton(spoken.alphabet, ours.transitions, 0, ours.answers[:, 0])
    assert compare(RegularLanguage("ours", named.minimise()), spoken).equal


@pytest.mark.parametrize(
    ("name", "determined"), [("parity", True), ("d-4", True), ("flipflop", True), ("dyck-1", False)]
)
def test_the_sound_training_sets(name, determined):
    spoken = language(name)
    train = make_splits(spoken, train_size=1000, validation_size=10, bin_size=10).train
    learned = learn(spoken.alphabet, train, legal(spoken, train))
    found = difference(learned, spoken)
    assert (found is None) == determined
    if found is not None:  # the depth that training does not show
        assert found.given is None or found.given != found.expected


def test_too_much_work_is_said():
    spoken = language("dyck-1")
    train = make_splits(spoken, train_size=300, validation_size=10, bin_size=10).train
    assert not learn(spoken.alphabet, train, legal(spoken, train), work=100).complete


def test_of_very_many_strings_the_first_ones_are_read(monkeypatch):
    spoken = language("dyck-1")
    train = make_splits(spoken, train_size=300, validation_size=10, bin_size=10).train
    assert determined(spoken, train).determined is False
    monkeypatch.setattr("starfree.data.passive.SYMBOLS", 2_000)
    few = determined(spoken, train)
    assert few.determined is None
    assert 0 < few.nodes <= 2_001
    d2 = language("d-2")
    train = make_splits(d2, train_size=300, validation_size=10, bin_size=10).train
    assert determined(d2, train).determined is True
