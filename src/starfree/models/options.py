"""The options of a model: named, typed, with defaults; nothing unknown passes."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """Base of every model's options; a subclass lists the fields and what they may be."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
