"""What is measured: six workloads, and the least work that each of them is."""

from __future__ import annotations

from typing import NamedTuple


class Workload(NamedTuple):
    """A model's size and a batch of full length."""

    layers: int
    d_model: int
    batch: int
    length: int

    @property
    def positions(self) -> int:
        """Symbols of the batch."""
        return self.batch * self.length

    @property
    def rank(self) -> int:
        """Rank of the step size's projection."""
        return -(-self.d_model // 16)

    def floats(self, passes: int) -> float:
        """FLOPs of the matrix products: 1 pass is the forward, 3 a training step.

        The first layer's in_proj sees no other rows than the vocabulary's few, so that it is
        counted once a token of the vocabulary, not once a position.
        """
        d, inner = self.d_model, 2 * self.d_model
        first = d * 2 * inner
        layer = first + inner * (self.rank + 2 * STATES) + self.rank * inner + inner * d
        a_position = self.layers * layer - first + d * OUTPUTS
        return 2.0 * passes * (self.positions * a_position + VOCABULARY * first)

    def elements(self) -> int:
        """States that the scan of one forward walks through."""
        return self.positions * self.layers * 2 * self.d_model * STATES


STATES, TAPS, VOCABULARY, OUTPUTS = 16, 4, 6, 4
TRAINING = {
    "W1": Workload(1, 16, 16, 50),
    "W2": Workload(2, 64, 32, 50),
    "W3": Workload(3, 256, 32, 100),
    "W4": Workload(1, 16, 32, 512),
    "W5": Workload(2, 64, 10, 700),
}
EVALUATION = Workload(2, 64, 32, 10_000)
SCALING = {
    "length": {n: Workload(2, 64, 1, n) for n in (64, 256, 1024, 4096, 16_384, 65_536)},
    "width": {n: Workload(2, n, 8, 128) for n in (16, 32, 64, 128, 256)},
}


def floor_ms(work: Workload, passes: int, peak_gflops: float, exp_per_second: float) -> float:
    """Milliseconds that a core needs at least: products at their peak, then exponentials.

    A training step needs the gate of every state twice, once each way.
    """
    exponentials = (2 if passes == 3 else 1) * work.elements() / exp_per_second
    return 1e3 * (work.floats(passes) / (peak_gflops * 1e9) + exponentials)
