"""Certificates: what was proven of a model, how, in which arithmetic; or where it is wrong."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import time
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from starfree.errors import InputError
from starfree.languages.language import Language
from starfree.models.mamba import Mamba
from starfree.models.model import RecurrentModel
from starfree.models.reproducible import threads
from starfree.models.transformers_cache import TransformersMamba
from starfree.verification.arithmetic import ExactSums, arithmetic_of
from starfree.verification.methods import Method, Status, decide
from starfree.verification.product import BATCH, Domain, Fault

MAX_STATES = 50_000


@dataclass(frozen=True)
class Counterexample:
    """Where a model is wrong.

    Attributes:
        string: as it is written on the command line.
        position: how many symbols were read; 0 is right after `^`.
        expected: the legal set, `$` for the end.
        given: the model's.
        shortest: no shorter string is a counterexample.
    """

    string: str
    position: int
    expected: list[str]
    given: list[str]
    shortest: bool


@dataclass(frozen=True)
class Certificate:
    """What was proven, as it is written to ``certificate.json``.

    Attributes:
        method: of the proof.
        domain: over which strings: prefixes of members, or all.
        reading: of a logit: ``sign``, or ``margin g``.
        arithmetic: the format, and whether any sum was rounded.
        kernel: what computed.
        states: pairs of model state and language configuration that were visited; of an inductive
            proof, its abstract cases.
        length: of PROVEN_UP_TO; all shorter strings are proven too.
        margin: the smallest absolute logit seen; None if none was.
        invariant: of an inductive proof: what holds after every prefix.
        covers: the strings that an inductive proof is about; or why there is none.
    """

    status: Status
    language: str
    states: int
    margin: float | None
    arithmetic: str
    kernel: str
    language_hash: str
    model_hash: str
    seconds: float
    method: Method = "product"
    domain: Domain = "prefixes"
    reading: str = "sign"
    length: int | None = None
    counterexample: Counterexample | None = None
    invariant: str | None = None
    covers: str | None = None
    format: int = 1

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Certificate:
        """Read what `to_json` wrote.

        Raises:
            InputError: another format, or a field is missing or unknown.
        """
        if data.get("format") != 1:
            raise InputError(f"certificate: format {data.get('format')!r} is not 1")
        try:
            found = data["counterexample"]
            return cls(**{**data, "counterexample": found and Counterexample(**found)})
        except (KeyError, TypeError) as error:
            raise InputError(f"certificate: missing or wrong field {error}") from error


def certify(
    model: nn.Module,
    language: Language,
    domain: Domain = "prefixes",
    margin: float = 0.0,
    max_states: int = MAX_STATES,
) -> Certificate:
    """Prove that a model predicts a language on strings of every length, or find its first fault.

    Where the model has the form of a template or is strict (`verification.inductive`), by an
    invariant. Else visits every reachable pair of model state and language configuration. This ends
    where the model has finitely many states; else the search stops at `max_states` and proves the
    lengths that it covered.

    Args:
        model: recurrent (`initial_state`, `step`), task `predict`: reads `^` (token n+1) first.
        language: what it is to predict.
        domain: ``prefixes`` of members, or ``all`` strings (nothing is legal after an illegal one).
        margin: wanted of every absolute logit; 0 reads the sign alone.
        max_states: how many pairs may be visited.

    Raises:
        InputError: the model has no `step`.
    """
    if not isinstance(model, RecurrentModel):
        raise InputError(
            f"model {type(model).__name__} has no `step`: only recurrent models can be certified"
        )
    _check_vocabulary(model, language)
    started = time.perf_counter()
    with threads(1), ExactSums(model) as sums:  # steps are small: a second thread only waits
        found = decide(model, language, domain, margin, max_states)
    fault = found.fault
    return Certificate(
        status=found.status,
        language=language.name,
        states=found.states,
        margin=found.margin if math.isfinite(found.margin) else None,
        arithmetic=arithmetic_of(model, sums.exact),
        kernel=_kernel(model),
        language_hash=language_hash(language),
        model_hash=model_hash(model),
        seconds=round(time.perf_counter() - started, 3),
        method=found.method,
        domain=domain,
        reading=f"margin {margin:g}" if margin else "sign",
        length=found.length,
        counterexample=as_counterexample(language, fault, found.shortest) if fault else None,
        invariant=found.invariant,
        covers=found.covers,
    )


def as_counterexample(language: Language, fault: Fault, shortest: bool = True) -> Counterexample:
    """A fault in the language's symbols; a member is where `$` is expected."""
    symbols = (*language.alphabet, "$") if len(fault.expected) > 1 else ("$",)

    def names(bits: tuple[bool, ...]) -> list[str]:
        return [symbol for symbol, bit in zip(symbols, bits, strict=True) if bit]

    return Counterexample(
        language.decode(fault.letters),
        len(fault.letters),
        names(fault.expected),
        names(fault.given),
        shortest,
    )


