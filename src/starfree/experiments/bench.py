"""How fast are the models, beside their peers and beside what the processor could do at most?

Workloads W1-W5 are training steps (forward, loss on bits, backward, AdamW; d_state 16, expand 2,
d_conv 4, float32), W6 is evaluation without gradients. Implementations take turns in one process,
so that a busy machine slows all of them. Peers are also measured under an allocator that keeps its
pages (`GLIBC_TUNABLES`), because glibc gives large tensors back to the system at every step.

floor = matrix FLOPs / peak + 2 exponentials a scan element / exponential throughput, both measured
on the spot; the peak is the best of our own product, torch's and oneDNN's. With one thread our
fraction of the floor is taken from the CPU time of a step, which other processes do not stretch.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

FORMAT = 1
KEEP_PAGES = "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=1099511627776"
PEERS = ("mambapy", "transformers")


class Workload(NamedTuple):
    """A model's size and a batch of full length."""

    layers: int
    d_model: int
    batch: int
    length: int

    @property
    def positions(self) -> int:
        return self.batch * self.length

    @property
    def rank(self) -> int:
        return -(-self.d_model // 16)

    def floats(self, passes: int) -> float:
        """FLOPs of the matrix products: 1 pass is the forward, 3 a training step."""
        d, inner = self.d_model, 2 * self.d_model
        layer = d * 2 * inner + inner * (self.rank + 2 * STATES) + self.rank * inner + inner * d
        return 2.0 * passes * self.positions * (self.layers * layer + d * OUTPUTS)

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
# Where a peer's step takes minutes it is not asked (`transformers` is quadratic in the length).
PATIENCE = {"mambapy": ("W1", "W2", "W3", "W4", "W5"), "transformers": ("W1", "W2")}


def installed() -> list[str]:
    """The peers that can be measured here (extra `bench`)."""
    return [name for name in PEERS if importlib.util.find_spec(name)]


def run(quick: bool = False, say: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """The whole comparison, each part in a process of its own.

    Args:
        quick: under a minute: fewer rounds, no W3.
        say: called with a line per part as it ends.

    Returns:
        the object of `starfree bench --json`.
    """
    result: dict[str, Any] = {"format": FORMAT, "workloads": {}}
    result["machine"] = _worker({"part": "machine"})
    say(_machine_line(result["machine"]))
    for name in TRAINING:
        if quick and name == "W3":
            continue
        seconds = 2.0 if quick else 20.0
        order = {"part": "training", "workload": name, "seconds": seconds}
        entry = _worker({**order, "threads": 1, "peers": installed()})
        if not quick or name in ("W2", "W5"):
            kept = _worker({**order, "threads": 1, "peers": ["mambapy"]}, keep_pages=True)
            if "mambapy" in kept:
                entry["mambapy_keeping_pages"] = kept["mambapy"]
        double = _worker({**order, "threads": 2, "peers": [], "seconds": seconds / 3})
        entry["two_threads"] = {
            **double["starfree"],
            "speedup": _ratio(entry["starfree"], double["starfree"]),
        }
        result["workloads"][name] = entry
        say(training_line(name, entry))
    result["evaluation"] = _worker({"part": "evaluation", "quick": quick, "peers": installed()})
    say(evaluation_line(result["evaluation"]))
    if not quick:
        result["scaling"] = _worker({"part": "scaling"})
    return result


def doctor() -> str:
    """Which path computes on this machine, and why."""
    from starfree.models.scan import library

    return library.status().summary


def training_line(name: str, entry: dict[str, Any]) -> str:
    """One workload for people."""
    own = entry["starfree"]
    parts = [f"{name}  {own['median_ms']:.2f} ms", f"{own['floor_fraction']:.0%} of the floor"]
    for peer in (*PEERS, "mambapy_keeping_pages"):
        if peer in entry:
            parts.append(f"{entry[peer]['ratio']:.1f}x {peer.replace('_', ' ')}")
    parts.append(f"2 threads {entry['two_threads']['speedup']:.2f}x")
    return ", ".join(parts)


def evaluation_line(entry: dict[str, Any]) -> str:
    """The evaluation for people."""
    parts = [f"W6  {entry['starfree']['tokens_per_second']:,.0f} tokens/s"]
    parts += [f"{entry[peer]['ratio']:.1f}x {peer}" for peer in PEERS if peer in entry]
    return ", ".join([*parts, f"memory grew by {entry['starfree']['memory_growth_mb']:.0f} MB"])


def _machine_line(machine: dict[str, Any]) -> str:
    return (
        f"{machine['processor']}: products {machine['peak_gflops']:.0f} GF/s a core, "
        f"exponentials {machine['exp_per_second'] / 1e9:.1f} G/s; {machine['kernels']}"
    )


def _worker(order: dict[str, Any], keep_pages: bool = False) -> dict[str, Any]:
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(order.get("threads", 1)),
        "TRANSFORMERS_VERBOSITY": "error",
    }
    if keep_pages:
        environment["GLIBC_TUNABLES"] = KEEP_PAGES
    done = subprocess.run(
        [sys.executable, "-m", __name__, json.dumps(order)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _ratio(slow: dict[str, Any], fast: dict[str, Any]) -> float:
    return float(slow["median_ms"] / fast["median_ms"])


def _summary(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "median_ms": 1e3 * statistics.median(ordered),
        "p10_ms": 1e3 * ordered[len(ordered) // 10],
        "rounds": len(ordered),
    }


def _peak_memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _best(action: Callable[[], object], seconds: float = 0.3) -> float:
    """CPU seconds of the shortest of repeated runs on one thread, whoever else is computing."""
    action()
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.thread_time()
        action()
        best = min(best, time.thread_time() - start)
    return best


def measure_machine() -> dict[str, Any]:
    """Peaks of one core, from the best of several implementations."""
    import torch

    from starfree.models.scan import library
    from starfree.training.reproducible import threads

    with threads(1):
        return _peaks(torch, library)


def _peaks(torch: Any, library: Any) -> dict[str, Any]:
    rows, inner, columns = 256, 256, 1024
    work = 2.0 * rows * inner * columns
    a, b, bias = torch.randn(rows, inner), torch.randn(inner, columns), torch.randn(columns)
    peaks = {"torch.mm": work / _best(lambda: torch.mm(a, b))}
    if torch.backends.mkldnn.is_available():
        weight = b.t().contiguous()
        linear = torch.ops.mkldnn._linear_pointwise
        peaks["oneDNN"] = work / _best(lambda: linear(a, weight, bias, "none", [], ""))
    kernels = library.library()
    x = -torch.rand(4096)
    y = torch.empty_like(x)
    exponentials = {"torch.exp2": 4096 / _best(lambda: torch.exp2(x, out=y))}
    if kernels is not None:
        padded, packed = torch.randn(rows, inner + 16), torch.randn(inner * columns)
        out = torch.empty(rows, columns + 16)
        own = _best(
            lambda: kernels.call(
                "product", torch.float32, rows, columns, inner, padded, packed, out, 10
            )
        )
        peaks["starfree"] = 10 * work / own
        repeat = _best(lambda: kernels.call("exp2", torch.float32, 4096, x, y, 100))
        exponentials["starfree"] = 409600 / repeat
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "kernels": library.status().summary,
        "gflops": {name: value / 1e9 for name, value in peaks.items()},
        "peak_gflops": max(peaks.values()) / 1e9,
        "exp_per_second": max(exponentials.values()),
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _floor_ms(work: Workload, passes: int) -> float:
    machine = measure_machine()
    exponentials = (2 if passes == 3 else 1) * work.elements() / machine["exp_per_second"]
    return float(1e3 * (work.floats(passes) / machine["peak_gflops"] / 1e9 + exponentials))


def own_training(work: Workload) -> Callable[[], object]:
    """Our training step: in one compiled call, or torch's where there are no kernels."""
    import torch

    from starfree.models.scan import library
    from starfree.models.scan.step import AdamW, TrainStep

    tokens = torch.randint(VOCABULARY, (work.batch, work.length))
    legal = torch.rand(work.batch, work.length, OUTPUTS) < 0.5
    if library.library() is None:
        from starfree.models.model import build

        model = build("mamba", VOCABULARY, OUTPUTS, layers=work.layers, d_model=work.d_model)
        return _torch_training(model, tokens, legal)
    shape, parameters = _own_model(work)
    step = TrainStep(shape, parameters, "bits", 0.01)
    weights = torch.ones(work.batch, work.length)
    lengths = torch.full((work.batch,), work.length)
    return lambda: step(tokens, legal, weights, lengths, AdamW(1e-3))


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


def _torch_training(model: Any, tokens: Any, legal: Any) -> Callable[[], object]:
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


def measure_training(name: str, threads: int, seconds: float, peers: list[str]) -> dict[str, Any]:
    """Medians of single steps, implementations taking turns."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    work = TRAINING[name]
    floor = _floor_ms(work, 3)
    ours = own_training(work)
    tokens = torch.randint(VOCABULARY, (work.batch, work.length))
    legal = torch.rand(work.batch, work.length, OUTPUTS) < 0.5
    steps = {
        peer: _torch_training(peer_model(peer, work), tokens, legal)
        for peer in peers
        if name in PATIENCE[peer]
    }
    times: dict[str, list[float]] = {"starfree": [], **{peer: [] for peer in steps}}
    own_cpu = []
    for peer, step in _turns(ours, steps, seconds):
        start, cpu = time.perf_counter(), time.thread_time()
        step()
        times[peer].append(time.perf_counter() - start)
        if peer == "starfree":
            own_cpu.append(time.thread_time() - cpu)
    result: dict[str, Any] = {"threads": threads, "floor_ms": floor}
    for peer, values in times.items():
        result[peer] = _summary(values[1:] or values)  # the first warms up
        result[peer]["tokens_per_second"] = 1e3 * work.positions / result[peer]["median_ms"]
    own = result["starfree"]
    own["cpu_p10_ms"] = _summary(own_cpu[1:])["p10_ms"]
    own["floor_fraction"] = floor / own["cpu_p10_ms" if threads == 1 else "p10_ms"]
    own["peak_memory_mb"] = _peak_memory_mb()
    for peer in steps:
        result[peer]["ratio"] = _ratio(result[peer], own)
    return result


def _turns(
    ours: Callable[[], object], peers: dict[str, Callable[[], object]], seconds: float
) -> Iterator[tuple[str, Callable[[], object]]]:
    """Rounds of three of our steps and one of each peer's, at least two rounds."""
    end, rounds = time.perf_counter() + seconds, 0
    while rounds < 2 or time.perf_counter() < end:
        for _ in range(3):
            yield "starfree", ours
        yield from peers.items()
        rounds += 1


def measure_evaluation(quick: bool, peers: list[str]) -> dict[str, Any]:
    """W6: tokens per CPU second at length 10,000, ours at batch 32, peers at 4 (their memory)."""
    import torch

    torch.manual_seed(0)
    work = EVALUATION._replace(batch=8 if quick else 32)
    small = work._replace(batch=1 if quick else 4)
    result: dict[str, Any] = {"length": work.length}
    evaluate = _own_evaluation(work)
    _own_evaluation(work._replace(length=256))()
    before = _peak_memory_mb()
    seconds = min(_cpu_seconds(evaluate) for _ in range(3))
    # what the tokens and the logits themselves take is not the model's
    data = work.positions * 4 * (2 + OUTPUTS) / 2**20
    result["starfree"] = {
        "tokens_per_second": work.positions / seconds,
        "floor_fraction": _floor_ms(work, 1) / 1e3 / seconds,
        "memory_growth_mb": max(0.0, _peak_memory_mb() - before - data),
    }
    for peer in peers:
        model = peer_model(peer, small).eval()
        tokens = torch.randint(VOCABULARY, (small.batch, small.length))
        with torch.no_grad():
            spent = _cpu_seconds(lambda model=model, tokens=tokens: model(tokens))  # type: ignore[misc]
        rate = small.positions / spent
        ratio = work.positions / seconds / rate
        result[peer] = {"tokens_per_second": rate, "ratio": ratio}
    return result


def _own_evaluation(work: Workload) -> Callable[[], object]:
    import torch

    from starfree.models.scan import library
    from starfree.models.scan.backbone import stream

    tokens = torch.randint(VOCABULARY, (work.batch, work.length))
    if library.library() is None:
        from starfree.models.model import build

        model = build("mamba", VOCABULARY, OUTPUTS, layers=work.layers, d_model=work.d_model)
        return lambda: torch.no_grad()(model)(tokens)
    shape, parameters = _own_model(work)
    return lambda: stream(tokens, None, shape, parameters)


def _cpu_seconds(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def measure_scaling() -> dict[str, Any]:
    """Time of one training step over length (d_model 64) and over width (length 128)."""
    steps = {}
    for length in (64, 256, 1024, 4096, 16_384, 65_536):
        steps[f"length {length}"] = Workload(2, 64, 1, length)
    for width in (16, 32, 64, 128, 256):
        steps[f"width {width}"] = Workload(2, width, 8, 128)
    result = {}
    for name, work in steps.items():
        seconds = _best(own_training(work), 1.0)
        result[name] = {"best_ms": 1e3 * seconds, "us_per_token": 1e6 * seconds / work.positions}
    return result


def _answer(order: dict[str, Any]) -> dict[str, Any]:
    part = order.pop("part")
    if part == "machine":
        return measure_machine()
    if part == "training":
        return measure_training(
            order["workload"], order["threads"], order["seconds"], order["peers"]
        )
    if part == "evaluation":
        return measure_evaluation(order["quick"], order["peers"])
    return measure_scaling()


if __name__ == "__main__":
    print(json.dumps(_answer(json.loads(sys.argv[1]))))
