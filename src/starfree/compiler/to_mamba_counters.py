"""Counter languages in genuine Mamba weights: one layer, whose gates are exactly 1.

Where A_log is so small that A underflows to 0, the gate ``exp(step A)`` is exactly 1 and a channel
adds up ``step u B`` for ever. The step size is 32 on the letters that move this counter, else 0; u
is constant; B, which all channels share, is what the letter adds. Two counters that one letter
moves in opposite directions (`b` of a^n b^n c^n) are counted with opposite signs.

A count joins the residual stream, there the last norm divides everything by the same number. So
answers are read by their sign, and each is a sum over letter and counts in which a count of 1
outweighs the rest. A count that says something after certain letters only is gated by these.

Every number is a dyadic fraction of few bits, so that counts are exact up to 2^p (p significant
bits: float32 24, float16 11, bfloat16 8). Beyond, genuine Mamba saturates without a word: the
certificate names the length up to which it is proven.

Source: Sarrof, Veitsman and Hahn 2024, Theorem 5; the weights are our own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import nn

from starfree.algebra.circuit_units import Unit
from starfree.algebra.templates import template
from starfree.compiler.compiled import Compiled, Names, letter_names
from starfree.errors import InputError
from starfree.languages.counters import BooleanExpressions, CounterLanguage, EqualBlocks, Shuffle
from starfree.models.mamba import Block, Mamba, MambaOptions, Mixer

WIDTH = 4  # of the convolution, as published
NO_RATE = -110.0  # A_log: exp of it is 0 in float32
LARGE = 32.0  # SiLU of it is itself, softplus too
STEP_OFF = -128.0  # softplus of it is 0
COUNT = 8.0  # in an answer, beside terms that add up to 3 at most
LOGIT = 8.0
EPSILON = 1e-12  # of the norm: lost in the rounding of the mean square


@dataclass(frozen=True)
class _Answer:
    """One logit: ``always + the letter's + COUNT times the counts', each times its number``."""

    always: int
    letters: dict[int, int] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)


def to_mamba_counters(language: CounterLanguage) -> Compiled:
    """The model; the sign of its logits is the legal set, and `^` is never legal.

    Raises:
        InputError: a letter moves two counters by different amounts.
    """
    plan = _Plan(language)
    options = MambaOptions(
        layers=1,
        d_model=plan.width,
        d_state=1,
        d_conv=WIDTH,
        expand=math.ceil(len(plan.channels) / plan.width),
        dt_rank=len(plan.steps),
        norm="rms",
    )
    model = Mamba(plan.tokens, plan.tokens, options)
    block = model.layers[0]
    assert isinstance(block, Block)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.embedding.weight[:, : plan.tokens] = torch.eye(plan.tokens)
        model.embedding.weight[:, plan.ones] = 1.0
        for norm, scale in ((block.norm, 0.5), (model.norm_f, 1.0)):
            assert isinstance(norm, nn.RMSNorm)
            norm.weight.fill_(scale)
            norm.eps = EPSILON
        assert isinstance(block.mixer, Mixer)
        _write_layer(block.mixer, plan)
        for place, answer in enumerate(plan.answers):
            row = model.head.weight[place]
            row[plan.constant] = LOGIT * answer.always
            for letter, amount in answer.letters.items():
                row[letter] = LOGIT * amount
            for number, amount in answer.counts.items():
                row[plan.tokens + number] = LOGIT * COUNT * amount
        model.head.weight[plan.tokens - 1, plan.constant] = -LOGIT
    names = Names(plan.names, (plan.channels,))
    return Compiled(plan.circuit, "mamba", model.eval(), names)


class _Plan:
    """Which direction and channel means what.

    Attributes:
        steps: for each counter what each letter adds.
        signs: of the counters' channels.
        gates: the letters that show a counter in the stream; a counter that is not here is always
            shown.
        ones: directions that are one in the embedding whatever the letter: what the counts start
            at, and constants. With the letter's they make a mean square of 1/4.
        constant: one of the constants.
    """

    def __init__(self, language: CounterLanguage) -> None:
        self.circuit = template(language)
        self.letters, self.tokens = language.end, language.end + 2
        units = self.circuit.units
        self.steps = [_steps(unit, self.letters) for unit in units]
        self.signs = _signs(language.name, self.steps)
        self.answers, self.gates = _answers(language)
        starts = [self.tokens + number for number, unit in enumerate(units) if unit.initial]
        assert all(unit.initial in (0, 1) for unit in units)
        self.constant = self.tokens + len(units)
        self.width = 8
        while not len(starts) + 1 < self.width // 4 <= self.width - self.constant:
            self.width *= 2
        constants = self.width // 4 - 1 - len(starts)
        self.ones = [*starts, *range(self.constant, self.constant + constants)]
        self.names = (
            *letter_names(self.circuit),
            *(unit.name for unit in units),
            *("constant",) * constants,
        )
        self.channels = (
            "constant",
            *(f"letter={symbol}" for symbol in language.alphabet),
            *(
                f"{unit.name} (counted {'up' if sign > 0 else 'down'})"
                for unit, sign in zip(units, self.signs, strict=True)
            ),
        )


def _steps(unit: Unit, letters: int) -> list[int]:
    """What each letter adds."""
    found = [0] * letters
    for rule in unit.rules:
        ((_, own),) = rule.when.literals
        assert isinstance(rule.action.value, int)
        for letter in own:
            found[letter] = rule.action.value
    return found


def _signs(name: str, steps: list[list[int]]) -> list[int]:
    """A sign for each counter, such that a letter adds the same to all that it moves."""
    signs: list[int] = []
    for number, own in enumerate(steps):
        ratios = {
            signs[other] * theirs[letter] / own[letter]
            for other, theirs in enumerate(steps[:number])
            for letter in range(len(own))
            if own[letter] and theirs[letter]
        } or {1.0}
        if ratios not in ({1.0}, {-1.0}):
            raise InputError(f"{name}: a letter moves two counters by different amounts")
        signs.append(int(ratios.pop()))
    return signs


def _answers(language: CounterLanguage) -> tuple[list[_Answer], dict[int, list[int]]]:
    """The logits, `$` last, and the letters that show a counter in the stream."""
    match language:
        case Shuffle():
            pairs = range(language.pairs)
            found = []
            for pair in pairs:
                found += [_Answer(1), _Answer(-1, counts={pair: 1})]
            return [*found, _Answer(1, counts=dict.fromkeys(pairs, -1))], {}
        case BooleanExpressions():
            open_ = _Answer(-1, counts={0: 1})
            return [open_] * language.end + [_Answer(1, counts={0: -1})], {}
        case EqualBlocks():
            # Counter j - 1 is what letter j still lacks; only after letter j is it shown.
            shown = {block - 1: [block] for block in range(1, language.end)}
            found = [_Answer(-1, {0: 2, language.begin: 2}), _Answer(-1, {0: 2}, {0: 1})]
            for block in range(2, language.end + 1):
                more = {block - 1: 1} if block < language.end else {}
                found.append(_Answer(-1, {block - 1: 2}, {block - 2: -1} | more))
            return found, shown
    raise InputError(f"{language.name}: no template in Mamba weights")


def _write_layer(mixer: Mixer, plan: _Plan) -> None:
    counters = len(plan.steps)
    B, C = counters, counters + 1  # the step sizes of the counters come first
    inner = mixer.in_proj.weight.shape[0] // 2
    mixer.A_log.fill_(NO_RATE)
    mixer.dt_proj.bias.fill_(STEP_OFF)
    mixer.conv1d.weight[:, 0, -1] = 1.0
    mixer.in_proj.weight[0, plan.constant] = LARGE
    mixer.x_proj.weight[C, 0] = 1 / LARGE**2
    for letter in range(plan.letters):
        mixer.in_proj.weight[1 + letter, letter] = LARGE
        signed = zip(plan.signs, plan.steps, strict=True)
        added = {sign * own[letter] for sign, own in signed if own[letter]}
        mixer.x_proj.weight[B, 1 + letter] = sum(added) / LARGE**3
    for number, (sign, own) in enumerate(zip(plan.signs, plan.steps, strict=True)):
        channel = 1 + plan.letters + number
        mixer.in_proj.weight[channel, plan.constant] = LARGE
        mixer.in_proj.weight[inner + channel, plan.gates.get(number, [plan.constant])] = LARGE
        mixer.dt_proj.weight[channel, number] = 1.0
        moved_by = [1 + letter for letter in range(plan.letters) if own[letter]]
        mixer.x_proj.weight[number, moved_by] = 1 - STEP_OFF / LARGE
        mixer.out_proj.weight[plan.tokens + number, channel] = sign
