"""classify and cite."""

import json

from starfree.algebra.theorems import THEOREMS


def test_classify_prints_a_witness_and_verdicts(starfree):
    plain = json.loads(starfree("classify", "parity", "--json").out)
    assert plain["star_free"] is False
    assert plain["witness"]["period"] == 2
    assert plain["groups"][0]["order"] == 2
    done = starfree("classify", "parity")
    assert done.code == 0
    assert "not star-free" in done.out
    assert "period 2" in done.out


def test_classify_a_formula(starfree):
    plain = json.loads(starfree("classify", "pltl:H(b -> Y a)", "--json").out)
    assert plain["star_free"] is True
    assert plain["witness"] is None
    assert {v["answer"] for v in plain["verdicts"]} <= {"can", "cannot", "open"}


def test_every_theorem_of_a_verdict_can_be_cited(starfree):
    plain = json.loads(starfree("classify", "s5", "--json").out)
    ids = {theorem.id for theorem in THEOREMS}
    for verdict in plain["verdicts"]:
        assert verdict["theorem"] in ids or verdict["answer"] == "open"
    done = starfree("cite", "sarrof2024")
    assert "@inproceedings{sarrof2024" in done.out
    assert starfree("cite", "nobody1900").code == 2
