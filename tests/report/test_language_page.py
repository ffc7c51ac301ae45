"""The page of a language: what it says, and that it needs nothing from elsewhere."""

import itertools
import json
import re
from html.parser import HTMLParser

import pytest

from starfree.algebra.circuits import circuit
from starfree.algebra.classify import classify
from starfree.languages.catalog import language
from starfree.report.circuit_words import Words, short_labels
from starfree.report.language_page import language_page, weakest_network


def page(name):
    spoken = language(name)
    return language_page(spoken, classify(spoken), weakest_network(spoken))


class Balance(HTMLParser):
    """Counts that every element is closed where it should be."""

    EMPTY = ("meta", "input")

    def __init__(self):
        super().__init__()
        self.open, self.text, self.outside = [], "", []

    def handle_starttag(self, tag, attributes):
        self.outside += [
            value
            for name, value in attributes
            if name in ("src", "href") and not (value or "").startswith("#")
        ]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        """A shape of a picture, closed in itself."""

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += " " + data.strip()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("parity", ["Why it is not star-free", "moves on by 1 of 2", "gates −1, 0 and 1"]),
        ("flipflop", ["Star-free", "81 elements", "resets"]),
        ("dyck-1", ["No finite automaton", "counts +1", "counts −1", "gates of exactly 1"]),
        ("s5", ["120 states are too many for a picture", "products of reflections"]),
        ("tomita-1", ["depends on the last 0 symbols only"]),
        ("regex:~(.*)@a", ["No string is a member"]),
        ("regex:a|\"<b>&\"", ["<b>&"]),
        ("aabbccddee", ["j trivial", "1 level, one layer"]),
    ],
)  # fmt: skip
def test_the_page_says_what_was_decided(name, words):
    text = page(name)
    read = Balance()
    read.feed(text)
    assert read.open == []
    assert read.outside == []
    for word in words:
        assert word in read.text
    assert not re.search(r"https?://|@import|url\((?!#)", text.split("<script", 1)[0])


def test_every_verdict_is_in_the_table():
    found = classify(language("d-2"))
    text = page("d-2")
    assert text.count("<tr data-architecture=") == len(found.verdicts)
    assert text.count('data-answer="can"') == sum(v.answer == "can" for v in found.verdicts)


def test_the_inlined_circuit_is_the_compiler_s():
    text = page("tomita-4")
    inlined = re.search(r'id="data">(.*?)</script>', text, re.DOTALL)
    data = json.loads(inlined[1])
    assert data["circuit"] == circuit(language("tomita-4")).to_json()


def test_conditions_in_words_hold_where_the_cubes_hold():
    """Evaluate the words of flip-flop's circuit by hand, on every reachable step."""
    spoken = language("flipflop")
    made = circuit(spoken)
    words = Words(made).levels()
    labels = {unit.name: short_labels(unit) for unit in made.units}

    def holds(condition, features):
        name, verb, rest = condition.split(" ", 2)
        negated = rest.startswith("not ")
        options = rest.removeprefix("not ").split(" or ")
        if name == "letter":
            value = spoken.alphabet[features["letter"]]
        else:
            value = labels[name][features[f"{name}.{'before' if verb == 'was' else 'after'}"]]
        return rest == "anything" or (value in options) != negated

    checked = 0
    for string in itertools.product(range(len(spoken.alphabet)), repeat=4):
        legal = spoken.legal(string)
        if not all(legal[place, letter] for place, letter in enumerate(string)):
            continue
        states = [state for state, _ in made.run(string)]
        for letter, earlier, later in zip(string, states, states[1:], strict=False):
            features = {"letter": letter}
            for unit, before, after in zip(made.units, earlier, later, strict=True):
                features |= {f"{unit.name}.before": before, f"{unit.name}.after": after}
            for unit, unit_words in zip(made.units, itertools.chain(*words), strict=True):
                for rule, rule_words in zip(unit.rules, unit_words.rules, strict=True):
                    said = all(holds(one, features) for one in rule_words.conditions)
                    assert said == rule.when.holds(features)
                    checked += 1
    assert checked > 100


def test_states_in_a_row_are_shortened():
    first, *_, last = circuit(language("d-12")).units
    assert short_labels(first) == ("{0–11}", "{1–12}")
    assert short_labels(last) == ("{11}", "{12}")
    assert short_labels(circuit(language("flipflop")).units[0])[3] == "{4,6}"
