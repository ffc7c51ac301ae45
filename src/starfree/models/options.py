"""The options of a model: named, typed, with defaults; nothing unknown passes."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """Base of every model's options; a subclass lists the fields and what they may be."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def check_heads(heads: int, channels: int, of: str = "`d_model`") -> None:
    """Every head has as many channels as every other.

    Args:
        heads: how many.
        channels: that they share.
        of: what these channels are, for the message.

    Raises:
        ValueError: they cannot be shared evenly.
    """
    if channels % heads:
        raise ValueError(f"`heads` {heads} does not divide {of} {channels}")
