"""The prover is not blind: mutants that brute force found wrong are caught, on a shortest string.

Brute force asks the plain `forward` about all prefixes of members up to a length; for some mutants
it is the one of `transformers`, which shares no code with the prover.
"""

import copy
import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from starfree.algebra.circuits import circuit
from starfree.compiler.to_mamba import to_mamba
from starfree.compiler.to_textbook import to_textbook
from starfree.languages.catalog import language
from starfree.models.exchange import write_transformers
from starfree.models.transformers_cache import open_transformers
from starfree.verification.certificate import certify

LONGEST = 6
NAMES = ("tomita-4", "d-3", "012-02")
EPSILONS = (0.03, 0.1, 0.3, 1.0)
FACTORS = (0.0, -1.0, 0.25, 4.0)


def prefixes(spoken, longest=LONGEST):
    """By length, all prefixes of members as a model reads them, and their legal sets."""
    letters = len(spoken.alphabet)
    for length in range(longest + 1):
        words = itertools.product(range(letters), repeat=length)
        legal = {word: spoken.legal(np.array(word, dtype=np.int64))[-1] for word in words}
        legal = {word: bits for word, bits in legal.items() if bits.any()}
        read = torch.tensor([[letters + 1, *word] for word in legal])
        yield read, torch.from_numpy(np.stack(list(legal.values())))


def first_fault(forward, strings):
    """Length of the shortest prefix of a member on which a model is wrong; None if none is."""
    for length, (read, right) in enumerate(strings):
        with torch.inference_mode():
            given = forward(read)[:, -1, : right.shape[1]] > 0
        if not torch.equal(given, right):
            return length
    return None


def changed_weights(name, generator):
    """Mamba weights, one of them changed that is not zero."""
    precision = str(generator.choice(["exact", "robust"]))
    model = to_mamba(circuit(language(name)), precision).model
    sizes = [int(p.ne(0).sum()) for p in model.parameters()]
    chosen = list(model.parameters())[generator.choice(len(sizes), p=np.array(sizes) / sum(sizes))]
    with torch.no_grad():
        flat = chosen.view(-1)
        flat[generator.choice(flat.nonzero()[:, 0].numpy())] *= float(generator.choice(FACTORS))
    return model


def dropped_cubes(name, generator):
    """One rule of a unit, or one cube of an output, left out; as Mamba or in the paper's form."""
    made = circuit(language(name))
    outputs = list(made.outputs)
    levels = [list(level) for level in made.levels]
    places = [(level, unit) for level, own in enumerate(levels) for unit in range(len(own))]
    places += [(None, output) for output in range(len(outputs)) if outputs[output].cubes]
    level, place = places[generator.integers(len(places))]
    if level is None:
        cubes = outputs[place].cubes
        gone = int(generator.integers(len(cubes)))
        outputs[place] = replace(outputs[place], cubes=cubes[:gone] + cubes[gone + 1 :])
    else:
        rules = levels[level][place].rules
        gone = int(generator.integers(len(rules)))
        levels[level][place] = replace(levels[level][place], rules=rules[:gone] + rules[gone + 1 :])
    mutant = replace(made, levels=tuple(map(tuple, levels)), outputs=tuple(outputs))
    write = to_mamba if generator.random() < 0.5 else to_textbook
    return write(mutant).model


def changed_epsilon(name, generator):
    """The norms' epsilon, and for good measure one weight of one of them."""
    model = to_mamba(circuit(language(name)), "exact").model
    norms = [module for module in model.modules() if isinstance(module, torch.nn.RMSNorm)]
    for norm in norms:
        norm.eps = float(generator.choice(EPSILONS))
    return model


KINDS = {"weight": changed_weights, "cube": dropped_cubes, "epsilon": changed_epsilon}


def wrong_mutants(name, kind, count):
    """Mutants that brute force finds wrong, each with the length of a shortest fault."""
    generator = np.random.default_rng([len(name), len(kind)])
    strings = list(prefixes(language(name)))
    while count:
        model = copy.deepcopy(KINDS[kind](name, generator))
        shortest = first_fault(model, strings)
        if shortest is not None:
            count -= 1
            yield model, shortest


def check(name, kind, count):
    spoken = language(name)
    for model, shortest in wrong_mutants(name, kind, count):
        found = certify(model, spoken)
        assert found.status == "COUNTEREXAMPLE"
        assert found.counterexample.position == shortest
        assert found.counterexample.shortest
        tokens = spoken.encode(found.counterexample.string)
        symbols = (*spoken.alphabet, "$")
        legal = spoken.legal(tokens)[-1]
        with torch.inference_mode():
            logits = model(torch.tensor([[len(symbols), *tokens.tolist()]]))[0, -1, : len(symbols)]
        for told, bits in (
            (found.counterexample.expected, legal.tolist()),
            (found.counterexample.given, (logits > 0).tolist()),
        ):
            assert told == [symbol for symbol, bit in zip(symbols, bits, strict=True) if bit]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_wrong_mutants_are_caught_on_a_shortest_string(name, kind):
    check(name, kind, 4)


@pytest.mark.full
@pytest.mark.parametrize(("kind", "count"), [("weight", 50), ("cube", 20), ("epsilon", 10)])
@pytest.mark.parametrize("name", NAMES)
def test_many_wrong_mutants_are_caught_on_a_shortest_string(name, kind, count):
    check(name, kind, count)


def check_with_transformers(name, count, folder):
    spoken = language(name)
    strings = list(prefixes(spoken))
    generator = np.random.default_rng(7)
    wrong = right = 0
    while wrong < count:
        model = changed_weights(name, generator)
        write_transformers(model, folder, spoken.alphabet)
        theirs = open_transformers(folder).theirs
        shortest = first_fault(lambda read, theirs=theirs: theirs(read).logits, strings)
        found = certify(model, spoken)
        if shortest is None:
            right += found.status == "PROVEN_ALL_LENGTHS"
        else:
            wrong += 1
            assert found.status == "COUNTEREXAMPLE"
            assert found.counterexample.position == shortest
    return right


def test_mutants_that_transformers_gets_wrong_are_caught(tmp_path):
    check_with_transformers("tomita-4", 5, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
def test_many_mutants_that_transformers_gets_wrong_are_caught(name, tmp_path):
    """Also: some changes do no harm, and these are proven."""
    assert check_with_transformers(name, 40, tmp_path)
