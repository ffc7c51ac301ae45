import json
import time

import pytest

from starfree.algebra.cascade import cascade
from starfree.algebra.classify import Classification, classify
from starfree.algebra.theorems import THEOREMS, theorem
from starfree.algebra.verdict import (
    COMPLEX,
    FEW_BITS,
    FIXED,
    FLOATS,
    NONNEGATIVE,
    REALS,
    SIGNED,
    SOFTMAX,
    TABLE,
    TIME_INVARIANT,
    WRAPPED,
    Verdict,
    expected,
)
from starfree.errors import InputError
from starfree.languages.catalog import entries, language


def verdict(
    classification: Classification,
    architecture: str,
    arithmetic: str = FIXED,
    reading: str = "sign",
    task: str = "predict",
) -> Verdict:
    (found,) = [
        v
        for v in classification.verdicts
        if (v.architecture, v.arithmetic, v.reading, v.task)
        == (architecture, arithmetic, reading, task)
    ]
    return found


SUITE_NAMES = [entry.name for entry in entries() if entry.in_suite]
CLASSES = {entry.name: entry.language_class for entry in entries()}


@pytest.mark.parametrize("name", [n for n in SUITE_NAMES if n != "d-12"])
def test_suite(name: str) -> None:
    found = classify(language(name))
    kind = CLASSES[name]
    if kind != "counter":
        assert found.star_free == (kind == "star-free")
        assert (found.witness is None) == found.star_free
    answer = verdict(found, NONNEGATIVE)
    assert answer.answer == ("cannot" if kind == "not star-free" else "can")
    assert answer.theorem == "sarrof2024"
    if answer.answer == "can":
        assert answer.layers_upper is not None
        assert answer.layers_upper >= 1
    floats = {"star-free": "can", "not star-free": "cannot", "counter": "cannot"}
    assert verdict(found, NONNEGATIVE, FLOATS).answer == floats[kind]


def test_neither_regular_nor_a_counter() -> None:
    """Copying needs unbounded memory; that counters do not suffice for it no theorem here says."""
    found = classify(language("copy-4"))
    assert found.star_free is False
    assert found.witness is None
    assert verdict(found, NONNEGATIVE).answer == "open"
    assert verdict(found, NONNEGATIVE, FLOATS).theorem == "finite-memory"
    finite = {v.answer for v in found.verdicts if v.arithmetic == FLOATS}
    assert finite == {"cannot"}
    assert "can" not in {v.answer for v in found.verdicts}


def test_recall_is_star_free_whether_its_automaton_is_built_or_not() -> None:
    small, large = classify(language("recall-2-2")), classify(language("recall-8-8"))
    assert small.states is not None
    assert large.states is None
    assert large.circuits == {}
    assert (small.classes, small.star_free) == (large.classes, large.star_free)
    assert [v.answer for v in small.verdicts] == [v.answer for v in large.verdicts]


@pytest.mark.parametrize("name", ["tomita-3", "abab-star", "dyck-2-3", "flipflop", "s5", "anbn"])
def test_json(name: str) -> None:
    data = json.loads(json.dumps(classify(language(name)).to_json()))
    assert data["language"] == name
    assert set(data) == {
        *("format", "language", "alphabet", "states", "sink", "monoid", "star_free", "witness"),
        *("groups", "definiteness", "classes", "undecided", "verdicts"),
    }
    for one in data["verdicts"]:
        assert set(one) == {
            *("architecture", "task", "reading", "arithmetic", "conditions", "answer"),
            *("layers_lower", "layers_upper", "units", "theorem", "reference", "status"),
            "predicted_to_generalise",
        }
        assert one["status"]
    for group in data["groups"]:
        assert set(group) == {
            *("order", "abelian", "solvable", "derived_length", "exponent", "is_2_group"),
        }
    if data["witness"]:
        spoken = language(name)
        w = data["witness"]
        joint = "" if spoken.single_characters else " "
        members = [
            spoken.accepts(spoken.encode(joint.join([*w["u"], *w["w"] * n, *w["v"]])))
            for n in range(2 * w["period"])
        ]
        assert members[: w["period"]] == members[w["period"] :]
        assert len(set(members)) == 2


@pytest.mark.parametrize(
    ("name", "definiteness"),
    [("tomita-1", 0), ("tomita-2", 1), ("aabbccddee", 1), ("tomita-4", 2), ("d-2", None)],
)
def test_definiteness(name: str, definiteness: int | None) -> None:
    assert classify(language(name)).definiteness == definiteness


def test_groups_decide() -> None:
    parity = classify(language("parity"))
    assert verdict(parity, TIME_INVARIANT).answer == "cannot"
    assert verdict(parity, SIGNED).layers_upper == 1
    tomita6 = classify(language("tomita-6"))
    assert verdict(tomita6, SIGNED).answer == "cannot"
    assert verdict(tomita6, COMPLEX).layers_upper == 1
    s3 = classify(language("s3"))
    assert (verdict(s3, COMPLEX).layers_lower, verdict(s3, COMPLEX).layers_upper) == (2, 2)
    s5 = classify(language("s5"))
    assert verdict(s5, COMPLEX).answer == "cannot"
    assert verdict(s5, "RNN, GRU (dense)").answer == "can"


