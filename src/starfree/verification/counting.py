"""Inductive proofs of the counter languages: as far as the arithmetic counts exactly.

The invariant ties the model's counters to the language's configuration. A step is the same whatever
the counts are, and the answers tell 0 from more; so a few counts, the largest among them, stand for
all. Two kinds of models are proven: one layer in the paper's form, and one layer of genuine Mamba.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from starfree.languages.counters import CounterLanguage
from starfree.models.mamba import Block, LayerState, Mamba, Mixer
from starfree.models.textbook import Textbook, TextbookState, largest_count
from starfree.verification.count_cases import CountCases
from starfree.verification.induction import Answers, Inputs, Proof, plain_layers, require

OUTWEIGHS = 2.0  # a count of 1 in an answer, beside the sizes of all terms that are no counts
CLEAR = 1 / 8  # these terms' sum, beside their sizes


def prove_counts(model: Textbook, language: CounterLanguage, margin: float) -> Proof:
    """The invariant of a model in the paper's form.

    Raises:
        Broken: the model is not of that form, or the invariant does not hold.
    """
    dtype = model.head.weight.dtype
    cases = CountCases(language, largest_count(dtype))
    layers = plain_layers(model)
    require(
        [layer.options.state for layer in layers] == [cases.counters],
        f"it is not one layer with {cases.counters} numbers in its state",
    )
    answers = Answers(language.end + 1, margin)

    def state(counts: Tensor) -> TextbookState:
        return TextbookState((counts.to(dtype),), model.previous.expand(len(counts), -1))

    start = model.initial_state(1)
    require(torch.equal(start.hidden[0], state(cases.start).hidden[0]), "a count starts wrong")
    logits, after = model.step(torch.tensor([language.begin]), start)
    require(torch.equal(after.hidden[0], start.hidden[0]), "`^` changes a count")
    answers.check(logits, cases.legal_first, "after `^`")
    # The layer reads the letter alone, so these are its gates and increments in every string.
    with Inputs(layers[0].gate) as gates, Inputs(layers[0].increment) as increments:
        model.step(cases.letters, state(torch.zeros_like(cases.steps)))
    require(bool((gates.made == 1).all()), "a gate is not 1")
    require(torch.equal(increments.made[:, 0], cases.steps.to(dtype)), "a letter adds wrongly")
    looks = layers[0].hats.weight[:, : cases.counters].double()
    require(bool((looks.ne(0).sum(1) <= 1).all()), "a unit looks at two counts")
    for before, tokens, counts, legal in cases.batches():
        with Inputs(layers[0].hats) as units:
            logits, after = model.step(tokens, state(before))
        require(torch.equal(after.hidden[0], counts.to(dtype)), "a count is wrong after a step")
        answers.check(logits, legal, "in some case")
        for counter in range(cases.counters):
            # A unit before its clip: beyond a count of 1 it must stay full, or empty.
            slope, made = looks[:, counter], units.made[counts[:, counter] == 1, 0]
            settled = (slope > 0) & (made >= 1) | (slope < 0) & (made <= 0) | (slope == 0)
            require(bool(settled.all()), "an answer depends on more than which counts are 0")
    return cases.proof(answers)


def prove_mamba_counts(model: Mamba, language: CounterLanguage, margin: float) -> Proof:
    """The invariant of one layer of genuine Mamba, read by sign.

    The layer sees the letter alone: the stream before it is the embedding, and its convolution has
    one tap. Where A is 0 the gate ``exp(step A)`` is exactly 1, so that a channel adds exactly. The
    counts join the stream, and the last norm divides all of it by one positive number. That changes
    no sign: in each answer a count of 1 outweighs everything but counts, the counts in one answer
    pull in one direction, and rounding keeps the order of numbers.

    Raises:
        Broken: the model is not of that form, or the invariant does not hold.
    """
    require(margin == 0, "logits shrink as counts grow, so that only their sign is proven")
    require(len(model.layers) == 1, f"it has {len(model.layers)} layers, not one")
    block = model.layers[0]
    assert isinstance(block, Block)
    mixer = block.mixer
    assert isinstance(mixer, Mixer)
    require(not mixer.conv1d.weight[:, 0, :-1].any(), "its convolution sees earlier symbols")
    require(not torch.exp(mixer.A_log.float()).any(), "a gate is not 1")
    cases = CountCases(language, largest_count(mixer.A_log.dtype))
    answers = Answers(language.end + 1, 0.0)
    first = mixer.initial_state(1)
    require(first.hidden.shape[2] == 1, "its channels hold more than one number")
    channels = _channels(model, cases)

    def state(counts: Tensor) -> tuple[LayerState, ...]:
        hidden = ((counts - cases.start).to(channels.dtype) @ channels)[:, :, None]
        return (LayerState(first.window.expand(len(counts), -1, -1), hidden),)

    logits, after = model.step(torch.tensor([language.begin]), state(cases.start))
    require(not after[0].hidden.any(), "`^` changes a count")
    answers.check(logits, cases.legal_first, "after `^`")
    for before, tokens, counts, legal in cases.batches():
        logits, after = model.step(tokens, state(before))
        require(torch.equal(after[0].hidden, state(counts)[0].hidden), "a count is wrong")
        answers.check(logits, legal, "in some case")
    _check_signs(model, cases, state)
    return cases.proof(answers, "; only the logits' signs are claimed, as counts grow they shrink")


def _channels(model: Mamba, cases: CountCases) -> Tensor:
    """Which inner channels count what, ``[counters, E]``: 1, -1, or 0.

    Raises:
        Broken: a channel adds up something that is not a count.
    """
    letters = len(cases.letters)
    _, after = model.step(cases.letters, model.initial_state(letters))
    added = after[0].hidden[:, :, 0]  # [letters, E]
    found = torch.zeros(cases.counters, added.shape[1], dtype=added.dtype)
    for counter in range(cases.counters):
        for sign in (1, -1):
            same = (added == sign * cases.steps[:, counter, None].to(added.dtype)).all(0)
            found[counter, same] = sign
    counts = found.ne(0).sum(0)
    require(bool((counts[added.ne(0).any(0)] == 1).all()), "a letter adds wrongly")
    return found


def _check_signs(
    model: Mamba, cases: CountCases, state: Callable[[Tensor], tuple[LayerState, ...]]
) -> None:
    """The sign of each answer follows from which counts are 0, for counts of any size.

    The stream after the layer is linear in the counts, with coefficients that the letter gives.
    """
    tokens = torch.cat([cases.letters, torch.tensor([len(cases.letters) + 1])])
    steps = torch.cat([cases.steps, torch.zeros_like(cases.start)])

    def stream(counts: Tensor) -> Tensor:
        with Inputs(model.norm_f) as last:
            model.step(tokens, state(counts - steps))
        return last.seen[:, 0].double()

    require(isinstance(model.norm_f, torch.nn.RMSNorm), "its norm is not RMSNorm")
    assert isinstance(model.norm_f, torch.nn.RMSNorm)
    nothing = stream(torch.zeros_like(steps))  # [tokens, d_model]
    heads = model.head.weight[: len(cases.letters) + 1].double() * model.norm_f.weight.double()
    rest, sizes = nothing @ heads.T, nothing.abs() @ heads.abs().T  # [tokens, outputs]
    require(bool((rest.abs() >= CLEAR * sizes).all() and (sizes > 0).all()), "an unclear answer")
    slopes = []
    for counter in range(cases.counters):
        one = torch.zeros_like(steps)
        one[:, counter] = 1
        more = stream(one) - nothing
        places = more.ne(0)
        alone = bool((places.sum(1) <= 1).all()) and not nothing[places].any()
        require(alone, "a count shares its direction of the stream")
        slopes.append(more @ heads.T)
    slope = torch.stack(slopes)  # [counters, tokens, outputs]
    outweighs = slope.abs() >= OUTWEIGHS * sizes
    require(bool((outweighs | (slope == 0)).all()), "a count of 1 does not settle its answer")
    both = (slope > 0).any(0) & (slope < 0).any(0)
    require(not both.any(), "counts in one answer pull against each other")
