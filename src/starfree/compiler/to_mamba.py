"""From a circuit of reset units to genuine Mamba weights: a layer a level, and one for the outputs.

The residual stream holds one-hot groups: the letter, each unit's value after this letter (and,
where a later rule asks for it, before it), a pair for each output bit, and constant ones. The
groups start at the initial values, in the embedding; a layer moves the one of a group from the
initial value to the right one. So the stream always has the same length, which is a power of two,
and RMSNorm changes nothing. Every number is a dyadic fraction of few bits: no sum is ever rounded,
in any order of evaluation, in float32, bfloat16 or float16.

A rule of a unit is a conjunction of m one-hot memberships, one inner channel: the projection counts
how many hold, the convolution's bias subtracts the threshold, SiLU at large arguments is ReLU.
Where any rule of the unit fires, the step size is large: the gate exp(-step) is exactly 0 and the
state becomes the one-hot of the rule that fired. Where none fires, softplus gives a step size of
exactly 0: the gate is 1, the state stays. The value *before* the letter is computed by a twin of
the unit whose convolution looks one symbol back. No rule fires on `^` or `$`: wherever they stand,
they change no unit.

`exact`: one channel a conjunction, threshold m - 1/2. `robust`: the difference of two channels with
thresholds m - 3/4 and m - 1/4, which is flat on both sides, so that small errors do not grow from
layer to layer.

Source: Sarrof, Veitsman and Hahn 2024, Theorem 4 (a cascade of resets in a stack of layers); the
weights are our own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import nn

from starfree.algebra.circuit import Circuit
from starfree.algebra.circuit_units import Cube, Unit
from starfree.compiler.compiled import (
    Compiled,
    Names,
    condition_name,
    letter_names,
    unit_resets,
    value_name,
)
from starfree.errors import InputError
from starfree.models.mamba import Block, Mamba, MambaOptions, Mixer

Precision = Literal["exact", "robust"]

THRESHOLDS: dict[Precision, tuple[tuple[float, float], ...]] = {
    "exact": ((0.5, 1.0),),
    "robust": ((0.75, 1.0), (0.25, -1.0)),
}
"""For each channel of a conjunction how far below m its threshold is, and its sign."""

WIDTH = 4  # of the convolution, as published
NOW, DELAYED = WIDTH - 1, WIDTH - 2  # its taps
STEEPNESS = 512.0  # a quarter of it is a safe argument: SiLU(-128) is 0 in float32
FIRED = STEEPNESS / 2  # what a conjunction that holds adds up to
STEP_OFF = -128.0  # softplus of it is 0
STEP_ON = FIRED + STEP_OFF  # softplus of it is itself, and exp of minus it is 0
CONSTANT = 32.0  # SiLU of it is itself
STATE = 256.0  # of the rule that fired last
LOGIT = 8.0
EPSILON = 1e-12  # of the norm: lost in the rounding of the mean square


def to_mamba(circuit: Circuit, precision: Precision = "robust") -> Compiled:
    """The model; its logits are exactly +8 and -8, and `^` is never legal.

    Raises:
        InputError: a unit that is not a reset; Mamba's gates cannot do others.
    """
    for unit in circuit.units:
        if unit.kind != "reset":
            able = "paper" if unit.kind == "counter" else "signed, rotation or reflection"
            raise InputError(
                f"unit {unit.name} is a {unit.kind}, and the target mamba has resets only; choose "
                f"the target {able}"
            )
    stream = _Stream(circuit)
    plans = [_level(circuit, level, stream, precision) for level in circuit.levels]
    plans.append(_answers(circuit, stream, precision))
    inner = max(len(plan.names) for plan in plans)
    options = MambaOptions(
        layers=len(plans),
        d_model=stream.width,
        d_state=1,
        d_conv=WIDTH,
        expand=math.ceil(inner / stream.width),
        dt_rank=max(1, max(plan.steps for plan in plans)),
        norm="rms",
    )
    tokens = len(circuit.alphabet) + 2
    model = Mamba(tokens, tokens, options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        _write_ends(model, circuit, stream)
        for block, plan in zip(model.layers, plans, strict=True):
            assert isinstance(block, Block)
            _write_norm(block.norm, stream)
            _write_layer(block.mixer, plan, stream)
    names = Names(stream.names, tuple(plan.names for plan in plans))
    return Compiled(circuit, "mamba", model.eval(), names)


class _Stream:
    """Which direction of the residual stream means what.

    Attributes:
        names: of all directions that are used.
        width: the stream's size, a power of two.
        scale: the norm's weight; the mean square is its square.
        ones: the directions that are one at first, whatever the letter.
        constant: one of them, that stays one.
    """

    def __init__(self, circuit: Circuit) -> None:
        asked = {feature for cube in _cubes(circuit) for feature, _ in cube.literals}
        names = [*letter_names(circuit)]
        self.ones: list[int] = []
        self._groups = {"letter": 0}
        for unit in circuit.units:
            for when in ("after", "before"):
                if when == "after" or f"{unit.name}.before" in asked:
                    self._groups[f"{unit.name}.{when}"] = len(names)
                    self.ones.append(len(names) + unit.initial)
                    names += [value_name(unit, when, value) for value in range(unit.size)]
        for output in circuit.outputs:
            self._groups[f"answer {output.symbol}"] = len(names)
            self.ones.append(len(names) + int(output.negated))
            names += [f"answer {output.symbol}=no", f"answer {output.symbol}=yes"]
        self.constant = len(names)
        self.width, constants, self.scale = _size(len(names), 1 + len(self.ones))
        self.ones += range(len(names), len(names) + constants)
        self.names = (*names, *("constant",) * constants)

    def has(self, feature: str) -> bool:
        """Whether the stream holds this feature."""
        return feature in self._groups

    def of(self, feature: str, value: int) -> int:
        """The direction that is one where the feature has this value."""
        return self._groups[feature] + value


def _size(directions: int, ones: int) -> tuple[int, int, float]:
    """The least width with room for all, how many constants fill its length, the root mean square.

    The square length is width / 4^k, so that the root mean square is 2^-k.
    """
    width = 8
    while True:
        for halvings in range(width.bit_length() // 2, 0, -1):
            constants = width // 4**halvings - ones
            if constants >= 1 and directions + constants <= width:
                return width, constants, 2.0**-halvings
        width *= 2


def _cubes(circuit: Circuit) -> Iterator[Cube]:
    for unit in circuit.units:
        yield from (rule.when for rule in unit.rules)
    for output in circuit.outputs:
        yield from output.cubes


@dataclass(frozen=True)
class _Move:
    """Where a cube holds, the one of a group moves from a direction of the stream to another."""

    name: str
    cube: Cube
    source: int
    target: int


@dataclass(frozen=True)
class _Channel:
    """One inner channel: a conjunction, or the plus or minus half of one.

    Attributes:
        below: the threshold is this far below the number of literals.
        tap: of the convolution: whether it looks at this symbol or at the one before.
        step: which step size opens its state; None: it has no state and passes through the skip.
    """

    name: str
    move: _Move
    below: float
    sign: float
    tap: int
    step: int | None


@dataclass
class _Layer:
    """What one Mamba layer is to do; its first inner channel is constant."""

    channels: list[_Channel] = field(default_factory=list)
    steps: int = 0

    def add(
        self, moves: Iterable[_Move], precision: Precision, *, tap: int = NOW, state: bool
    ) -> None:
        """The channels of one unit (which share a step size) or of one output."""
        step = self.steps if state else None
        self.steps += state
        for move in moves:
            for below, sign in THRESHOLDS[precision]:
                half = "" if precision == "exact" else f" ({'plus' if sign > 0 else 'minus'})"
                self.channels.append(_Channel(move.name + half, move, below, sign, tap, step))

    @property
    def names(self) -> tuple[str, ...]:
        return ("constant", *(channel.name for channel in self.channels))


def _level(
    circuit: Circuit, level: tuple[Unit, ...], stream: _Stream, precision: Precision
) -> _Layer:
    """The units of a level, each with a delayed twin where a rule asks for the value before."""
    layer = _Layer()
    for unit in level:
        for when, tap in (("after", NOW), ("before", DELAYED)):
            feature = f"{unit.name}.{when}"
            if stream.has(feature):
                late = "" if tap == NOW else "delayed "
                moves = [
                    _Move(
                        f"{late}{value_name(unit, when, goal)} since "
                        f"{condition_name(circuit, cube)}",
                        cube,
                        stream.of(feature, unit.initial),
                        stream.of(feature, goal),
                    )
                    for cube, goal in _on_letters(unit, len(circuit.alphabet))
                ]
                layer.add(moves, precision, tap=tap, state=True)
    return layer


def _on_letters(unit: Unit, letters: int) -> Iterator[tuple[Cube, int]]:
    """The rules of a unit, which then do not fire on `^` and `$`."""
    for cube, goal in unit_resets(unit):
        literals = dict(cube.literals)
        read = tuple(token for token in literals.get("letter", range(letters)) if token < letters)
        if read:
            yield Cube.of(literals | {"letter": read}), goal


def _answers(circuit: Circuit, stream: _Stream, precision: Precision) -> _Layer:
    """The last layer: no state, the bits of the legal set."""
    layer = _Layer()
    for output in circuit.outputs:
        feature = f"answer {output.symbol}"
        moves = [
            _Move(
                f"{feature}={'no' if output.negated else 'yes'} if {condition_name(circuit, cube)}",
                cube,
                stream.of(feature, int(output.negated)),
                stream.of(feature, int(not output.negated)),
            )
            for cube in output.cubes
        ]
        layer.add(moves, precision, state=False)
    return layer


def _write_ends(model: Mamba, circuit: Circuit, stream: _Stream) -> None:
    """Embedding: the letter, the initial values, the constants. Head: +8 or -8 by the answers."""
    tokens = len(circuit.alphabet) + 2
    for token in range(tokens):
        model.embedding.weight[token, stream.of("letter", token)] = 1.0
    model.embedding.weight[:, stream.ones] = 1.0
    _write_norm(model.norm_f, stream)
    for place, output in enumerate(circuit.outputs):
        model.head.weight[place, stream.of(f"answer {output.symbol}", 0)] = -LOGIT
        model.head.weight[place, stream.of(f"answer {output.symbol}", 1)] = LOGIT
    model.head.weight[tokens - 1, stream.constant] = -LOGIT


def _write_norm(norm: nn.Module, stream: _Stream) -> None:
    assert isinstance(norm, nn.RMSNorm)
    norm.weight.fill_(stream.scale)
    norm.eps = EPSILON


def _write_layer(mixer: Mixer, layer: _Layer, stream: _Stream) -> None:
    inner = mixer.in_proj.weight.shape[0] // 2
    convolution, dt, B, C = mixer.conv1d, slice(0, mixer.dt_rank), mixer.dt_rank, mixer.dt_rank + 1
    assert convolution.bias is not None
    convolution.bias[0] = CONSTANT
    mixer.x_proj.weight[B, 0] = STATE / (STEP_ON * FIRED) / CONSTANT
    mixer.x_proj.weight[C, 0] = 1 / STATE / CONSTANT
    for place, channel in enumerate(layer.channels, start=1):
        literals = channel.move.cube.literals
        for feature, allowed in literals:
            for value in allowed:
                mixer.in_proj.weight[place, stream.of(feature, value)] = STEEPNESS
        mixer.in_proj.weight[inner + place, stream.constant] = CONSTANT  # the output gate
        convolution.weight[place, 0, channel.tap] = 1.0
        mixer.dt_proj.bias[place] = STEP_OFF
        convolution.bias[place] = -(len(literals) - channel.below) * STEEPNESS
        if channel.step is None:
            mixer.D[place] = 1 / FIRED
        else:
            mixer.x_proj.weight[dt, place][channel.step] = channel.sign
            mixer.dt_proj.weight[place, channel.step] = 1.0
        if channel.move.source != channel.move.target:
            mixer.out_proj.weight[channel.move.target, place] = channel.sign / CONSTANT
            mixer.out_proj.weight[channel.move.source, place] = -channel.sign / CONSTANT
