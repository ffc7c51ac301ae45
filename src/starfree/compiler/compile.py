"""From a language to a compiled model: choose the circuit, then the back end."""

from __future__ import annotations

from typing import Literal

from starfree.algebra.cascade import cascade
from starfree.algebra.circuits import circuit
from starfree.compiler.compiled import Compiled, Target
from starfree.compiler.to_mamba import Precision, to_mamba
from starfree.errors import InputError
from starfree.languages.language import Language

Task = Literal["predict", "recognise"]


def compile_language(
    language: Language,
    target: Target = "mamba",
    precision: Precision = "robust",
    task: Task = "predict",
) -> Compiled:
    """The language's circuit in exact weights.

    Args:
        language: regular and star-free.
        target: whose weights.
        precision: how conjunctions are computed, see `to_mamba`.
        task: ``predict``: right on prefixes of members; ``recognise``: on every string, where
            nothing is legal once no member can follow.

    Raises:
        NotStarFree: the language counts; carries the witness.
        InputError: the target cannot do the language.
        ComplexityLimit: the cascade is too large.
    """
    if task == "predict":
        return to_mamba(circuit(language), precision)
    if language.automaton is None:
        raise InputError(f"{language.name}: no finite automaton, so no recogniser can be compiled")
    return to_mamba(cascade(language.automaton, "recogniser", "nonnegative"), precision)
