"""The page of a language: one HTML file, offline, with its circuit running in the reader's browser.

What is drawn is what was computed: the minimal automaton, the classification, the circuit that the
compilers read (plain JSON, run by a few lines of JavaScript), the certificate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from starfree import __version__
from starfree.algebra.cascade import Gates
from starfree.algebra.circuit import Circuit
from starfree.algebra.circuits import circuit
from starfree.algebra.classify import Classification, classify
from starfree.algebra.theorems import theorem
from starfree.errors import StarfreeError
from starfree.files import write_atomically
from starfree.languages.automaton import Automaton
from starfree.languages.language import Language
from starfree.report.automaton_drawing import MAX_STATES, can_be_drawn, draw
from starfree.report.circuit_words import Words

if TYPE_CHECKING:  # both import torch, which a page without a compiled model does not need
    from starfree.compiler.compiled import Names
    from starfree.verification.certificate import Certificate

GATES: dict[Gates, str] = {
    "nonnegative": "gates 0 and 1: resets, what Mamba can do",
    "signed": "gates −1, 0 and 1: resets and flips",
    "rotation": "rotations as gates",
    "reflection": "products of reflections as gates",
}
"""The kinds of gates, from the weakest to the strongest."""

EXAMPLES, EXAMPLE_LENGTHS = 4, (6, 14)
POWERS = 8  # of the witness's word that are shown
TABLE_STATES = 600  # of a transition table; more are left out


@dataclass(frozen=True)
class Network:
    """The circuit that the page runs.

    Attributes:
        gates: what it needs, in words.
        target, names, certificate: of a compiled model; None where nothing was compiled.
    """

    circuit: Circuit
    gates: str
    target: str | None = None
    names: Names | None = None
    certificate: Certificate | None = None


COUNTS = "gates of exactly 1: it counts, right as long as the arithmetic is exact"


def weakest_network(language: Language) -> Network | None:
    """The circuit with the weakest gates that can do the language; None beyond all limits."""
    for gates in GATES:
        try:
            made = circuit(language, gates)
        except StarfreeError:
            continue
        return Network(made, gates_in_words(made, gates))
    return None


def gates_in_words(made: Circuit, gates: Gates) -> str:
    """What a circuit asks of the gates of its network."""
    return COUNTS if any(unit.kind == "counter" for unit in made.units) else GATES[gates]


def write_page(
    path: Path,
    language: Language,
    classification: Classification | None = None,
    network: Network | None = None,
) -> None:
    """Write the page of a language.

    Args:
        path: the file.
        language: whose page.
        classification: by default it is classified now.
        network: what the page runs; by default the circuit with the weakest gates.

    Raises:
        OSError: the file cannot be written.
    """
    found = classification or classify(language)
    text = language_page(language, found, network or weakest_network(language))
    write_atomically(path, text)


def language_page(
    language: Language, classification: Classification, network: Network | None
) -> str:
    """The whole page."""
    environment = Environment(
        loader=PackageLoader("starfree.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    plain = classification.to_json()
    automaton = language.automaton
    words = Words(network.circuit) if network else None
    return environment.get_template("language.html").render(
        language=language,
        plain=plain,
        found=classification,
        headline=_headline(classification),
        classes=[name.replace("_", " ") for name, holds in plain["classes"].items() if holds],
        groups=[_group(group) for group in plain["groups"] or ()],
        drawing=Markup(draw(automaton)) if automaton and can_be_drawn(automaton) else None,
        rows=_rows(automaton) if automaton and automaton.states <= TABLE_STATES else None,
        states_drawn=MAX_STATES,
        witness=_witness(language, classification),
        network=network,
        levels=words.levels() if words else [],
        outputs=words.outputs() if words else [],
        named_by_states=any("{" in label for label in _labels(network)),
        certificate=_certificate(network.certificate) if network else [],
        statement=theorem_statement,
        examples=_examples(language),
        script=Markup((files("starfree.report") / "language.js").read_text(encoding="utf-8")),
        data={
            "alphabet": list(language.alphabet),
            "single": language.single_characters,
            "circuit": network.circuit.to_json() if network else None,
            "labels": words.labels if words else {},
            "automaton": _automaton(automaton),
        },
        version=__version__,
    )


def _labels(network: Network | None) -> list[str]:
    units = network.circuit.units if network else ()
    return [label for unit in units for label in unit.labels]


def theorem_statement(identifier: str) -> str:
    """What is used of a theorem, for a tooltip; empty where a verdict is open."""
    return theorem(identifier).statement if identifier else ""


def _headline(found: Classification) -> str:
    if found.star_free:
        return "Star-free: resets suffice, and gates that are never negative can do them."
    if found.star_free is None:
        return "Whether it is star-free is undecided within the limits."
    if found.witness is None:
        return "Not regular: it counts without bound."
    return "Regular, but not star-free: it counts modulo something."


def _group(group: dict[str, Any]) -> str:
    kind = "abelian" if group["abelian"] else "solvable" if group["solvable"] else "not solvable"
    return f"order {group['order']}, {kind}"


@dataclass(frozen=True)
class WitnessRow:
    """Whether u w^n v is a member, for one n."""

    power: int
    state: int
    member: bool


@dataclass(frozen=True)
class WitnessWords:
    """A witness as it is written, and its first powers."""

    u: str
    w: str
    v: str
    period: int
    rows: Sequence[WitnessRow]


def _witness(language: Language, found: Classification) -> WitnessWords | None:
    witness, automaton = found.witness, language.automaton
    if witness is None or automaton is None:
        return None
    rows = []
    for power in range(POWERS):
        state = automaton.run([*witness.u, *(witness.w * power)])
        member = language.accepts([*witness.u, *(witness.w * power), *witness.v])
        rows.append(WitnessRow(power, state, member))
    u, w, v = (language.decode(word) for word in (witness.u, witness.w, witness.v))
    return WitnessWords(u, w, v, witness.period, rows)


def _rows(automaton: Automaton) -> list[tuple[int, bool, list[str]]]:
    """State, whether it accepts, where each letter leads."""
    return [
        (state, bool(accepts), [str(target) if target >= 0 else "" for target in row])
        for state, (row, accepts) in enumerate(
            zip(automaton.transitions.tolist(), automaton.accepting, strict=True)
        )
    ]


def _automaton(automaton: Automaton | None) -> dict[str, Any] | None:
    if automaton is None or not can_be_drawn(automaton):
        return None
    return {"start": automaton.start, "transitions": automaton.transitions.tolist()}


def _examples(language: Language) -> list[str]:
    """A few members to begin with, the same on every run; the shortest where all are short."""
    generator = np.random.default_rng(0)
    low, high = EXAMPLE_LENGTHS
    lengths = [length for length in range(low, high + 1) if language.count(length)]
    lengths = lengths or [length for length in range(low) if language.count(length)][::-1]
    found: dict[str, None] = {}
    for length in lengths[: 2 * EXAMPLES]:
        tokens = language.draw(length, 1, generator)[0]
        found[language.decode(tokens.tolist())] = None
    return list(found)[:EXAMPLES]


def _certificate(found: Certificate | None) -> list[tuple[str, str]]:
    """The certificate, field by field."""
    if found is None:
        return []
    strings = "prefixes of members" if found.domain == "prefixes" else "all strings"
    length = "" if found.length is None else f", of length up to {found.length:,}"
    margin = "none seen" if found.margin is None else f"{found.margin:g}"
    inductive = found.method == "inductive"
    states = "abstract cases of an invariant" if inductive else "pairs of model and language state"
    told = [("invariant", found.invariant), ("covers", found.covers)]
    return [
        ("status", found.status),
        ("proven on", strings + length),
        ("reading", found.reading),
        ("method", found.method),
        *((label, text) for label, text in told if text),
        ("visited", f"{found.states:,} {states}"),
        ("smallest |logit|", margin),
        ("arithmetic", found.arithmetic),
        ("kernel", found.kernel),
        ("language", found.language_hash),
        ("model", found.model_hash),
        ("time", f"{found.seconds:.2f} s"),
    ]