def test_readings_differ_over_the_reals() -> None:
    flipflop = classify(language("flipflop"))
    assert verdict(flipflop, NONNEGATIVE, REALS, "sign").answer == "can"
    assert verdict(flipflop, NONNEGATIVE, REALS, "margin g").answer == "cannot"
    assert verdict(flipflop, NONNEGATIVE, FIXED, "margin g").answer == "can"
    tomita4 = classify(language("tomita-4"))
    assert verdict(tomita4, NONNEGATIVE, REALS, "margin g").answer == "can"
    parity = classify(language("parity"))
    assert verdict(parity, NONNEGATIVE, REALS, "sign").answer == "open"


@pytest.mark.parametrize(
    "reference",
    ["tomita-1", "tomita-2", "tomita-7", "012-02", "d-3", "flipflop", "aabbccddee", "regex:a&b",
     "regex:()@a", "regex:(a|b)*", "regex:ab|b", "regex:aa*", "regex:(ab)*@a,b,c"],
)  # fmt: skip
def test_sizes_are_those_of_the_circuits(reference: str) -> None:
    asked = language(reference)
    assert asked.automaton is not None
    found = classify(asked)
    for task, mode in (("predict", "predictive"), ("recognise", "recogniser")):
        answer = verdict(found, NONNEGATIVE, task=task)
        circuit = cascade(asked.automaton, mode, "nonnegative")  # type: ignore[arg-type]
        assert answer.layers_upper == max(len(circuit.levels), 1)
        assert answer.units == ({"reset": len(circuit.units)} if circuit.units else {})


@pytest.mark.parametrize("name", SUITE_NAMES)
def test_speed(name: str) -> None:
    asked = language(name)
    classify(language("s3"))  # imports sympy
    start = time.process_time()
    classify(asked)
    assert time.process_time() - start < 2  # 0.2 s alone on a core


def test_verdicts_agree_with_their_arithmetic() -> None:
    """No condition speaks of another arithmetic, and finite formats never count."""
    for name in ("flipflop", "parity", "dyck-1", "s5", "tomita-2", "dyck-8-10"):
        for v in classify(language(name)).verdicts:
            assert v.task in ("predict", "recognise")
            assert v.reading in ("sign", "margin g")
            for word in ("precision", "exact reals", "fractional bits"):
                assert word not in v.conditions
            assert (v.answer == "open") == (v.theorem == "")
            if v.answer == "can":
                assert v.layers_upper is None or v.layers_lower is None or (
                    v.layers_lower <= v.layers_upper
                )  # fmt: skip
            else:
                assert v.layers_upper is None
                assert v.units is None
            if name == "dyck-1" and v.arithmetic in (FLOATS, WRAPPED):
                assert v.answer == "cannot"


def test_two_layers_for_any_bounded_dyck() -> None:
    for name in ("dyck-2-4", "dyck-8-10"):
        assert verdict(classify(language(name)), NONNEGATIVE).layers_upper == 2


def test_expected() -> None:
    predicted = {
        name: expected(language(name), "transformer").answer
        for name in SUITE_NAMES
        if CLASSES[name] == "star-free"
    }
    able = {name for name, answer in predicted.items() if answer == "can"}
    assert able == {"tomita-1", "tomita-2", "tomita-7", "aabbccddee", "ab-d-bc"}
    assert set(predicted.values()) == {"can", "cannot"}
    assert expected(language("tomita-2"), "transformer", "rotary").answer == "open"
    for name in ("d-2", "parity", "dyck-1"):
        assert expected(language(name), "lstm").answer == "can"
    assert expected(language("parity"), "mamba").answer == "cannot"
    with pytest.raises(InputError, match="no verdict for architecture 'cnn'"):
        expected(language("parity"), "cnn")


def test_recognition_by_softmax_attention_is_r_trivial() -> None:
    able = {
        name
        for name in SUITE_NAMES
        if CLASSES[name] == "star-free"
        and name != "d-12"
        and verdict(classify(language(name)), SOFTMAX, FEW_BITS, task="recognise").answer == "can"
    }
    assert able == {"tomita-1", "tomita-7", "aabbccddee", "ab-d-bc"}


def test_every_case_has_its_theorem() -> None:
    for row in TABLE:
        for case in row.cases:
            assert theorem(case.theorem).statement
    with pytest.raises(InputError, match="unknown theorem 'x'; one of sarrof2024"):
        theorem("x")


def test_bibtex() -> None:
    assert len({t.id for t in THEOREMS}) == len(THEOREMS)
    entry = theorem("sarrof2024").bibtex()
    assert entry.startswith("@inproceedings{sarrof2024,\n")
    assert "eprint = {2405.17394}" in entry
    assert theorem("sarrof2024").reference == "Sarrof, Veitsman, Hahn 2024 (arXiv 2405.17394)"
    for source in THEOREMS:
        assert source.bibtex().count("{") == source.bibtex().count("}")


def test_limits_leave_questions_open() -> None:
    found = classify(language("012-02"), max_images=1)
    assert found.star_free is None
    assert verdict(found, NONNEGATIVE).answer == "open"
    assert found.classes["star_free"] is None
