"""Does a training set determine the language? A passive learner of automata (RPNI) tells.

Oncina and Garcia's algorithm (1992) on Moore machines: the prefix tree of the strings, each node
with what is asked there, is folded into the smallest automaton that merging in order of length
finds. If that is the language's own, the strings determine it, at least for a learner that prefers
few states; if not, a shortest string tells what they leave open. A report, never a certificate.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starfree.languages.automaton import Automaton
from starfree.languages.language import Language
from starfree.languages.strings import BoolArray, Strings

SYMBOLS = 1_000_000  # of the training strings that are looked at, the first ones
WORK = 1_000_000  # pairs of nodes that are compared; a few seconds
PAIRS = 200_000  # of states and configurations, when the language is compared
UNKNOWN = -1
SHOWN = 60  # characters of a string in a line


@dataclass(frozen=True, eq=False)
class Learned:
    """The automaton of a training set.

    Attributes:
        transitions: int ``[states, n]``; -1 where no training string goes.
        answers: bool ``[states, bits]``: the legal set, or one bit, whether it is a member.
        known: bool ``[states]``: some training string tells the answer.
        nodes: of the prefix tree.
        work: pairs of nodes that were compared.
        complete: merging came to its end; False: it was stopped, and what is left is no automaton.
    """

    alphabet: tuple[str, ...]
    transitions: NDArray[np.int32]
    answers: BoolArray
    known: BoolArray
    nodes: int
    work: int
    complete: bool

    @property
    def states(self) -> int:
        """How many the automaton has."""
        return len(self.transitions)

    def automaton(self) -> Automaton:
        """It accepts where the last bit of the answer says so."""
        return Automaton(self.alphabet, self.transitions, 0, self.answers[:, -1])


@dataclass(frozen=True)
class Difference:
    """A shortest string after which a learned automaton is not the language's.

    Attributes:
        letters: the string.
        expected: the right answer.
        given: the automaton's; None where no training string says anything.
    """

    letters: tuple[int, ...]
    expected: tuple[bool, ...]
    given: tuple[bool, ...] | None


@dataclass(frozen=True)
class Determined:
    """What a passive learner makes of a training set.

    Attributes:
        determined: its automaton is the language's; None where merging was stopped.
        states: of the automaton, or of what there was of it.
        nodes: of the prefix tree.
        string: a shortest string after which it is not the language's; None without one.
        expected: what is right after it: the legal set, or `$` for a member.
        given: what the automaton says; None where no training string says anything.
    """

    determined: bool | None
    states: int
    nodes: int
    string: str | None = None
    expected: tuple[str, ...] = ()
    given: tuple[str, ...] | None = None

    @property
    def words(self) -> str:
        """A line for people."""
        size = f"{self.states:,} state{'' if self.states == 1 else 's'}"
        if self.determined is None:
            return f"a passive learner (RPNI) was stopped at {size}, so it does not tell"
        if self.determined:
            return f"a passive learner (RPNI) finds the language in the training set: {size}"
        text = repr(self.string) if self.string else "the empty string"
        if len(text) > SHOWN:
            text = f"{text[:SHOWN]}…"
        said = "the training set leaves open what comes" if self.given is None else "it is wrong"
        return (
            f"a passive learner (RPNI) does not find the language in the training set: it has "
            f"{size}, and {said} after {text}"
        )


def determined(language: Language, train: Strings, recognising: bool = False) -> Determined:
    """Whether training strings with their true labels determine a language.

    Args:
        language: whose strings they are.
        train: the strings; of very many the first ones are read.
        recognising: a string tells whether it is a member, not what may follow its prefixes.
    """
    read = int(np.searchsorted(np.cumsum(train.lengths.astype(np.int64)), SYMBOLS, side="right"))
    some, train = read < len(train), train.select(slice(0, read))
    answers, asked = language.legal_batch(train), None
    if recognising:
        answers = answers[..., -1:]
        asked = np.arange(answers.shape[1]) == train.lengths[:, None]
    learned = learn(language.alphabet, train, answers, asked)
    if not learned.complete:
        return Determined(None, learned.states, learned.nodes)
    found = difference(learned, language)
    if found is None:
        finite = language.automaton is not None
        return Determined(True if finite else None, learned.states, learned.nodes)
    if some:  # the strings that were left out may tell
        return Determined(None, learned.states, learned.nodes)
    return Determined(
        False,
        learned.states,
        learned.nodes,
        language.decode(found.letters),
        _names(language, found.expected),
        None if found.given is None else _names(language, found.given),
    )


def _names(language: Language, bits: tuple[bool, ...]) -> tuple[str, ...]:
    symbols = (*language.alphabet, "$")[-len(bits) :]
    return tuple(symbol for symbol, bit in zip(symbols, bits, strict=True) if bit)


def learn(
    alphabet: tuple[str, ...],
    strings: Strings,
    answers: BoolArray,
    asked: BoolArray | None = None,
    work: int = WORK,
) -> Learned:
    """Fold the prefix tree of some strings into an automaton.

    Args:
        alphabet: of the strings.
        strings: for training.
        answers: bool ``[B, L+1, bits]``, what is right after each prefix.
        asked: bool ``[B, L+1]``, where that is known; by default everywhere. Of a prefix that has
            two answers the first one counts.
        work: pairs of nodes that may be compared.

    Example:
        the strings aa and aaaa with their legal sets give the two states of (aa)*.
    """
    tree = _Tree(len(alphabet), strings, answers, asked)
    folding = _Folding(tree, work)
    complete = folding.run()
    order = folding.red
    number = {node: state for state, node in enumerate(order)}
    transitions = np.full((len(order), len(alphabet)), -1, dtype=np.int32)
    for state, node in enumerate(order):
        for letter, child in enumerate(folding.children[node]):
            transitions[state, letter] = number.get(child, -1)
    classes = np.array([folding.outputs[node] for node in order])
    return Learned(
        alphabet,
        transitions,
        tree.patterns[np.maximum(classes, 0)] & (classes >= 0)[:, None],
        classes != UNKNOWN,
        len(tree.children),
        folding.work,
        complete,
    )


def difference(learned: Learned, language: Language, pairs: int = PAIRS) -> Difference | None:
    """The shortest string that tells a learned automaton from the language, or None.

    What is compared, on the way through pairs of state and configuration: legal sets on prefixes of
    members where the answers are legal sets, membership of every string where they are one bit.
    A language without a finite automaton always differs; None after so many pairs is then no claim.
    """
    recognising = learned.answers.shape[1] == 1
    letters = range(len(language.alphabet))
    first: tuple[int, Hashable | None] = (0, language.initial())
    # A pair is reached from another one by a letter.
    found: list[tuple[int, Hashable | None]] = [first]
    came: list[tuple[int, int]] = [(-1, -1)]
    seen = {first}
    at = 0
    while at < len(found) and len(found) < pairs:
        state, configuration = found[at]
        right, onward = _right(language, configuration, recognising)
        known = state >= 0 and bool(learned.known[state])
        given = tuple(bool(bit) for bit in learned.answers[state]) if known else None
        if given != right and (at > 0 or known or not recognising):
            return Difference(_string(came, at), right, given)
        for letter in letters:
            if letter not in onward:
                continue
            target = -1 if state < 0 else int(learned.transitions[state, letter])
            pair = (target, onward[letter])
            if pair not in seen:
                seen.add(pair)
                found.append(pair)
                came.append((at, letter))
        at += 1
    return None


def _right(
    language: Language, configuration: Hashable | None, recognising: bool
) -> tuple[tuple[bool, ...], dict[int, Hashable | None]]:
    """The right answer, and where the letters lead that are asked about."""
    alive = configuration is not None
    after = {
        letter: language.successor(configuration, letter) if alive else None
        for letter in range(len(language.alphabet))
    }
    ends = alive and bool(language.is_final(configuration))
    if recognising:
        return (ends,), after
    legal = tuple(target is not None for target in after.values())
    return (*legal, ends), {a: target for a, target in after.items() if target is not None}


def _string(came: list[tuple[int, int]], at: int) -> tuple[int, ...]:
    letters = []
    while at > 0:
        at, letter = came[at]
        letters.append(letter)
    return tuple(reversed(letters))


class _Tree:
    """The prefix tree: nodes in the order of length, then alphabet.

    Attributes:
        children: of each node, by letter; -1 where there is none.
        outputs: the number of each node's answer in `patterns`, or UNKNOWN.
        parents: node and letter that lead to each node.
    """

    def __init__(
        self, letters: int, strings: Strings, answers: BoolArray, asked: BoolArray | None
    ) -> None:
        batch, bits = len(strings), answers.shape[2]
        packed = np.packbits(answers.reshape(-1, bits), axis=1)
        keys: NDArray[Any] = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
        if packed.shape[1] <= 8:  # as numbers they are sorted ten times faster
            keys = np.pad(packed, [(0, 0), (0, 8 - packed.shape[1])]).view(np.uint64).ravel()
        _, first, codes = np.unique(keys, return_index=True, return_inverse=True)
        self.patterns = answers.reshape(-1, bits)[first]
        codes = codes.reshape(batch, -1)
        if asked is not None:
            codes = np.where(asked, codes, UNKNOWN)
        at = np.zeros(batch, dtype=np.int64)
        self.children: list[list[int]] = [[-1] * letters]
        self.outputs: list[int] = [_first_known(codes[:, 0])] if batch else [UNKNOWN]
        self.parents: list[tuple[int, int]] = [(-1, -1)]
        for t in range(strings.tokens.shape[1]):
            rows = np.flatnonzero(strings.lengths > t)
            steps, inverse = np.unique(
                at[rows] * letters + strings.tokens[rows, t], return_inverse=True
            )
            base = len(self.children)
            at[rows] = base + inverse
            told = np.full(len(steps), UNKNOWN)
            known = codes[rows, t + 1] != UNKNOWN
            told[inverse[known][::-1]] = codes[rows, t + 1][known][::-1]
            for offset, (step, output) in enumerate(
                zip(steps.tolist(), told.tolist(), strict=True)
            ):
                node, letter = divmod(step, letters)
                self.children[node][letter] = base + offset
                self.children.append([-1] * letters)
                self.outputs.append(output)
                self.parents.append((node, letter))


def _first_known(codes: NDArray[np.int64]) -> int:
    known = codes[codes != UNKNOWN]
    return int(known[0]) if len(known) else UNKNOWN


class _Folding:
    """Red nodes are states; blue ones, their successors, become red or are merged into a red one.

    A blue node is the root of a tree, so merging it folds a tree into the states; what changes is
    noted and taken back where two answers disagree.
    """

    def __init__(self, tree: _Tree, limit: int) -> None:
        self.children, self.outputs = [list(row) for row in tree.children], list(tree.outputs)
        self.parents = tree.parents
        self.limit = limit
        self.work = 0
        self.red: list[int] = [0]

    def run(self) -> bool:
        """Until no blue node is left; False where the work became too much."""
        states = {0}
        while True:
            blue = self._first_blue(states)
            if blue is None:
                return True
            node, parent, letter = blue
            merged = False
            for red in self.red:
                if self.work > self.limit:
                    return False
                if self._merge(red, node, parent, letter):
                    merged = True
                    break
            if not merged:
                self.red.append(node)
                states.add(node)

    def _first_blue(self, states: set[int]) -> tuple[int, int, int] | None:
        """The smallest successor of a state that is no state, and how it is reached."""
        best = None
        for red in self.red:
            for letter, child in enumerate(self.children[red]):
                if child >= 0 and child not in states and (best is None or child < best[0]):
                    best = child, red, letter
        return best

    def _merge(self, red: int, blue: int, parent: int, letter: int) -> bool:
        children, outputs = self.children, self.outputs
        changed: list[tuple[int, int]] = [(parent, letter)]
        told: list[int] = []
        children[parent][letter] = red
        pairs = [(red, blue)]
        for into, node in pairs:  # grows meanwhile: by length, where answers soon disagree
            self.work += 1
            if outputs[node] != UNKNOWN and outputs[into] != outputs[node]:
                if outputs[into] != UNKNOWN:
                    for place, own in changed[1:]:
                        children[place][own] = -1
                    children[parent][letter] = blue
                    for place in told:
                        outputs[place] = UNKNOWN
                    return False
                outputs[into] = outputs[node]
                told.append(into)
            for own, child in enumerate(children[node]):
                if child < 0:
                    continue
                target = children[into][own]
                if target < 0:
                    children[into][own] = child
                    changed.append((into, own))
                else:
                    pairs.append((target, child))
        return True
