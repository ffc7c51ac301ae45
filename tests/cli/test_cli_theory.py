"""classify and cite."""

import json

import pytest

from starfree.algebra.theorems import THEOREMS

TABLE = {
    # language: live states, sink, monoid with identity, orders of the groups
    "tomita-1": (1, True, 2, []),
    "tomita-2": (2, True, 6, []),
    "tomita-4": (3, True, 12, []),
    "tomita-7": (4, True, 9, []),
    "tomita-3": (4, True, 26, [2, 2]),
    "tomita-5": (4, False, 4, [4]),
    "tomita-6": (3, False, 3, [3]),
    "parity": (2, False, 2, [2]),
    "aa-star": (2, False, 2, [2]),
    "aaaa-star": (4, False, 4, [4]),
    "abab-star": (4, True, 10, [2]),
    "d-2": (3, True, 15, []),
    "d-3": (4, True, 31, []),
    "d-4": (5, True, 56, []),
    "d-12": (13, True, 820, []),
    "aabbccddee": (6, True, 17, []),
    "ab-d-bc": (2, True, 5, []),
    "012-02": (2, False, 3, []),
    "flipflop": (8, True, 81, []),
    "dyck-2-2": (7, True, 60, []),
    "dyck-2-3": (15, True, 285, []),
    "dyck-2-4": (31, True, 1246, []),
    "dyck-2-5": (63, True, 5215, []),
    "dyck-3-3": (40, True, 1787, []),
    "s3": (6, False, 6, [6]),
    "a5": (60, False, 60, [60]),
    "s5": (120, False, 120, [120]),
}
PERIODS = {
    **dict.fromkeys(["parity", "aa-star", "abab-star", "tomita-3", "tomita-5", "s5"], 2),
    **{"tomita-6": 3, "aaaa-star": 4},
}
GROUP_FIELDS = ("abelian", "solvable", "derived_length", "exponent", "is_2_group")
GROUPS = {
    "tomita-5": (True, True, 1, 2, True),
    "tomita-6": (True, True, 1, 3, False),
    "aaaa-star": (True, True, 1, 4, True),
    "s3": (False, True, 2, 6, False),
    "a5": (False, False, None, 30, False),
    "s5": (False, False, None, 60, False),
}
DEFINITENESS = {"tomita-1": 0, "tomita-2": 1, "aabbccddee": 1, "tomita-4": 2}


@pytest.mark.parametrize("name", TABLE)
def test_the_table_of_algebra(starfree, name):
    plain = json.loads(starfree("classify", name, "--json").out)
    states, sink, monoid, orders = TABLE[name]
    assert (plain["states"], plain["sink"], plain["monoid"]) == (states, sink, monoid)
    assert [group["order"] for group in plain["groups"]] == orders
    assert plain["star_free"] is (orders == [])
    assert (plain["witness"] is None) == (orders == [])
    assert plain["definiteness"] == DEFINITENESS.get(name)
    assert plain["undecided"] == []
    if name in PERIODS:
        assert plain["witness"]["period"] == PERIODS[name]
    if name in GROUPS:
        assert tuple(plain["groups"][0][field] for field in GROUP_FIELDS) == GROUPS[name]


def test_classify_prints_a_witness_and_verdicts(starfree):
    done = starfree("classify", "parity")
    assert done.code == 0
    assert "not star-free" in done.out
    assert "period 2" in " ".join(done.out.split())
    assert "n = 3  111      not a member" in done.out
    assert max(map(len, done.out.splitlines())) <= 100


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("regex:a&b", ["star-free", "the empty language"]),
        ("regex:()@a,b", ["star-free", "1 live state", "1 layer, no unit"]),
        ("regex:ab|b", ["star-free", "3 live states"]),
        ("regex:(aaa)*", ["not star-free", "order 3, abelian", "rotations: 1 layer, 1 cyclic"]),
        ("regex:(ab)*@a,b,c", ["star-free", "prediction needs no state"]),
        ("pltl:H(b -> Y a)", ["star-free"]),
        ("anbn", ["a counter language", "infinitely many states", "1 counter unit"]),
        ("dyck-8-10", ["star-free", "31 numbers that hold 33.46 bits"]),
    ],
)
def test_small_and_large_cases(starfree, reference, says):
    done = starfree("classify", reference)
    assert done.code == 0
    for text in says:
        assert text in " ".join(done.out.split())
    plain = json.loads(starfree("classify", reference, "--json").out)
    assert {v["answer"] for v in plain["verdicts"]} <= {"can", "cannot", "open"}


def test_an_automaton_from_a_file(starfree, tmp_path):
    path = tmp_path / "even.json"
    rows = [[1, None], [0, None]]
    data = {"format": 1, "alphabet": ["a", "b"], "start": 0, "accepting": [0], "transitions": rows}
    path.write_text(json.dumps(data), encoding="utf-8")
    plain = json.loads(starfree("classify", f"dfa:{path}", "--json").out)
    assert (plain["states"], plain["sink"], plain["star_free"]) == (2, True, False)
    assert plain["witness"] == {"u": [], "w": ["a"], "v": [], "period": 2}


def test_a_limit_is_said_and_decides_nothing(starfree):
    done = starfree("classify", "d-4", "--max-images", "3")
    assert done.code == 0
    text = " ".join(done.out.split())
    assert "undecided within the limits" in text
    assert "3 image sets visited, no word exchanges two states" in text
    assert "d-4: star-free" not in text
    plain = json.loads(starfree("classify", "d-4", "--max-images", "3", "--json").out)
    assert plain["star_free"] is None
    assert plain["groups"] is None
    assert plain["classes"]["r_trivial"] is False  # by a test without limits
    assert plain["verdicts"][0]["answer"] == "open"
    assert len(plain["undecided"]) == 2


def test_wrong_input_is_one_line(starfree):
    for wrong in ("nonsense", "regex:(a", "pltl:Y", "dfa:/nowhere.json"):
        done = starfree("classify", wrong)
        assert done.code == 2
        assert "Traceback" not in done.err


def test_every_theorem_of_a_verdict_can_be_cited(starfree):
    plain = json.loads(starfree("classify", "s5", "--json").out)
    ids = {theorem.id for theorem in THEOREMS}
    for verdict in plain["verdicts"]:
        assert verdict["theorem"] in ids or verdict["answer"] == "open"
    done = starfree("cite", "sarrof2024")
    assert "@inproceedings{sarrof2024" in done.out
    assert starfree("cite", "nobody1900").code == 2
