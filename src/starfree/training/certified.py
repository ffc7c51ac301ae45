"""Counterexample-guided training: train, try to prove, train on what refuted it, and again.

A model with finitely many states (`models.hard_gated`) is compared with the language on every
reachable pair of states. Either this is a proof for strings of every length, or it gives shortest
counterexamples: strings with known legal sets, and so training data as sound as any.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from starfree.data.task import Examples, PredictTask
from starfree.errors import InputError
from starfree.languages.language import Language
from starfree.languages.strings import Strings
from starfree.models.hard_gated import HardGated
from starfree.models.reproducible import seeded, threads
from starfree.training.batches import take
from starfree.training.certified_settings import CertifiedSettings
from starfree.training.optimiser import learning_rate, make_optimiser
from starfree.training.outcome import TrainResult
from starfree.training.settings import TrainSettings
from starfree.training.steps import make_step
from starfree.verification.machine import Machine
from starfree.verification.product import Fault, Found, search_faults

QUIET = 0.8  # share of a round's steps after which there is no noise any more

Status = Literal["PROVEN_ALL_LENGTHS", "PROVEN_UP_TO", "COUNTEREXAMPLE"]


@dataclass(frozen=True)
class Round:
    """A proof that was tried.

    Attributes:
        restart: how often training had started anew, 0 at first.
        number: of the round since then, from 1.
        step: batches so far, over all restarts; so are the other counts.
        strings: counterexamples and continuations among the training strings.
        states: pairs that were visited.
        counterexample: the shortest, or None.
        length: all strings up to this length are right.
    """

    restart: int
    number: int
    step: int
    tokens: int
    strings: int
    loss: float
    status: Status
    states: int
    counterexample: tuple[int, ...] | None
    length: int


@dataclass(frozen=True, eq=False)
class CertifiedResult:
    """What came out; the model is proven if the last round says so.

    Attributes:
        model: the proven one, else the one with the longest shortest counterexample.
        trained: tokens, steps, seconds.
        rounds: every proof that was tried, in order.
    """

    model: HardGated
    trained: TrainResult
    rounds: tuple[Round, ...]

    @property
    def proven(self) -> bool:
        """For strings of every length."""
        return self.rounds[-1].status == "PROVEN_ALL_LENGTHS"


def train_certified(
    fresh: Callable[[], HardGated],
    language: Language,
    strings: Strings,
    training: TrainSettings,
    settings: CertifiedSettings,
    seed: int,
    on_round: Callable[[Round | None, float], None] = lambda found, fraction: None,
) -> CertifiedResult:
    """Train until every string is right, or until the budget is spent.

    Args:
        fresh: a new model, its weights drawn from torch's global generator.
        language: what it is to predict.
        strings: to train on at first; any over the alphabet.
        training: `tokens` is the budget of all rounds and restarts; batches, optimiser and the
            course of the learning rate within a round are read too, the rest is not.
        settings: of rounds and restarts.
        seed: of weights, noise and batches.
        on_round: told of each proof, and between them (None), with the share of the budget spent.

    Raises:
        InputError: there are no training strings.
    """
    if not len(strings):
        raise InputError("there are no training strings")
    with threads(1), seeded(seed):
        return _Run(fresh, language, strings, training, settings, seed, on_round).run()


class _Run:
    def __init__(
        self,
        fresh: Callable[[], HardGated],
        language: Language,
        strings: Strings,
        training: TrainSettings,
        settings: CertifiedSettings,
        seed: int,
        on_round: Callable[[Round | None, float], None],
    ) -> None:
        self.fresh, self.language = fresh, language
        self.training, self.settings = training, settings
        self.task = PredictTask(language)
        self.machine = Machine(language)
        self.generator = np.random.default_rng(seed)
        self.given = strings
        self.found: dict[tuple[int, ...], None] = {}  # ordered, each once
        self.on_round = on_round
        self.step = self.tokens = 0
        self.rounds: list[Round] = []
        self.best: tuple[int, dict[str, Tensor]] | None = None

    def run(self) -> CertifiedResult:
        began = time.perf_counter()
        restart = 0
        while not self._restart(restart):
            restart += 1
        proven = self.rounds[-1].status == "PROVEN_ALL_LENGTHS"
        if not proven and self.best is not None:
            self.model.load_state_dict(self.best[1])
        self.model.noise = 0.0
        trained = TrainResult(
            stopped="solved" if proven else "budget",
            step=self.step,
            tokens=self.tokens,
            seconds=time.perf_counter() - began,
            curve=(),
        )
        return CertifiedResult(self.model.eval(), trained, tuple(self.rounds))

    @property
    def _fraction(self) -> float:
        return min(1.0, self.tokens / self.training.tokens)

    def _restart(self, restart: int) -> bool:
        """Fresh weights and some rounds; whether that is all."""
        self.model = self.fresh()
        settings = self.settings
        for number in range(1, settings.rounds + 1):
            first = number == 1
            loss = self._train(
                settings.first_steps if first else settings.steps,
                settings.noise if first else settings.repair_noise,
                1.0 if first else settings.repair_rate,
            )
            self.model.snap()
            found, faults = self._prove()
            status: Status = "COUNTEREXAMPLE" if faults else "PROVEN_UP_TO"
            if found.complete:
                status = "PROVEN_ALL_LENGTHS"
            shortest = faults[0].letters if faults else None
            length = len(shortest) - 1 if shortest is not None else found.length
            self.rounds.append(
                Round(restart, number, self.step, self.tokens, len(self.found), loss, status,
                      found.states, shortest, length)
            )  # fmt: skip
            self.on_round(self.rounds[-1], self._fraction)
            if self.best is None or length > self.best[0]:
                weights = {name: t.clone() for name, t in self.model.state_dict().items()}
                self.best = length, weights
            if found.complete or self.tokens >= self.training.tokens:
                return True
            if not faults:  # too many states to go on with
                return False
            self._keep(faults)
        return False

    def _prove(self) -> tuple[Found, list[Fault]]:
        self.model.eval()
        return search_faults(
            self.model, self.language, "prefixes", self.settings.max_states, self.settings.faults
        )

    def _train(self, steps: int, noise: float, rate: float) -> float:
        """So many batches, or as many as the budget has; the mean loss of the last tenth."""
        training, model = self.training, self.model
        examples = self.task.encode(Strings.concatenate([self.given, Strings.of(self.found)]))
        optimiser = make_optimiser(model, training)
        step = make_step(model, self.task.objective, optimiser, training.clip)
        model.train()
        losses = []
        for number in range(steps):
            share = number / steps
            model.noise = noise * max(0.0, 1 - share / QUIET)
            for group in optimiser.param_groups:
                group["lr"] = rate * learning_rate(training, share)
            rows = self._batch(examples)
            lengths = torch.from_numpy(examples.lengths[rows].astype(np.int64))
            losses.append(step(take(examples, rows), lengths))
            self.step += 1
            self.tokens += int(lengths.sum())
            if self.tokens >= training.tokens:
                break
            if self.step % 100 == 0:
                self.on_round(None, self._fraction)
        return float(np.mean(losses[-max(1, len(losses) // 10) :]))

    def _batch(self, examples: Examples) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Given strings; half of the batch counterexamples once there are any."""
        size, given = self.training.batch_size, len(self.given)
        own = size // 2 if self.found else 0
        return np.concatenate(
            [
                self.generator.integers(0, given, size - own),
                self.generator.integers(given, max(given + 1, len(examples.lengths)), own),
            ]
        )

    def _keep(self, faults: list[Fault]) -> None:
        """Counterexamples, and live strings that go on from them."""
        for fault in faults:
            self.found[fault.letters] = None
            for _ in range(self.settings.continuations):
                self.found[self._continued(fault.letters)] = None

    def _continued(self, letters: tuple[int, ...]) -> tuple[int, ...]:
        state = self.machine.start
        for letter in letters:
            state = self.machine.successor(state, letter)
        string = list(letters)
        for _ in range(self.generator.integers(1, self.settings.continuation_length + 1)):
            live = self.machine.live_letters(state)
            if not live:
                break
            string.append(live[self.generator.integers(len(live))])
            state = self.machine.successor(state, string[-1])
        return tuple(string)
