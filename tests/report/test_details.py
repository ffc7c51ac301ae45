"""What a cell opens, as plain data: nothing that counts is dropped, nothing ends the script."""

import json

from starfree.report.details import Chart, Details, Example, Line, details_name, shortened
from starfree.report.hover import told, untitled
from starfree.report.lengths import stretches
from starfree.report.numbers import dash
from starfree.report.refutations import refuted_examples, refuted_words


def test_zeros_stay_and_markup_cannot_end_the_script():
    chart = Chart("t", "x", "y", [0, 1], [Line("</script>", [0.0, None], colour=0)])
    example = Example("seed 0", "", "<", 0, 1, ["a"], [])
    text = Details("n", "t", charts=[chart], examples=[example]).as_json()
    assert "<" not in text
    found = json.loads(text)
    (line,) = found["charts"][0]["lines"]
    assert line == {"name": "</script>", "ys": [0, None], "colour": 0, "dash": "solid"}
    assert found["examples"][0]["position"] == 0
    assert found["tables"] == []


def test_a_wrong_string_is_cut_where_the_model_had_read_it():
    letters = {"string": "ab" * 20, "position": 3, "expected": ["a"], "given": ["b"]}
    cut = shortened(letters, "w")
    assert (cut.before, cut.after, cut.position, cut.length) == ("aba", "babababa…", 3, 40)
    words = shortened(letters | {"string": "(a )a (b )b", "position": 3}, "w")
    assert (words.before, words.after) == ("(a )a (b", " )b")


def test_names_can_stand_in_a_link():
    assert details_name("regex:(a|b)*", "Mamba, 1 layer") == "regex-a-b-mamba-1-layer"


def test_words_of_a_figure_survive_quotes():
    svg = """<g id='named:Mamba "small"'><g id="says:a &lt; b"><g id="line2d_1">"""
    assert untitled(told(svg)) == (
        '<g data-named="Mamba &quot;small&quot;" class="named">'
        '<g data-says="a &lt; b" class="says"><g id="line2d_1">'
    )
    assert "<title>a &lt; b</title>" in told(svg)


def test_counts_by_length_are_gathered_within_their_window():
    bins = {"1-10": {"by_length": {"10": [1, 2], "1": [1, 1], "2": [0, 3]}},
            "11-20": {"by_length": {"11": [5, 5]}}}  # fmt: skip
    found = [(s.length, s.right, s.strings) for s in stretches(bins, "by_length", 5)]
    assert found == [(1.75, 1, 4), (10.0, 1, 2), (11.0, 5, 5)]


def test_bins_of_one_window_are_gathered_together():
    bins = {"101-150": {"by_length": {"102": [0, 2], "104": [1, 1]}},
            "101-150#2": {"by_length": {"102": [1, 2]}}}  # fmt: skip
    found = [(s.length, s.right, s.strings) for s in stretches(bins, "by_length", 50)]
    assert found == [(102.0, 1, 4), (104.0, 1, 1)]
    assert [dash(window) for window in bins] == ["101–150", "101–150, bin 2"]


def test_searches_are_told_once_and_long_strings_as_powers():
    wrong = {"status": "COUNTEREXAMPLE", "length": 1875, "word": "w1 (i0)^936 r",
             "counterexample": {"string": "w" * 1875, "position": 1875,
                                "expected": ["1"], "given": ["0", "1"]}}  # fmt: skip
    none = {"status": "PROVEN_UP_TO", "length": 12, "word": None, "counterexample": None}
    assert refuted_words([wrong, wrong, none], 500) == [
        "solved@500, but wrong at length 1,875 on w1 (i0)^936 r",
        "no wrong string found, all up to length 12 are right",
    ]
    (example,) = refuted_examples({0: wrong, 1: none})
    assert (example.before, example.position) == ("w1 (i0)^936 r", 1875)