def disagreements(written: Certificate, found: Certificate) -> list[str]:
    """Where a written certificate is not borne out by a new proof of what it claims to be about.

    Numbers of states and margins are compared only where the same kernel computed.

    Returns:
        a sentence for each; none if it holds.
    """
    wrong = []
    if written.language_hash != found.language_hash:
        wrong.append(f"{found.language} is another language than the one it was written for")
    if written.model_hash != found.model_hash:
        wrong.append("the weights are not the ones it was written for")
    proven = "PROVEN_ALL_LENGTHS", "PROVEN_UP_TO"
    if written.status in proven and found.status not in proven:
        wrong.append(f"it says {written.status}, and there is a counterexample")
    if written.status not in proven and found.status in proven:
        wrong.append(f"it says {written.status}, and the model is right")
    same = (written.arithmetic, written.kernel) == (found.arithmetic, found.kernel)
    if same and {written.status, found.status} == {"PROVEN_ALL_LENGTHS"}:
        pairs = [
            ("states", written.states, found.states),
            ("margin", written.margin, found.margin),
        ]
        wrong += [f"its {what} is {old}, found is {new}" for what, old, new in pairs if old != new]
    return wrong


@torch.inference_mode()
def _check_vocabulary(model: Any, language: Language) -> None:
    """Try every token once, so that a model of another size is told in words.

    Raises:
        InputError: its step fails.
    """
    tokens = torch.arange(len(language.alphabet) + 2)
    tokens = tokens[tokens != language.end]
    try:
        model.step(tokens, model.initial_state(len(tokens)))
    except (IndexError, RuntimeError, ValueError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"the model cannot read the {len(tokens)} tokens of {language.name}, its alphabet "
            f"and `^` ({said})"
        ) from None


def _kernel(model: nn.Module) -> str:
    """What computed. Watched sums keep a Mamba from its fused kernel."""
    device = next((p.device.type for p in model.parameters()), "cpu")
    what = f"{type(model).__module__}.step"
    if isinstance(model, Mamba):
        what += " layer by layer in PyTorch"
    if isinstance(model, TransformersMamba):
        what = f"{model.version}, MambaForCausalLM with its cache"
    return (
        f"{what}, batches up to {BATCH}, torch {torch.__version__}, {device} {platform.machine()}"
    )


def model_hash(model: nn.Module) -> str:
    """SHA-256 of the model's class, printed structure and tensors, in their dtype."""
    digest = hashlib.sha256(f"{type(model).__qualname__}\n{model}\n".encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def language_hash(language: Language) -> str:
    """SHA-256 of the minimal automaton; of the name where there is none that is small enough."""
    automaton = language.automaton
    if automaton is None:
        known: Any = language.name
    else:
        small = automaton.minimise()
        known = [small.start, small.transitions.tolist(), small.accepting.tolist()]
    text = json.dumps([list(language.alphabet), known], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
