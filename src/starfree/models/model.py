"""What a sequence model is, which ones there are, and how a user brings another.

A model is an ``nn.Module`` with ``forward(tokens: int64[B, L]) -> float[B, L, outputs]``, causal:
the answer at a position depends on the tokens up to it and on nothing else, so that padding on the
right never matters. A recurrent model also reads symbol by symbol, in constant memory.

To add a model: write a module with a class like those of `MODELS` (constructor
``(vocabulary, outputs, options)``, class attribute `Options`), and add one line to `MODELS`.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from starfree.errors import InputError
from starfree.models.attention import Transformer
from starfree.models.delta import Delta
from starfree.models.diagonal import Diagonal
from starfree.models.gla import Gla
from starfree.models.hard_gated import HardGated
from starfree.models.hybrid import Hybrid
from starfree.models.mamba import Mamba
from starfree.models.mamba2 import Mamba2
from starfree.models.options import Options
from starfree.models.recurrent import Gru, Lstm, Rnn
from starfree.models.s4d import S4d
from starfree.models.xlstm import Mlstm, Slstm

Builder = Callable[..., nn.Module]


class ModelKind(Protocol):
    """What `MODELS` holds: a class of models and the class of their options."""

    @property
    def Options(self) -> type[Options]:  # noqa: N802 - it is a class
        """The model's options with their defaults."""

    def __call__(self, vocabulary: int, outputs: int, options: Any) -> nn.Module:
        """A new model."""


MODELS: dict[str, ModelKind] = {
    "mamba": Mamba,
    "transformer": Transformer,
    "lstm": Lstm,
    "gru": Gru,
    "rnn": Rnn,
    "diagonal": Diagonal,
    "s4d": S4d,
    "mamba2": Mamba2,
    "gla": Gla,
    "delta": Delta,
    "mlstm": Mlstm,
    "slstm": Slstm,
    "hard_gated": HardGated,
    "hybrid": Hybrid,
}


@runtime_checkable
class RecurrentModel(Protocol):
    """A model that reads one symbol at a time; `step` agrees with `forward`.

    A state is a pytree of tensors whose first dimension is the batch.
    """

    def initial_state(self, batch: int) -> Any:
        """The state before the first symbol."""

    def step(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read one symbol ``[B]``: logits ``[B, outputs]`` and the next state."""


@runtime_checkable
class StreamingModel(RecurrentModel, Protocol):
    """A recurrent model that reads several symbols at once from a state on."""

    def advance(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read ``[B, L]``: logits ``[B, L, outputs]`` and the state after the last symbol."""


def build(name: str, vocabulary: int, outputs: int, **options: Any) -> nn.Module:
    """A new model, its weights drawn from torch's global generator.

    Args:
        name: a name in `MODELS`, or ``package.module:function`` (see `load_builder`).
        vocabulary: input tokens are 0 .. vocabulary-1.
        outputs: logits at each position.
        options: the model's own options; a user's function gets them as keyword arguments.

    Raises:
        InputError: no such model or option, a value that is not allowed, or a user's model that
            cannot be built or gives the wrong shape.
    """
    if ":" in name:
        return _build_user_model(name, vocabulary, outputs, options)
    return _kind(name)(vocabulary, outputs, check_options(name, options))


def check_options(name: str, given: dict[str, Any]) -> Options:
    """The options of a model of `MODELS`, every default filled in.

    Raises:
        InputError: names the option and what is allowed.
    """
    kind = _kind(name).Options
    try:
        return kind(**given)
    except ValidationError as error:
        problem = error.errors()[0]
        option = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            allowed = ", ".join(kind.model_fields)
            message = f"option `{option}` is unknown; allowed: {allowed}"
        elif option:
            said = problem["msg"][0].lower() + problem["msg"][1:]
            message = f"option `{option}` is {problem['input']!r}: {said}"
        else:
            message = problem["msg"].removeprefix("Value error, ")
        raise InputError(f"model {name}: {message}") from None


def load_builder(reference: str) -> Builder:
    """A user's ``package.module:function``, a function ``(vocabulary, outputs) -> nn.Module``.

    The module is looked for in the current folder too.

    Raises:
        InputError: the module does not exist or fails, or has no such function.
    """
    module_name, _, function_name = reference.partition(":")
    if not module_name or not function_name:
        raise InputError(f"model {reference!r} is not of the form package.module:function")
    try:
        with _current_folder_importable():
            module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise InputError(
            f"model {reference}: no module {error.name!r}; run from the folder that holds it, or "
            "install it"
        ) from error
    except Exception as error:
        raise InputError(
            f"model {reference}: importing {module_name} failed with {_said(error)}"
        ) from error
    builder = getattr(module, function_name, None)
    if builder is None:
        raise InputError(f"model {reference}: module {module_name} has no function {function_name}")
    if not callable(builder):
        raise InputError(
            f"model {reference}: {function_name} is no function (vocabulary, outputs) -> "
            f"nn.Module, its type is {type(builder).__name__}"
        )
    found: Builder = builder
    return found


def _kind(name: str) -> ModelKind:
    try:
        return MODELS[name]
    except KeyError:
        raise InputError(
            f"model {name!r} is unknown; choose one of {', '.join(MODELS)}, or give your own as "
            "package.module:function"
        ) from None


def _build_user_model(
    reference: str, vocabulary: int, outputs: int, options: dict[str, Any]
) -> nn.Module:
    builder = load_builder(reference)
    try:
        inspect.signature(builder).bind(vocabulary, outputs, **options)
    except TypeError as error:
        raise InputError(
            f"model {reference}: cannot be called as (vocabulary, outputs"
            f"{''.join(f', {name}=...' for name in options)}): {error}"
        ) from None
    try:
        model = builder(vocabulary, outputs, **options)
    except Exception as error:
        raise InputError(f"model {reference}: failed with {_said(error)}") from error
    if not isinstance(model, nn.Module):
        raise InputError(f"model {reference}: returned {type(model).__name__}, not an nn.Module")
    _check_shape(reference, model, outputs)
    return model


def _check_shape(reference: str, model: nn.Module, outputs: int) -> None:
    """Try a small batch, so that a wrong shape is found before any training."""
    batch, length = 2, 3
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            logits = model(torch.zeros(batch, length, dtype=torch.int64))
    except Exception as error:
        raise InputError(
            f"model {reference}: forward of int64 tokens [{batch}, {length}] failed with "
            f"{_said(error)}"
        ) from error
    finally:
        model.train(training)
    given = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    if given != (batch, length, outputs):
        raise InputError(
            f"model {reference}: forward of tokens [{batch}, {length}] gave {given}, not a tensor "
            f"({batch}, {length}, {outputs})"
        )


def _said(error: Exception) -> str:
    """Type and first line of a foreign error."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


@contextmanager
def _current_folder_importable() -> Iterator[None]:
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
