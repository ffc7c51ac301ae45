"""The compiled kernels as Python functions on pointers, or the reason why there are none."""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from starfree.errors import StarfreeError
from starfree.models.scan.build import Built, build

SWITCH = "STARFREE_KERNELS"
"""Set to `off`, this environment variable keeps everything in plain PyTorch."""

SUFFIX = {torch.float32: "_f32", torch.float64: "_f64"}

_P, _I, _L, _D = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64, ctypes.c_double
# name: (result, arguments); each function but the first exists for float32 and float64
_SIGNATURES = {
    "saved": (_L, (_P, _I, _P, _I)),
    "carry": (_L, (_P,)),
    "forward": (_I, (_P, _P, _I, _L, *(_P,) * 5, _I)),
    "backward": (_I, (_P, _P, _I, _L, *(_P,) * 7, _I)),
    "stream": (_I, (_P, _P, _I, _L, *(_P,) * 5, _I)),
    "step": (_I, (_P, _P, _I, _L, _P, _P, _I, _P, _P, _P, _D, _P, _P, _I)),
    "norm": (_D, (_I, _P, _P)),
    "adamw": (None, (_I, *(_P,) * 6, *(_D,) * 5, _L)),
    "scan_saved": (_L, (_I, _I, _I)),
    "scan_forward": (_I, (*(_P,) * 5, _I)),
    "scan_backward": (_I, (*(_P,) * 14, _I)),
    "conv_forward": (_I, (*(_I,) * 4, *(_P,) * 4, _I)),
    "conv_backward": (_I, (*(_I,) * 4, *(_P,) * 7, _I)),
    "diagonal_forward": (_I, (_I, _I, _L, _I, *(_P,) * 4, _I)),
    "diagonal_backward": (_I, (_I, _I, _L, _I, *(_P,) * 7, _I)),
}


class Status(NamedTuple):
    """Which path computes, and why (`starfree bench --doctor`)."""

    active: bool
    summary: str
    library: Path | None
    compiler: str
    vector_bits: int


class Library:
    """The loaded functions: ``call("scan_forward", dtype, ...)``."""

    def __init__(self, path: Path) -> None:
        self._library = ctypes.CDLL(str(path))
        self.vector_bytes = int(self._library.starfree_vector_bytes())
        self._functions = {}
        for name, (result, arguments) in _SIGNATURES.items():
            for dtype, suffix in SUFFIX.items():
                function = getattr(self._library, f"starfree_{name}{suffix}")
                function.restype, function.argtypes = result, arguments
                self._functions[name, dtype] = function
        for name, arguments in (
            ("product", (_I, _I, _I, _P, _P, _P, _I)),
            ("exp2", (_I, _P, _P, _I)),
        ):
            function = getattr(self._library, f"starfree_{name}_f32")
            function.restype, function.argtypes = None, arguments
            self._functions[name, torch.float32] = function

    def call(self, name: str, dtype: torch.dtype, *arguments: object) -> None:
        """Run a kernel; a tensor stands for the pointer to its data, None for a null pointer."""
        code = self._functions[name, dtype](*map(_raw, arguments))
        if code == 2:
            raise ValueError(f"kernel {name}: a token, class or length is out of range")
        if code:
            raise StarfreeError(f"kernel {name}: out of memory; use smaller batches")

    def number(self, name: str, dtype: torch.dtype, *arguments: object) -> float:
        """Run a function that returns a number."""
        return self._functions[name, dtype](*map(_raw, arguments))  # type: ignore[no-any-return]


def pointers(tensors: Sequence[Tensor | None]) -> ctypes.Array[ctypes.c_void_p]:
    """An array of data pointers, null for None."""
    return (ctypes.c_void_p * len(tensors))(
        *(None if tensor is None else tensor.data_ptr() for tensor in tensors)
    )


def _raw(argument: object) -> object:
    return argument.data_ptr() if isinstance(argument, Tensor) else argument


def threads() -> int:
    """How many threads a kernel may use: torch's number, so that one setting rules both."""
    return torch.get_num_threads()


def library() -> Library | None:
    """The compiled kernels, or None where PyTorch has to compute (see `status`)."""
    if os.environ.get(SWITCH, "").lower() in ("off", "0", "no"):
        return None
    return _load()[0]


# torch.compile need not trace how they are found.
torch.compiler.assume_constant_result(library)  # type: ignore[no-untyped-call]


def status() -> Status:
    """Which path is active and why, as one line and as fields."""
    if os.environ.get(SWITCH, "").lower() in ("off", "0", "no"):
        return Status(False, f"plain PyTorch: {SWITCH} is off", None, "", 0)
    loaded, built = _load()
    if loaded is None:
        return Status(False, f"plain PyTorch: {built.reason}", None, "", 0)
    bits = 8 * loaded.vector_bytes
    summary = f"compiled kernels ({bits}-bit vectors, {built.compiler}, {built.reason})"
    return Status(True, summary, built.path, built.compiler, bits)


@functools.cache
def _load() -> tuple[Library | None, Built]:
    built = build(_try)
    if built.path is None:
        print(
            f"starfree: no compiled kernels, computing in plain PyTorch ({built.reason})",
            file=sys.stderr,
        )
        return None, built
    return Library(built.path), built


def _try(path: Path) -> str:
    """What is wrong with a library, or an empty string: one scan with a known result."""
    try:
        loaded = Library(path)
    except (OSError, AttributeError) as problem:
        return f"cannot be loaded ({problem})"
    for dtype in SUFFIX:
        # h_t = h_{t-1} + log(2) u_t where A = 0 and softplus(0) = log 2: y = log(2) (1, 3, 6)
        u = torch.tensor([1.0, 2.0, 3.0], dtype=dtype)
        zero, one = torch.zeros(3, dtype=dtype), torch.ones(3, dtype=dtype)
        y, last = torch.empty(3, dtype=dtype), torch.empty(1, dtype=dtype)
        size = int(loaded.number("scan_saved", dtype, 3, 1, 1))
        saved = torch.empty(size, dtype=dtype)
        tensors = scan_tensors(
            (1, 3, 1, 1), False, (u, zero, zero, one, one, None, None, None, None)
        )
        loaded.call("scan_forward", dtype, ctypes.addressof(tensors), y, None, last, saved, 1)
        expected = torch.tensor([1.0, 3.0, 6.0], dtype=dtype) * torch.log(2 * one)
        if not torch.allclose(y, expected, atol=1e-6):
            return "fails its self-test"
    return ""


class _ScanTensors(ctypes.Structure):
    _fields_ = [(name, _I) for name in ("batch", "length", "channels", "states", "signed")] + [
        (name, _P) for name in ("u", "delta", "A", "B", "C", "D", "z", "bias", "initial")
    ]


def scan_tensors(
    sizes: tuple[int, int, int, int], signed: bool, tensors: Sequence[Tensor | None]
) -> _ScanTensors:
    """The struct of the scan kernels: (batch, length, channels, states) and nine tensors."""
    return _ScanTensors(
        *sizes, int(signed), *(None if t is None else t.data_ptr() for t in tensors)
    )
