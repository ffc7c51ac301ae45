"""Which inductive proof fits a model and a language, and where to look when it fails."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import torch
from torch import nn

from starfree.data.sampling import sample
from starfree.errors import InputError
from starfree.languages.counters import CounterLanguage
from starfree.languages.language import Language
from starfree.languages.stack import BoundedDyck
from starfree.languages.strings import Strings
from starfree.models.mamba import Mamba, Mixer
from starfree.models.textbook import CountLimit, Textbook, TextbookLayer
from starfree.verification.counting import prove_counts, prove_mamba_counts
from starfree.verification.digits import prove_digits
from starfree.verification.induction import Proof
from starfree.verification.product import Domain, Fault
from starfree.verification.stacks import prove_stack

LENGTHS = ((1, 20), (40, 60), (200, 220))  # windows of random members
MEMBERS = 100
STACKS = 64  # systematic strings of a bounded stack


@torch.inference_mode()
def prove(model: nn.Module, language: Language, domain: Domain, margin: float) -> Proof | None:
    """The proof that fits: of a counter, of a bounded stack, of digits; None if none does.

    Raises:
        Broken: one fits, but does not go through.
    """
    if isinstance(model, Mamba) and isinstance(language, CounterLanguage):
        return prove_mamba_counts(model, language, margin) if _adds_exactly(model) else None
    if not isinstance(model, Textbook) or model.options.delay:
        return None
    if _has_digits(model):
        return prove_digits(model, language, domain, margin)
    if domain == "all":
        return None
    if isinstance(language, CounterLanguage):
        return prove_counts(model, language, margin)
    if isinstance(language, BoundedDyck) and language.types > 1:
        return prove_stack(model, language, margin)
    return None


def _adds_exactly(model: Mamba) -> bool:
    """Whether the gates of a layer are exactly 1, as of no trained one."""
    mixers = [module for module in model.modules() if isinstance(module, Mixer)]
    return any(not torch.exp(mixer.A_log.float()).any() for mixer in mixers)


def _has_digits(model: Textbook) -> bool:
    layers = [layer for layer in model.layers if isinstance(layer, TextbookLayer)]
    return any(bool(layer.gate.weight.frac().any()) for layer in layers)


@torch.inference_mode()
def look_for_fault(model: nn.Module, language: Language) -> Fault | None:
    """The earliest wrong answer on members that write and read all that a state can hold."""
    best = None
    for strings in _members(language):
        begin = np.full((len(strings), 1), language.begin)
        tokens = np.concatenate([begin, strings.tokens], axis=1).astype(np.int64)
        try:
            logits = model(torch.from_numpy(tokens))
        except CountLimit:
            continue
        given = (logits[:, :, : language.end + 1] > 0).numpy()
        legal = language.legal_batch(strings)
        wrong = (given != legal).any(axis=2) & ~strings.beyond()
        for row in np.flatnonzero(wrong.any(axis=1)):
            place = int(wrong[row].argmax())
            if best is None or place < len(best.letters):
                letters = tuple(strings.tokens[row, :place].tolist())
                best = Fault(
                    letters, tuple(legal[row, place].tolist()), tuple(given[row, place].tolist())
                )
    return best


def _members(language: Language) -> Iterator[Strings]:
    generator = np.random.default_rng(0)
    for low, high in LENGTHS:
        with warnings.catch_warnings(), suppress(InputError):  # few members are no news here
            warnings.simplefilter("ignore")
            yield sample(language, low, high, MEMBERS, generator)
    if isinstance(language, BoundedDyck):
        yield Strings.of(list(_stacks(language)))


def _stacks(language: BoundedDyck) -> Iterator[list[int]]:
    """Full stacks of one type, and then of changing types, each closed again."""
    types, height = language.types, language.depth
    for first in range(min(types, STACKS)):
        string = []
        for step in (0, 1, types - 1):
            kinds = [(first + step * place) % types for place in range(height)]
            string += [*kinds, *(types + kind for kind in reversed(kinds))]
        yield string
