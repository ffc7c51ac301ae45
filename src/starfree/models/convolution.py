"""The short causal convolution that many layers put before their recurrence."""

from __future__ import annotations

from torch import Tensor, nn

from starfree.models.scan.operations import causal_conv


class ShortConvolution(nn.Module):
    """Depthwise over the last `taps` symbols, then SiLU.

    Its state is the window of the last inputs, ``[B, taps - 1, channels]``.
    """

    def __init__(self, channels: int, taps: int) -> None:
        super().__init__()
        self.conv1d = nn.Conv1d(channels, channels, taps, groups=channels)

    def initial_state(self, batch: int) -> Tensor:
        """No inputs yet."""
        channels, _, taps = self.conv1d.weight.shape
        return self.conv1d.weight.new_zeros(batch, taps - 1, channels)

    def forward(self, x: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
        """``[B, L, channels]`` to the same shape, and the next window."""
        return causal_conv(x, self.conv1d.weight[:, 0], self.conv1d.bias, window)
