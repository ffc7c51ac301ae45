import numpy as np
import pytest

from starfree.algebra.circuit import verify
from starfree.algebra.formula import formula_circuit, written
from starfree.errors import ComplexityLimit
from starfree.languages.pltl import compile_pltl, parse

ATOMS = ("a", "b", "c", "true", "false")


def random_formula(rng: np.random.Generator, depth: int) -> str:
    if depth == 0 or rng.random() < 0.15:
        return str(rng.choice(ATOMS))
    operator = str(rng.choice(["!", "Y", "P", "H", "&", "|", "->", "S", "S"]))
    if operator in ["!", "Y", "P", "H"]:
        return f"{operator} ({random_formula(rng, depth - 1)})"
    left, right = random_formula(rng, depth - 1), random_formula(rng, depth - 1)
    return f"({left}) {operator} ({right})"


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("a @a,b", []),
        ("Y a @a,b", [1]),
        ("!1 S 0 @0,1,2", [1]),
        ("Y Y a @a,b", [1, 1]),
        ("P (a & Y b) @a,b,c", [1, 1]),
        ("(P a) & (P b) @a,b,c", [2]),
        ("H !(0 & Y (0 & Y 0)) @0,1,empty", [1, 1, 1]),
        ("false @a", []),
        ("true @a, empty", []),
    ],
)
def test_one_unit_an_operator(text: str, levels: list[int]) -> None:
    circuit = formula_circuit(parse(text))
    assert [len(level) for level in circuit.levels] == levels
    assert {unit.kind for unit in circuit.units} <= {"reset"}
    verify(circuit, compile_pltl(text))


def check_random_formulas(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = []
    for _ in range(count):
        text = random_formula(rng, 4) + " @a,b,c" + str(rng.choice(["", ", empty"]))
        circuit = formula_circuit(parse(text))
        automaton = compile_pltl(text)
        verify(circuit, automaton)  # two routes, one language: on every string
        sizes.append(automaton.states)
    assert sum(size >= 4 for size in sizes) > count / 10


def test_agrees_with_the_automaton() -> None:
    check_random_formulas(100, seed=1)


@pytest.mark.full
def test_agrees_with_the_automaton_at_length() -> None:
    check_random_formulas(1000, seed=2)


@pytest.mark.parametrize("text", ["Y (!a S 'S')", "H (a -> P '(b')", "true & !('&' S b)"])
def test_written_formulas_are_read_as_they_were(text: str) -> None:
    formula = parse(text).formula
    assert parse(written(formula)).formula == formula


def test_limits() -> None:
    many = " & ".join("Y " * (n + 1) + "a" for n in range(15))
    with pytest.raises(ComplexityLimit, match="joins 15 temporal operators"):
        formula_circuit(parse(f"{many} @a,b"))
    with pytest.raises(ComplexityLimit, match="more than 4 reachable states"):
        formula_circuit(parse("Y Y Y Y a @a,b"), max_states=4)
