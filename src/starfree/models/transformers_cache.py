"""The Mamba of `transformers`, symbol by symbol through its own cache: a second opinion.

It shares no code with ours: `transformers` reads the weights and computes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from starfree.errors import InputError
from starfree.models.mamba import LayerState


class TransformersMamba(nn.Module):
    """A `transformers.MambaForCausalLM` with `initial_state` and `step`."""

    def __init__(self, theirs: Any) -> None:
        super().__init__()
        self.theirs = theirs

    @property
    def version(self) -> str:
        """The library that computes."""
        import transformers

        return f"transformers {transformers.__version__}"

    @property
    def mixers(self) -> list[Any]:
        """Its layers' mixers, whose tensors are named as those of ours."""
        return [block.mixer for block in self.theirs.backbone.layers]

    def initial_state(self, batch: int) -> tuple[LayerState, ...]:
        """The state before the first symbol."""
        states = []
        for mixer in self.mixers:
            inner, _, width = mixer.conv1d.weight.shape
            states.append(
                LayerState(
                    mixer.conv1d.weight.new_zeros(batch, width - 1, inner),
                    # where it has no kernel of its own it keeps the scan's state in float32
                    torch.zeros(batch, inner, mixer.ssm_state_size),
                )
            )
        return tuple(states)

    def step(
        self, tokens: Tensor, state: tuple[LayerState, ...]
    ) -> tuple[Tensor, tuple[LayerState, ...]]:
        """Read one symbol ``[B]``: logits ``[B, outputs]`` and the next state."""
        from transformers import DynamicCache

        cache: Any = DynamicCache(config=self.theirs.config)
        for place, (window, hidden) in enumerate(state):
            inputs = window.transpose(1, 2)
            # It keeps one input more than the next step can see.
            cache.update_conv_state(nn.functional.pad(inputs, (1, 0)), place)
            cache.update_recurrent_state(hidden, place)
        given = self.theirs(tokens[:, None], cache_params=cache, use_cache=True)
        after = [
            LayerState(
                cache.get_conv_state(place)[:, :, 1:].transpose(1, 2),
                cache.get_recurrent_state(place),
            )
            for place in range(len(state))
        ]
        return given.logits[:, 0], tuple(after)


def open_transformers(folder: Path) -> TransformersMamba:
    """A directory as `transformers` itself reads it; its warnings are switched off.

    Raises:
        InputError: `transformers` is not installed, or does not read the directory as a Mamba.
    """
    try:
        from transformers import AutoConfig, MambaForCausalLM
        from transformers.utils import logging
    except ImportError:
        raise InputError(
            "transformers is not installed; `pip install 'starfree[hf]'` brings it"
        ) from None
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        kind = AutoConfig.from_pretrained(folder, local_files_only=True).model_type
        if kind != "mamba":
            raise InputError(f"{folder}: the model is of type {kind!r}, not 'mamba'")
        theirs = MambaForCausalLM.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError) as error:
        said = str(error).splitlines()[0]
        raise InputError(f"{folder}: transformers cannot read it ({said})") from None
    return TransformersMamba(theirs).eval()
