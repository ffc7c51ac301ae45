"""From a language to a compiled model: choose the circuit, then the back end."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from starfree.algebra.cascade import Gates, cascade
from starfree.algebra.circuit import Circuit, verify
from starfree.algebra.circuits import circuit
from starfree.algebra.formula import formula_circuit
from starfree.algebra.templates import template
from starfree.compiler.compiled import Compiled, Target
from starfree.compiler.to_mamba import Precision, to_mamba
from starfree.compiler.to_mamba_counters import to_mamba_counters
from starfree.compiler.to_textbook import to_textbook
from starfree.errors import InputError
from starfree.languages.counters import CounterLanguage
from starfree.languages.language import Language
from starfree.languages.stack import BoundedDyck

Task = Literal["predict", "recognise"]
Route = Literal["automaton", "formula"]

FORMULA = "pltl:"

GATES: dict[Target, Gates] = {
    "mamba": "nonnegative",
    "paper": "nonnegative",
    "signed": "signed",
    "rotation": "rotation",
    "reflection": "reflection",
}


def compile(
    language: Language,
    target: Target = "mamba",
    precision: Precision = "robust",
    task: Task = "predict",
    route: Route = "automaton",
    strict: bool = False,
) -> Compiled:
    """The language's circuit in exact weights.

    Args:
        language: for `mamba` and `paper` star-free or a counter language; Dyck(K, h) has two layers
            in the paper's form, whatever K and h.
        target: genuine Mamba weights, the paper's form, or the latter with more general gates.
        precision: of target `mamba`: how conjunctions are computed, see `to_mamba`.
        task: ``predict``: right on prefixes of members; ``recognise``: on every string, where
            nothing is legal once no member can follow.
        route: ``automaton``: the smallest circuit that the minimal automaton gives; ``formula``: of
            a `pltl:` language, one unit for each `S` and `Y`, which is right on every string.
        strict: of target `paper`: no convolution, the paper's equations alone.

    Raises:
        NotStarFree: the language counts; carries the witness.
        InputError: the target cannot do the language, or there is no formula.
        ComplexityLimit: the cascade is too large.
    """
    if strict and target != "paper":
        raise InputError(f"strict is a form of the target paper, not of {target}")
    if route == "formula":
        made = _from_formula(language)
    elif task == "predict" and isinstance(language, CounterLanguage) and target == "mamba":
        return replace(to_mamba_counters(language), language=language)
    elif task == "predict" and isinstance(language, BoundedDyck) and target == "paper":
        made = template(language)
    elif task == "predict":
        made = circuit(language, GATES[target])
    elif language.automaton is None:
        raise InputError(f"{language.name}: no finite automaton, so no recogniser can be compiled")
    else:
        made = cascade(language.automaton, "recogniser", GATES[target])
    back = to_mamba(made, precision) if target == "mamba" else to_textbook(made, target, strict)
    return replace(back, language=language)


def _from_formula(language: Language) -> Circuit:
    """The formula's own circuit, proven equal to the minimal automaton on every string."""
    from starfree.languages.pltl import parse  # compiles its grammar when it is imported

    if not language.name.startswith(FORMULA) or language.automaton is None:
        raise InputError(f"{language.name}: not a formula; the route `formula` reads {FORMULA}...")
    made = formula_circuit(parse(language.name.removeprefix(FORMULA)))
    verify(made, language.automaton)
    return made
