"""From a language to a compiled model: choose the circuit, then the back end."""

from __future__ import annotations

from typing import Literal

from starfree.algebra.cascade import Gates, cascade
from starfree.algebra.circuits import circuit
from starfree.compiler.compiled import Compiled, Target
from starfree.compiler.to_mamba import Precision, to_mamba
from starfree.compiler.to_textbook import to_textbook
from starfree.errors import InputError
from starfree.languages.language import Language

Task = Literal["predict", "recognise"]

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
) -> Compiled:
    """The language's circuit in exact weights.

    Args:
        language: for `mamba` and `paper` star-free; `paper` also counts.
        target: genuine Mamba weights, the paper's form, or the latter with more general gates.
        precision: of target `mamba`: how conjunctions are computed, see `to_mamba`.
        task: ``predict``: right on prefixes of members; ``recognise``: on every string, where
            nothing is legal once no member can follow.

    Raises:
        NotStarFree: the language counts; carries the witness.
        InputError: the target cannot do the language.
        ComplexityLimit: the cascade is too large.
    """
    gates = GATES[target]
    if task == "predict":
        made = circuit(language, gates)
    elif language.automaton is None:
        raise InputError(f"{language.name}: no finite automaton, so no recogniser can be compiled")
    else:
        made = cascade(language.automaton, "recogniser", gates)
    return to_mamba(made, precision) if target == "mamba" else to_textbook(made, target)
