"""Models in fixed point: like themselves where nothing is lost, and as a reference computes."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils import _pytree as pytree

from starfree.compiler.compile import compile
from starfree.errors import InputError
from starfree.languages.catalog import language
from starfree.models.model import build
from starfree.verification.rounded import RoundedModel, Rounding


def rounding(rows: int, bits: int, truncate: bool = False, outputs: bool = False) -> Rounding:
    return Rounding(
        torch.full((rows,), bits),
        torch.full((rows,), truncate),
        torch.full((rows,), outputs),
    )


def small(name: str, **options: Any) -> nn.Module:
    torch.manual_seed(3)
    return build(name, 7, 6, **options).double()


MODELS = {
    "mamba": lambda: small("mamba", layers=2, d_model=8, d_state=4),
    "mamba, signed": lambda: small("mamba", layers=1, d_model=8, gates="signed"),
    "diagonal": lambda: small("diagonal", layers=2, d_model=8, gates="positive", mlp=True),
    "diagonal, no convolution": lambda: small("diagonal", d_model=8, gates="signed", d_conv=1),
    "diagonal, time-invariant": lambda: small("diagonal", d_model=8, input_dependent=False),
    "paper's form": lambda: compile(language("d-4"), "paper").model,
    "paper's form, strict": lambda: compile(language("flipflop"), "paper", strict=True).model,
}


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_like_the_model_itself_with_many_bits(name: str) -> None:
    """24 bits and gates in float32: what is left of the difference is theirs."""
    model = MODELS[name]()
    vocabulary = 4 if name == "paper's form" else 7
    tokens = torch.randint(vocabulary, (5, 40), generator=torch.Generator().manual_seed(1))
    plain: Any = model.double()
    rounded = RoundedModel(model, rounding(5, 24))
    state, own = rounded.initial_state(5), plain.initial_state(5)
    for token in tokens.unbind(1):
        logits, state = rounded.step(token, state)
        expected, own = plain.step(token, own)
        torch.testing.assert_close(logits, expected, rtol=1e-4, atol=2e-6)
    for ours, theirs in zip(pytree.tree_leaves(state), pytree.tree_leaves(own), strict=True):
        torch.testing.assert_close(ours.expand_as(theirs), theirs, rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("truncate", [False, True])
@torch.no_grad()
def test_states_of_a_mamba_as_fractions(truncate: bool) -> None:
    """Every unit of one layer by the definition R_p, gates and increments watched on the way."""
    model = small("mamba", layers=1, d_model=4, d_state=2)
    form = rounding(1, 8, truncate)
    seen: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]] = []

    class Watched(Rounding):
        def update(self, gate: Any, state: Any, increment: Any) -> Any:
            after = super().update(gate, state, increment)
            seen.append((gate.float(), state, increment, after))
            return after

    watched = RoundedModel(model, Watched(form.bits, form.truncate, form.outputs))
    state = watched.initial_state(1)
    for token in torch.tensor([[6], [0], [1], [4], [2], [2], [5]]):
        _, state = watched.step(token, state)
    assert len(seen) == 7
    for parts in seen:
        for gate, before, increment, after in zip(
            *(p.flatten().tolist() for p in parts), strict=True
        ):
            value = (Fraction(gate) * Fraction(before) + Fraction(increment)) * 2**8
            whole = int(value) if truncate else floor(value + Fraction(1, 2))
            assert Fraction(after) == Fraction(whole, 2**8)


@torch.no_grad()
def test_outputs_are_rounded_where_asked() -> None:
    """Two rows, one of which rounds layer outputs too: only its logits change."""
    model = small("diagonal", layers=1, d_model=8)
    both = Rounding(torch.tensor([3, 3]), torch.tensor([False] * 2), torch.tensor([False, True]))
    alone = RoundedModel(model, rounding(1, 3))
    together = RoundedModel(model, both)
    tokens = torch.tensor([6, 1, 2, 3])
    first, second = alone.initial_state(1), together.initial_state(2)
    for token in tokens:
        one, first = alone.step(token[None], first)
        two, second = together.step(token.repeat(2), second)
    assert torch.allclose(one[0], two[0])
    assert not torch.allclose(two[0], two[1])


@torch.no_grad()
def test_compiled_models_need_no_more_than_four_bits() -> None:
    """The paper's form of every star-free language here is exact in any of these formats."""
    for name in ("flipflop", "d-4", "tomita-7"):
        spoken = language(name)
        model = compile(spoken, "paper").model
        length = next(n for n in range(40, 50) if spoken.count(n))
        member = spoken.draw(length, 1, np.random.default_rng(0))[0]
        for truncate in (False, True):
            rounded = RoundedModel(model, rounding(1, 4, truncate, outputs=True))
            state = rounded.initial_state(1)
            legal = spoken.legal(member)
            for place, token in enumerate([spoken.begin, *member.tolist()]):
                logits, state = rounded.step(torch.tensor([token]), state)
                assert ((logits[0, : spoken.end + 1] > 0).numpy() == legal[place]).all()


def test_other_models_are_refused() -> None:
    for model in (small("lstm", d_model=8), small("diagonal", gates="disc", d_model=8)):
        with pytest.raises(InputError, match="fixed point is emulated for"):
            RoundedModel(model, rounding(1, 8))
