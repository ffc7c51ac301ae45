"""Who takes part: our training step and evaluation, and the peers' models in the same shell."""

from __future__ import annotations

import importlib
import importlib.util
import math
from collections.abc import Callable
from typing import Any

from starfree.experiments.bench.workloads import OUTPUTS, STATES, TAPS, VOCABULARY, Workload

PEERS = ("mambapy", "transformers")
# Where a peer's step takes minutes it is not asked (`transformers` is quadratic in the length).
PATIENCE = {"mambapy": ("W1", "W2", "W3", "W4", "W5"), "transformers": ("W1", "W2")}


def installed() -> list[str]:
    """The peers that can be measured here (extra `bench`)."""
    return [name for name in PEERS if importlib.util.find_spec(name)]


def draw_batch(work: Workload) -> tuple[Any, Any]:
    """Random tokens ``[B, L]`` and legal sets ``[B, L, outputs]``."""
    import torch

    tokens = torch.randint(VOCABULARY, (work.batch, work.length))
    return tokens, torch.rand(work.batch, work.length, OUTPUTS) < 0.5


def own_training(work: Workload) -> Callable[[], object]:
    """Our training step: in one compiled call, or torch's where there are no kernels."""
    import torch

    from starfree.models.scan import library
    from starfree.models.scan.step import AdamW, TrainStep

    tokens, legal = draw_batch(work)
    if library.library() is None:
        return torch_training(_plain_model(work), tokens, legal)
    shape, parameters = _own_model(work)
    step = TrainStep(shape, parameters, "bits", 0.01)
    weights = torch.ones(work.batch, work.length)
    lengths = torch.full((work.batch,), work.length)
    return lambda: step(tokens, legal, weights, lengths, AdamW(1e-3))


def own_evaluation(work: Workload) -> Callable[[], object]:
    """Our evaluation of a batch, without gradients."""
    import torch

    from starfree.models.scan import library
    from starfree.models.scan.backbone import stream

    tokens, _ = draw_batch(work)
    if library.library() is None:
        model = _plain_model(work)
        return lambda: torch.no_grad()(model)(tokens)
    shape, parameters = _own_model(work)
    return lambda: stream(tokens, None, shape, parameters)


def _plain_model(work: Workload) -> Any:
    from starfree.models.model import build

    return build("mamba", VOCABULARY, OUTPUTS, layers=work.layers, d_model=work.d_model)


def _own_model(work: Workload) -> tuple[Any, Any]:
    import torch

    from starfree.models.scan.backbone import LayerParameters, Parameters, Shape

    d, inner = work.d_model, 2 * work.d_model
    shape = Shape(
        *(work.layers, d, inner, STATES, TAPS, work.rank, VOCABULARY, OUTPUTS), False, 1e-5
    )

    def draw(*size: int) -> torch.Tensor:
        return torch.randn(*size) / math.sqrt(size[-1])

    layers = tuple(
        LayerParameters(
            *(torch.ones(d), None, draw(2 * inner, d), draw(inner, TAPS), torch.zeros(inner)),
            *(draw(work.rank + 2 * STATES, inner), draw(inner, work.rank)),
            torch.full((inner,), -4.0),
            torch.arange(1.0, STATES + 1).log().repeat(inner, 1),
            *(torch.ones(inner), draw(d, inner)),
        )
        for _ in range(work.layers)
    )
    head = draw(OUTPUTS, d), torch.zeros(OUTPUTS)
    return shape, Parameters(draw(VOCABULARY, d), layers, torch.ones(d), None, *head)


def torch_training(model: Any, tokens: Any, legal: Any) -> Callable[[], object]:
    """A training step of any module: autograd and torch's fused AdamW."""
    import torch
    from torch.nn import functional as F

    optimiser = torch.optim.AdamW(model.parameters(), fused=True)
    targets = legal.float()

    def step() -> None:
        optimiser.zero_grad()
        loss = F.binary_cross_entropy_with_logits(model(tokens), targets)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


def peer_model(name: str, work: Workload) -> Any:
    """A peer's mixer stack in the same shell: embedding, residual blocks, norm, head."""
    import torch
    from torch import nn

    if name == "transformers":
        peer = importlib.import_module("transformers")
        config = peer.MambaConfig(
            vocab_size=VOCABULARY,
            hidden_size=work.d_model,
            num_hidden_layers=work.layers,
            state_size=STATES,
            expand=2,
            conv_kernel=TAPS,
        )
        stack: nn.Module = peer.MambaModel(config)

        class Shell(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.stack = stack
                self.head = nn.Linear(work.d_model, OUTPUTS)

            def forward(self, tokens: torch.Tensor) -> Any:
                return self.head(self.stack(tokens, use_cache=False).last_hidden_state)

        return Shell()
    peer = importlib.import_module("mambapy.mamba")
    stack = peer.Mamba(peer.MambaConfig(d_model=work.d_model, n_layers=work.layers))
    return nn.Sequential(
        nn.Embedding(VOCABULARY, work.d_model),
        stack,
        nn.RMSNorm(work.d_model),
        nn.Linear(work.d_model, OUTPUTS),
    )
