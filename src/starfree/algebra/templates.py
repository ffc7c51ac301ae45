"""Circuits beyond automata: counters, shuffles, equal blocks, bounded stacks.

They come from the language's definition, at any size; the counters are right as long as the
arithmetic counts exactly.
"""

from __future__ import annotations

from collections.abc import Iterable

from starfree.algebra.circuit import Circuit
from starfree.algebra.circuit_units import Action, Cube, Output, Rule, Unit
from starfree.errors import InputError
from starfree.languages.counters import BooleanExpressions, EqualBlocks, Shuffle
from starfree.languages.language import Language
from starfree.languages.stack import BoundedDyck

ALWAYS = (Cube(),)


def template(language: Language) -> Circuit:
    """The circuit of a counter language or of Dyck(K, h).

    Raises:
        InputError: no template for this language.
    """
    match language:
        case Shuffle():
            return shuffle(language)
        case BooleanExpressions():
            return boolean(language)
        case EqualBlocks():
            return equal_blocks(language)
        case BoundedDyck():
            return bounded_dyck(language)
    raise InputError(f"{language.name}: no template; only counter languages and dyck-K-H have one")


def shuffle(language: Shuffle) -> Circuit:
    """One counter a pair; a pair may close iff its counter is positive."""
    units = []
    outputs = []
    for pair in range(language.pairs):
        name = f"depth{pair + 1}"
        units.append(_counter(name, {2 * pair: 1, 2 * pair + 1: -1}))
        outputs.append(Output(language.alphabet[2 * pair], ALWAYS))
        closes = (Cube.of({f"{name}.after": [1]}),)
        outputs.append(Output(language.alphabet[2 * pair + 1], closes))
    balanced = Cube.of({f"{unit.name}.after": [0] for unit in units})
    return Circuit(language.alphabet, (tuple(units),), (*outputs, Output("$", (balanced,))))


def boolean(language: BooleanExpressions) -> Circuit:
    """One counter of operands still owed, 1 at first: an operator of arity j owes j - 1 more."""
    steps = {0: -1, 1: -1} | {1 + arity: arity - 1 for arity in range(1, language.arity + 1)}
    owed = _counter("owed", steps, initial=1)
    open_ = (Cube.of({"owed.after": [1]}),)
    outputs = [Output(symbol, open_) for symbol in language.alphabet]
    done = Output("$", (Cube.of({"owed.after": [0]}),))
    return Circuit(language.alphabet, ((owed,),), (*outputs, done))


def equal_blocks(language: EqualBlocks) -> Circuit:
    """One counter for each block after the first: how many letters it still lacks.

    The last letter says which block is being read.
    """
    alphabet = language.alphabet
    blocks = len(alphabet)
    begin = blocks + 1
    units = [
        _counter(f"missing {alphabet[block]}", {block - 1: 1, block: -1})
        for block in range(1, blocks)
    ]

    def missing(block: int, more: int) -> Cube:
        return Cube.of({"letter": [block], f"{units[block - 1].name}.after": [more]})

    cubes: list[list[Cube]] = [[Cube.of({"letter": [begin, 0]})], [Cube.of({"letter": [0]})]]
    cubes += [[] for _ in range(blocks - 1)]
    for block in range(1, blocks):
        cubes[block].append(missing(block, 1))
        cubes[block + 1].append(missing(block, 0))
    names = [*alphabet, "$"]
    outputs = [Output(name, tuple(own)) for name, own in zip(names, cubes, strict=True)]
    return Circuit(alphabet, (tuple(units),), tuple(outputs))


def bounded_dyck(language: BoundedDyck) -> Circuit:
    """Two levels: the depth; for each depth a register of the bracket last opened there, in binary.

    That is 1 + h ceil(log2 K) units (Sarrof et al. 2024, Theorem 6). Wires of the second level read
    the register at the current depth: the bracket on top.
    """
    types, height = language.types, language.depth
    steps = dict.fromkeys(range(types), 1) | dict.fromkeys(range(types, 2 * types), -1)
    depth = _counter("depth", steps, most=height)
    bits = range((types - 1).bit_length())
    with_bit = {bit: [kind for kind in range(types) if kind >> bit & 1] for bit in bits}
    without = {bit: [kind for kind in range(types) if not kind >> bit & 1] for bit in bits}
    registers = []
    for place in range(1, height + 1):
        for bit in bits:
            rules = tuple(
                Rule(Cube.of({"letter": kinds, "depth.after": [place]}), Action("set", value))
                for value, kinds in enumerate((without[bit], with_bit[bit]))
            )
            registers.append(Unit(_register(place, bit), "reset", 2, 0, rules, ("0", "1")))
    top = [Unit(f"top.bit{bit}", "wire", 2, 0, _selection(height, bit), ("0", "1")) for bit in bits]
    opens = (Cube.of({"depth.after": range(height)}),)
    outputs = [Output(language.alphabet[kind], opens) for kind in range(types)]
    for kind in range(types):
        closes = Cube.of({"depth.after": range(1, height + 1)})
        for bit in bits:
            closes = closes.also(f"top.bit{bit}.after", [kind >> bit & 1])
        outputs.append(Output(language.alphabet[types + kind], (closes,)))
    outputs.append(Output("$", (Cube.of({"depth.after": [0]}),)))
    levels = ((depth,), (*registers, *top)) if registers else ((depth,),)
    return Circuit(language.alphabet, levels, tuple(outputs))


def _register(place: int, bit: int) -> str:
    return f"register{place}.bit{bit}"


def _selection(height: int, bit: int) -> tuple[Rule, ...]:
    """The wire is 1 where the register at the current depth holds a 1."""
    return tuple(
        Rule(
            Cube.of({"depth.after": [place], f"{_register(place, bit)}.after": [1]}),
            Action("set", 1),
        )
        for place in range(1, height + 1)
    )


def _counter(name: str, steps: dict[int, int], most: int | None = None, initial: int = 0) -> Unit:
    """A counter whose feature tells 0 from more, or all values up to the most it ever reaches."""
    rules = tuple(
        Rule(Cube.of({"letter": letters}), Action("add", step))
        for step, letters in _grouped(steps).items()
        if step
    )
    labels = ("0", "1 or more") if most is None else tuple(map(str, range(most + 1)))
    return Unit(name, "counter", len(labels), initial, rules, labels)


def _grouped(steps: dict[int, int]) -> dict[int, Iterable[int]]:
    """Step -> the letters that make it."""
    return {
        step: [letter for letter, own in steps.items() if own == step]
        for step in dict.fromkeys(steps.values())
    }
