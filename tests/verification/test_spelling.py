"""Powers in place of repetitions: what is written can be read back."""

import re

from hypothesis import given
from hypothesis import strategies as st

from starfree.verification.spelling import PLAIN, SHOWN, spelled


def decode(letters):
    return "".join("abc"[letter] for letter in letters)


def written_out(text):
    """Every power as the word it stands for."""
    powers = re.sub(r"\(([abc]+)\)\^(\d+)", lambda found: found[1] * int(found[2]), text)
    return powers.replace(" ", "")


words = st.lists(st.integers(0, 2), max_size=6)


@given(st.lists(st.tuples(words, st.integers(1, 50)), max_size=4))
def test_a_written_string_is_the_string(parts):
    letters = [letter for word, times in parts for letter in word * times]
    text = spelled(letters, decode)
    if not letters:
        assert text == "the empty string"
    elif "…" not in text:
        assert written_out(text) == decode(letters)
    else:
        assert len(text) <= SHOWN + 3
    if len(letters) <= PLAIN and letters:
        assert text == decode(letters)


def test_a_pumped_string_shows_what_was_pumped():
    assert spelled([0, 0, *[1, 2] * 936, 1], decode) == "aa (bc)^936 b"
    assert spelled([0, *[0, 1] * 32, 0], decode) == "a (ab)^32 a"
