"""What a back end returns: a module with exact weights, and a name for each of its directions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from starfree.algebra.circuit import Circuit
from starfree.algebra.circuit_units import Cube, Unit
from starfree.errors import InputError
from starfree.languages.language import Language
from starfree.verification.certificate import MAX_STATES, Certificate, certify
from starfree.verification.product import Domain

Target = Literal["mamba", "paper", "signed", "rotation", "reflection"]


@dataclass(frozen=True)
class Names:
    """What the directions of a compiled model mean.

    Attributes:
        stream: a name for each direction of the residual stream (or of the layers' input).
        layers: for each layer a name for each of its inner channels (or state units), in order;
            channels beyond the last name are zero.
    """

    stream: tuple[str, ...]
    layers: tuple[tuple[str, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"stream": list(self.stream), "layers": [list(layer) for layer in self.layers]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Names:
        """Read what `to_json` wrote."""
        return cls(tuple(data["stream"]), tuple(tuple(layer) for layer in data["layers"]))

    def explain(self) -> str:
        """The names for people, a direction a line; `compiler.explain` says more."""
        lines = ["the stream"]
        lines += [f"  {number:>4}  {name}" for number, name in enumerate(self.stream)]
        for place, layer in enumerate(self.layers, start=1):
            lines.append(f"layer {place}")
            lines += [f"  {number:>4}  {name}" for number, name in enumerate(layer)]
        return "\n".join(lines)


@dataclass(frozen=True)
class Compiled:
    """A circuit written into the weights of a model.

    Attributes:
        model: reads `^` first, then the letters; ``logits[:, :n+1] > 0`` is the legal set.
        language: what was compiled; None where a back end was given a circuit alone.
    """

    circuit: Circuit
    target: Target
    model: nn.Module
    names: Names
    language: Language | None = None

    def certify(self, margin: float = 0.0, max_states: int = MAX_STATES) -> Certificate:
        """Prove the model right: `verification.certificate.certify` on the circuit's strings.

        Raises:
            InputError: it was compiled from a circuit, so that no language is known.
        """
        if self.language is None:
            raise InputError("compiled from a circuit: ask certify(model, language)")
        domain: Domain = "all" if self.circuit.mode == "recogniser" else "prefixes"
        return certify(self.model, self.language, domain, margin, max_states)


def unit_resets(unit: Unit) -> Iterator[tuple[Cube, int]]:
    """The rules of a reset unit: where the cube holds, the value becomes this one."""
    for rule in unit.rules:
        assert isinstance(rule.action.value, int)
        yield rule.when, rule.action.value


def value_name(unit: Unit, when: str, value: int) -> str:
    """``level1.after=q2``, by the value's label."""
    return f"{unit.name}.{when}={unit.labels[value]}"


def letter_names(circuit: Circuit) -> tuple[str, ...]:
    """``letter=a`` for every token: the alphabet, `$`, `^`."""
    return tuple(f"letter={symbol}" for symbol in (*circuit.alphabet, "$", "^"))


def condition_name(circuit: Circuit, cube: Cube) -> str:
    """A cube for people: ``letter=a|b and level1.before={0}``."""
    if not cube.literals:
        return "always"
    tokens = (*circuit.alphabet, "$", "^")
    labels = {unit.name: unit.labels for unit in circuit.units}
    parts = []
    for feature, allowed in cube.literals:
        known = tokens if feature == "letter" else labels[feature.rsplit(".", 1)[0]]
        parts.append(f"{feature}={'|'.join(known[value] for value in allowed)}")
    return " and ".join(parts)
