"""From a circuit to the paper's form of a state space model: a layer a level.

Each rule is a rectified unit that counts how many of its m literals hold, minus (m - 1): exactly 1
where its cube holds, else 0. Everything else is linear in these (`units`). Every number is a small
integer, so that the model is exact in float32, bfloat16 and float16 and in any order.

Source: Sarrof, Veitsman and Hahn 2024, Theorems 4 and 5; signed, rotation and reflection gates:
Grazzi et al. 2025.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from starfree.algebra.circuit import Circuit, Cube, Unit
from starfree.compiler.compiled import Compiled, Names, letter_names, value_name
from starfree.compiler.units import Gates, Held, held
from starfree.models.textbook import LayerOptions, Textbook, TextbookLayer, TextbookOptions

LOGIT = 8.0


def to_textbook(circuit: Circuit, gates: Gates = "paper") -> Compiled:
    """The model; its logits are exactly +8 and -8, and `^` is never legal.

    Raises:
        InputError: the gates cannot do a unit of the circuit.
    """
    tokens = len(circuit.alphabet) + 2
    numbers = [[held(unit, gates) for unit in level] for level in circuit.levels]
    sizes = [_sizes(level, own) for level, own in zip(circuit.levels, numbers, strict=True)]
    answers = max(1, sum(len(output.cubes) for output in circuit.outputs))
    model = Textbook(tokens, tokens, TextbookOptions(layers=sizes, answers=answers))
    after = {"letter": 0}
    names = [*letter_names(circuit)]
    for unit in circuit.units:
        after[f"{unit.name}.after"] = len(names)
        names += [value_name(unit, "after", value) for value in range(unit.size)]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        stream = tokens
        for place, (level, own) in enumerate(zip(circuit.levels, numbers, strict=True)):
            layer = model.layers[place]
            assert isinstance(layer, TextbookLayer)
            _write_layer(layer, level, own, _features(after, stream, tokens))
            stream += sizes[place].values
        for unit in circuit.units:
            model.previous[after[f"{unit.name}.after"] - tokens + unit.initial] = 1.0
        _write_answers(model, circuit, _features(after, stream, tokens))
    layers = tuple(
        tuple(name for unit, one in zip(level, own, strict=True) for name in _state(unit, one))
        for level, own in zip(circuit.levels, numbers, strict=True)
    )
    return Compiled(circuit, gates, model.eval(), Names(tuple(names), layers))


def _features(after: Mapping[str, int], stream: int, tokens: int) -> dict[str, int]:
    """Where a layer finds each feature: the stream as far as it goes, then the symbol before's."""
    found = dict(after)
    for feature, place in after.items():
        if feature != "letter":
            found[feature.removesuffix("after") + "before"] = stream + place - tokens
    return found


def _state(unit: Unit, one: Held) -> list[str]:
    if len(one.start) == unit.size:
        return [value_name(unit, "state", value) for value in range(unit.size)]
    return [f"{unit.name}.state"]


def _sizes(level: Sequence[Unit], own: Sequence[Held]) -> LayerOptions:
    values = sum(unit.size for unit in level)
    width = 4  # with width / 4 ones the root mean square is 1/2
    while width // 4 < len(level) or width < values + width // 4 - len(level):
        width *= 2
    moves = [move for one in own for move in one.moves]
    return LayerOptions(
        rules=max(1, len(moves)),
        state=sum(len(one.start) for one in own),
        hats=sum(len(one.b) for one in own),
        values=values,
        width=width,
        rotations=any(move.turn is not None for move in moves),
        reflections=sum(_swaps(one) for one in own),
    )


def _swaps(one: Held) -> int:
    return max((len(move.swaps) for move in one.moves), default=0)


def _write_layer(
    layer: TextbookLayer, level: Sequence[Unit], own: Sequence[Held], features: Mapping[str, int]
) -> None:
    rule = state = hat = value = swap = 0
    layer.gate.bias.fill_(1.0)
    layer.norm.weight.fill_(0.5)
    for unit, one in zip(level, own, strict=True):
        here = slice(state, state + len(one.start))
        hats = slice(hat, hat + len(one.b))
        layer.start[here] = torch.from_numpy(one.start)
        layer.hats.weight[hats, here] = torch.from_numpy(one.W.T)
        layer.hats.bias[hats] = torch.from_numpy(one.b)
        layer.mix.weight[value : value + unit.size, hats] = torch.from_numpy(one.V.T)
        for made, move in zip(unit.rules, one.moves, strict=True):
            _write_cube(layer.rules.weight[rule], layer.rules.bias, rule, made.when, features)
            layer.gate.weight[here, rule] = torch.from_numpy(move.scale)
            layer.increment.weight[here, rule] = torch.from_numpy(move.add)
            if move.turn is not None:
                layer.rotations[rule, here, here] = torch.from_numpy(move.turn)
            for number, (first, second) in enumerate(move.swaps, start=swap):
                layer.reflections[number, rule, state + first] = 1.0
                layer.reflections[number, rule, state + second] = -1.0
            rule += 1
        state, hat, value = here.stop, hats.stop, value + unit.size
        swap += _swaps(one)
    ones = layer.mix.out_features // 4 - len(level)
    layer.mix.bias[value : value + ones] = 1.0


def _write_cube(
    weights: Tensor, biases: Tensor, place: int, cube: Cube, features: Mapping[str, int]
) -> None:
    """A rectified unit that is 1 where the cube holds."""
    for feature, allowed in cube.literals:
        for value in allowed:
            weights[features[feature] + value] = 1.0
    biases[place] = 1.0 - len(cube.literals)


def _write_answers(model: Textbook, circuit: Circuit, features: Mapping[str, int]) -> None:
    answer = 0
    model.head.bias.fill_(-LOGIT)
    for place, output in enumerate(circuit.outputs):
        sign = -1.0 if output.negated else 1.0
        model.head.bias[place] = -sign * LOGIT
        for cube in output.cubes:
            weights = model.answers.weight[answer]
            _write_cube(weights, model.answers.bias, answer, cube, features)
            model.head.weight[place, answer] = sign * 2 * LOGIT
            answer += 1
