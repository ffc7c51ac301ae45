"""What every unit, value and weight of a compiled model means, as data and for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from starfree.algebra.circuit import Circuit, State
from starfree.algebra.circuit_units import Unit
from starfree.algebra.formula import unit_meanings
from starfree.compiler.compile import FORMULA
from starfree.compiler.compiled import Compiled, condition_name
from starfree.languages.automaton import Automaton
from starfree.languages.language import Language
from starfree.models.mamba import Mamba, Mixer

MOST_PAIRS = 20_000
"""Reachable pairs of circuit and automaton state that are visited to say what a value means."""


@dataclass(frozen=True)
class Explanation:
    """A compiled model in words.

    Attributes:
        data: `format`, `language`, `target`, `states` of the minimal automaton (null where there
            is none), `units` with their values and rules, `answers`, `stream` (a name for each
            direction), `layers` (for each a list of channels or state units), `stream_is` and
            `channel_is` (where in the weights these are).
    """

    data: dict[str, Any]

    def text(self) -> str:
        """For people, a direction a line."""
        lines = []
        if self.data["states"]:
            lines += ["states of the minimal automaton: a shortest string there, what may follow"]
            for state in self.data["states"]:
                reached = state["reached_by"] or "(empty)"
                lines.append(f"  {state['number']:>4}  {reached:<8}  {' '.join(state['legal'])}")
        for unit in self.data["units"]:
            formula = f": {unit['formula']}" if unit["formula"] else ""
            lines.append(f"{unit['name']}, a {unit['kind']} in layer {unit['layer']}{formula}")
            for value in unit["values"]:
                first = " (at first)" if value["initial"] else ""
                states = _spaced(value["states"])
                means = f": the state is {states}" if states else ""
                lines.append(f"  {unit['name']}={value['label']}{first}{means}")
            lines += [f"  {rule['do']} where {rule['when']}" for rule in unit["rules"]]
        lines.append("answers")
        for answer in self.data["answers"]:
            lines.append(f"  {answer['symbol']} is legal {answer['where']}")
        lines.append(self.data["stream_is"])
        lines += [f"  {number:>4}  {name}" for number, name in enumerate(self.data["stream"])]
        lines.append(self.data["channel_is"])
        for number, layer in enumerate(self.data["layers"], start=1):
            lines.append(f"layer {number}")
            lines += [f"  {place:>4}  {_channel(channel)}" for place, channel in enumerate(layer)]
        return "\n".join(lines)


def explain(compiled: Compiled, language: Language) -> Explanation:
    """Say what a compiled model is made of.

    Args:
        compiled: of `compile`.
        language: the one that was compiled.
    """
    circuit, model, names = compiled.circuit, compiled.model, compiled.names
    automaton = language.automaton
    if isinstance(model, Mamba):
        mixers = [module for module in model.modules() if isinstance(module, Mixer)]
        layers = [_channels(mixer, own) for mixer, own in zip(mixers, names.layers, strict=True)]
        stream_is = (
            "directions of the residual stream: i is column i of embedding.weight and of each\n"
            "in_proj.weight, and row i of each out_proj.weight"
        )
        channel_is = (
            "inner channels of the layers: i is row i of in_proj.weight (then follow the output\n"
            "gates), conv1d, dt_proj and D, and column i of x_proj.weight and out_proj.weight"
        )
    else:
        layers = [[{"name": name} for name in own] for own in names.layers]
        stream_is = "directions that the layers read; after them the same, one symbol before"
        channel_is = "states h of the layers"
    return Explanation(
        {
            "format": 1,
            "language": language.name,
            "target": compiled.target,
            "states": _states(language, automaton) if automaton is not None else None,
            "units": _units(circuit, automaton, _meanings(circuit, language)),
            "answers": [
                {
                    "symbol": output.symbol,
                    "where": ("except where " if output.negated else "where ")
                    + (" or ".join(condition_name(circuit, cube) for cube in output.cubes))
                    if output.cubes
                    else ("always" if output.negated else "never"),
                }
                for output in circuit.outputs
            ],
            "stream_is": stream_is,
            "stream": list(names.stream),
            "channel_is": channel_is,
            "layers": layers,
        }
    )


def _channels(mixer: Mixer, names: Sequence[str]) -> list[dict[str, Any]]:
    """What each inner channel reads from the stream, when, and what it adds to the stream."""
    newest = mixer.conv1d.weight.shape[2] - 1
    found = []
    for place, name in enumerate(names):
        taps = _places(mixer.conv1d.weight[place, 0])
        step = _places(mixer.dt_proj.weight[place])
        written = mixer.out_proj.weight[:, place]
        found.append(
            {
                "name": name,
                "reads": _places(mixer.in_proj.weight[place]),
                "symbols_ago": newest - taps[0] if taps else None,
                "step": step[0] if step else None,
                "raises": _places(written.clamp(min=0)),
                "lowers": _places(written.clamp(max=0)),
            }
        )
    return found


def _places(vector: Tensor) -> list[int]:
    found: list[int] = vector.detach().nonzero()[:, 0].tolist()
    return found


def _channel(channel: dict[str, Any]) -> str:
    parts = [channel["name"]]
    if channel.get("reads"):
        ago = " one symbol before" if channel["symbols_ago"] else ""
        parts.append(f"reads {_spaced(channel['reads'])}{ago}")
        if not channel["raises"]:
            parts.append("moves nothing, that is the value at first")
    for verb in ("raises", "lowers"):
        if channel.get(verb):
            parts.append(f"{verb} {_spaced(channel[verb])}")
    return "; ".join(parts)


def _spaced(numbers: Sequence[int]) -> str:
    return " ".join(map(str, numbers))


def _states(language: Language, automaton: Automaton) -> list[dict[str, Any]]:
    """Every state with a shortest string that leads there, and its legal set."""
    words: dict[int, tuple[int, ...]] = {}
    if automaton.states:
        words[automaton.start] = ()
    for state in (queue := list(words)):
        for letter, target in enumerate(automaton.transitions[state].tolist()):
            if target >= 0 and target not in words:
                words[target] = (*words[state], letter)
                queue.append(target)
    symbols = (*automaton.alphabet, "$")
    found = []
    for state in sorted(words):
        bits = [*(automaton.transitions[state] >= 0).tolist(), bool(automaton.accepting[state])]
        found.append(
            {
                "number": state,
                "reached_by": language.decode(words[state]),
                "legal": [symbol for symbol, bit in zip(symbols, bits, strict=True) if bit],
            }
        )
    return found


def _meanings(circuit: Circuit, language: Language) -> dict[str, str]:
    """What the units of a formula hold, by its operators; empty for other circuits."""
    if not language.name.startswith(FORMULA):
        return {}
    from starfree.languages.pltl import parse  # compiles its grammar when it is imported

    found = unit_meanings(parse(language.name.removeprefix(FORMULA)))
    own = {unit.name for unit in circuit.units}
    return {name: meaning for name, meaning in found.items() if name in own}


def _units(
    circuit: Circuit, automaton: Automaton | None, meanings: Mapping[str, str]
) -> list[dict[str, Any]]:
    possible = _possible_states(circuit, automaton)
    found: list[dict[str, Any]] = []
    for layer, level in enumerate(circuit.levels, start=1):
        for unit in level:
            place = len(found)
            found.append(
                {
                    "name": unit.name,
                    "kind": unit.kind,
                    "layer": layer,
                    "formula": meanings.get(unit.name),
                    "values": [
                        {
                            "label": unit.labels[value],
                            "initial": value == unit.shown(unit.initial),
                            "states": sorted(possible.get((place, value), ())),
                        }
                        for value in range(unit.size)
                    ],
                    "rules": [
                        {
                            "when": condition_name(circuit, rule.when),
                            "do": _done(unit, rule.action.verb, rule.action.value),
                        }
                        for rule in unit.rules
                    ],
                }
            )
    return found


def _done(unit: Unit, verb: str, value: int | tuple[int, ...]) -> str:
    if isinstance(value, tuple):
        moved = ", ".join(
            f"{unit.labels[v]} to {unit.labels[goal]}" for v, goal in enumerate(value) if v != goal
        )
        return f"moves {moved}"
    return f"becomes {unit.labels[value]}" if verb == "set" else f"adds {value}"


def _possible_states(
    circuit: Circuit, automaton: Automaton | None
) -> dict[tuple[int, int], set[int]]:
    """(unit, shown value) -> the automaton's states with it; empty where there are too many."""
    if automaton is None or not automaton.states:
        return {}
    rows: list[list[int]] = automaton.transitions.tolist()
    start: tuple[State, int] = circuit.initial, automaton.start
    seen = {start}
    queue = [start]
    found: dict[tuple[int, int], set[int]] = {}
    for state, own in queue:
        for place, (unit, value) in enumerate(zip(circuit.units, state, strict=True)):
            found.setdefault((place, unit.shown(value)), set()).add(own)
        for letter, target in enumerate(rows[own]):
            if target >= 0 and (following := (circuit.step(state, letter), target)) not in seen:
                if len(seen) >= MOST_PAIRS:
                    return {}
                seen.add(following)
                queue.append(following)
    return found
