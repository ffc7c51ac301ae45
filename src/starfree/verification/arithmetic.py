"""Whether floating point rounded anything: then a proof holds for one kernel only."""

from __future__ import annotations

from types import TracebackType

import torch
from torch import Tensor, nn

MANTISSA = 24  # bits of float32, in which sums of the shorter formats are accumulated too
FINEST, COARSEST = 40, -20  # powers of two that are tried as the unit of a tensor


class ExactSums:
    """Watches the linear maps of a model while it runs.

    Attributes:
        exact: so far every sum was a sum of multiples of one power of two, below 2^24 of them, and
            its result was not rounded: then it is the same in any order of evaluation.
    """

    def __init__(self, model: nn.Module) -> None:
        self.exact = True
        self._model = model
        self._handles: list[torch.utils.hooks.RemovableHandle] = []

    def __enter__(self) -> ExactSums:
        for module in self._model.modules():
            if isinstance(module, nn.Linear):
                self._handles.append(module.register_forward_hook(self._look))
        self.exact = bool(self._handles)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()

    def _look(self, module: nn.Linear, inputs: tuple[Tensor], output: Tensor) -> None:
        if not self.exact:
            return
        x, weight = inputs[0].flatten(0, -2).double(), module.weight.double()
        units = _unit(x), _unit(weight)
        if units[0] is None or units[1] is None:
            self.exact = False
            return
        bias = 0.0 if module.bias is None else module.bias.double()
        # A sum of absolute values bounds every partial sum, in any order.
        bound = float((x.abs() @ weight.abs().T).max())
        inside = bound / (units[0] * units[1]) <= 2**MANTISSA
        right = torch.equal(output.flatten(0, -2).double(), x @ weight.T + bias)
        self.exact = inside and right


def _unit(tensor: Tensor) -> float | None:
    """The largest power of two of which all entries are multiples; None if it is very small."""
    for exponent in range(COARSEST, FINEST):
        scaled = tensor * 2.0**exponent
        if torch.equal(scaled, scaled.round()):
            return float(2.0**-exponent)
    return None


def arithmetic_of(model: nn.Module, exact: bool) -> str:
    """The format of the weights, and what the proof holds for."""
    dtypes = sorted({str(p.dtype).removeprefix("torch.") for p in model.parameters()})
    name = "+".join(dtypes) or "no parameters"
    if exact:
        return f"{name}, exact: no sum of a linear map is rounded, any order of evaluation"
    return f"{name}, sequential: for this kernel and order of evaluation"
