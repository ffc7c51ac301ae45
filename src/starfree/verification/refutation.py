"""Looking for a string on which a model is wrong: `starfree refute`.

Four searches, one after the other: all strings by length, pumped families, random hard strings,
hill climbing on the margin. That none finds anything proves the strings of the first search alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import torch
from torch import nn

from starfree.algebra.aperiodicity import Witness, decide
from starfree.errors import ComplexityLimit
from starfree.languages.language import Language
from starfree.models.gates import measure
from starfree.models.model import RecurrentModel
from starfree.models.reproducible import threads
from starfree.verification.budget import Budget, Seconds, Symbols
from starfree.verification.certificate import Counterexample, as_counterexample
from starfree.verification.exhaustive import all_strings
from starfree.verification.families import Family, families
from starfree.verification.machine import Machine, Recogniser
from starfree.verification.methods import Status
from starfree.verification.product import Domain, Fault, search
from starfree.verification.pumping import Pump
from starfree.verification.random_strings import climb, random_strings
from starfree.verification.reading import Reader, reader_of

Say = Callable[[str], None]

FAMILIES = 64
LONGEST = 100_000
STATES = 50_000
SOUNDED = (2, 8, 32)  # n at which families are tried before any is read step by step
SHORT = 1_000  # symbols to which families are read before any is read farther
SHARES = {
    "exhaustive": 0.25, "sounded": 0.4, "short": 0.5, "pumped": 0.8, "random": 0.9, "margin": 1.0,
}  # fmt: skip
"""When a search ends, as a part of the whole budget."""


@dataclass(frozen=True)
class Searched:
    """How far each search went.

    Attributes:
        length: all strings up to this length were compared.
        states: pairs of model state and configuration, or strings, of that search.
        complete: that search visited every state that can be reached.
        families: how many u w^n were read.
        pumped_to: the longest string among them.
        random_strings: how many.
        climbed: strings that the search on the margin looked at.
    """

    length: int
    states: int
    complete: bool
    families: int = 0
    pumped_to: int = 0
    random_strings: int = 0
    climbed: int = 0


@dataclass(frozen=True)
class Refutation:
    """What was found of a model.

    Attributes:
        domain: about which strings: ``prefixes`` of members, or ``all``.
        status: COUNTEREXAMPLE; PROVEN_ALL_LENGTHS where the states are finitely many and all right;
            PROVEN_UP_TO `length`; UNKNOWN where nothing was found although a theorem says that
            something is wrong.
        family: where the counterexample comes from: `search` and, if pumped, u, w, n, v.
        theorem: the key of a theorem (`starfree cite`) that no such model can be right.
        curve: ``(n, smallest signed margin)`` of the family that came off worst.
        collapse: the first n found at which a suffix after u w^n goes wrong, of that family.
        predicted: the n that the measured gates predict for it.
    """

    status: Status
    language: str
    counterexample: Counterexample | None
    family: dict[str, Any] | None
    searched: Searched
    seconds: float
    length: int | None = None
    theorem: str | None = None
    curve: tuple[tuple[int, float], ...] = ()
    curve_of: str | None = None
    collapse: int | None = None
    predicted: int | None = None
    domain: Domain = "prefixes"
    format: int = field(default=1)

    def to_json(self) -> dict[str, Any]:
        """The object of `refute --json`."""
        return asdict(self)


def refute(
    model: nn.Module,
    language: Language,
    seconds: float = 60.0,
    longest: int = LONGEST,
    seed: int = 0,
    say: Say = lambda line: None,
    symbols: int | None = None,
    task: Literal["predict", "recognise"] = "predict",
) -> Refutation:
    """Look for a string on which a model is wrong.

    Args:
        model: with `forward`; faster, and to greater lengths, with `step`.
        language: what it is to predict, on prefixes of members; or to recognise, on all strings.
        seconds: the time for everything, about.
        longest: symbols of the longest pumped string.
        seed: of the random strings.
        say: is called with a line after each search.
        symbols: work for everything in place of `seconds` (`verification.budget`): the same
            searches on every machine.
        task: of the model: the legal set after every prefix, or one bit, whether it is a member.

    Raises:
        InputError: the model has too few outputs.
    """
    with torch.inference_mode(), threads(1):
        budget = Seconds() if symbols is None else Symbols()
        whole = seconds if symbols is None else symbols
        machine = Machine(language) if task == "predict" else Recogniser(language)
        return _Refuter(model, machine, budget, whole, longest, seed, say).run()


class _Refuter:
    def __init__(
        self,
        model: nn.Module,
        machine: Machine,
        budget: Budget,
        whole: float,
        longest: int,
        seed: int,
        say: Say,
    ) -> None:
        self.model, self.machine, self.longest = model, machine, longest
        self.language = language = machine.language
        self.seed, self.say = seed, say
        self.started = time.perf_counter()
        self.budget, self.begun, self.whole = budget, budget.now(), whole
        self.reader: Reader = reader_of(model, len(language.alphabet), budget, machine.bits)
        self.gates = measure(model, len(language.alphabet))
        self.witness = _witness(language)

    def run(self) -> Refutation:
        fault, searched = self._exhaustive()
        shortest = fault is not None
        family: dict[str, Any] | None = {"search": "all strings"} if fault else None
        sounded: list[Pump] = []
        pumped: list[Pump] = []
        if fault:
            # nothing shorter is to be found: one family, for the curve of its margin
            pumped = self._pumped(families(self.machine, self.witness, 1))
        elif not searched.complete:
            sounded = self._sounded(families(self.machine, self.witness, FAMILIES))
            pumped = self._pumped([each.family for each in sounded])
        read = [*sounded, *pumped]
        wrong = [each for each in read if each.fault]
        if read:
            tried = len({each.family for each in read})
            length = max(each.length for each in read)
            failed = len({each.family for each in wrong})
            searched = replace(searched, families=tried, pumped_to=length)
            self.say(f"u w^n v: {tried} families to length {length:,}, {failed} of them wrong")
        if fault is None and wrong:
            best = min(wrong, key=lambda each: len(each.fault.letters) if each.fault else 0)
            fault, family = best.fault, self._named(best)
        if fault is None and not searched.complete:
            fault, family, searched = self._random(searched)
        worst = min(
            pumped or wrong, key=lambda each: (each.collapse is None, each.lowest), default=None
        )
        return self._result(fault, shortest, family, searched, worst)

    def _exhaustive(self) -> tuple[Fault | None, Searched]:
        until = self._until("exhaustive")
        if isinstance(self.model, RecurrentModel):
            found = search(
                self.model,
                self.language,
                "prefixes",
                0.0,
                STATES,
                until,
                self.budget,
                self.machine,
            )
        else:
            found = all_strings(self.reader, self.machine, until, self.budget)
        searched = Searched(found.length, found.states, found.complete)
        if found.fault:
            self.say(f"all strings: wrong at length {len(found.fault.letters)}")
        elif found.complete:
            self.say(f"all strings: right at every length ({found.states:,} states)")
        else:
            self.say(f"all strings: right up to length {found.length}")
        return found.fault, searched

    def _sounded(self, candidates: Sequence[Family]) -> list[Pump]:
        """Families at a few n each, as far as the budget goes; sorted, the most promising first.

        So a family that is wrong early is found, though others come before it.
        """
        sounded = []
        for family in candidates:
            if self.budget.now() > self._until("sounded"):
                break
            pump = Pump(self.reader, self.machine, family, self.longest, asked=SOUNDED)
            pump.read_to(self.longest, self.budget, self._until("sounded"))
            sounded.append(pump)
        return sorted(sounded, key=_promising)

    def _pumped(self, candidates: Sequence[Family]) -> list[Pump]:
        """Families in this order, step by step to a modest length; then the most promising on.

        Farther than the shortest fault so far none is read.
        """
        diagonal = self.gates.recurrence == "diagonal"
        results: list[Pump] = []
        for family in candidates:
            if self.budget.now() > self._until("short"):
                break
            pump = Pump(self.reader, self.machine, family, self.longest, diagonal)
            pump.read_to(min(self.longest, SHORT), self.budget, self._until("short"))
            results.append(pump)
            self._shorten(pump)
        if self.longest > SHORT:
            deepest = sorted(results, key=_promising)
            for place, pump in enumerate(deepest):
                left = self._until("pumped") - self.budget.now()
                own = max(left / (len(deepest) - place), 0.75 * left)
                pump.read_to(self.longest, self.budget, self.budget.now() + own)
                self._shorten(pump)
        return results

    def _shorten(self, pump: Pump) -> None:
        """After a fault only a shorter one is of use."""
        if pump.fault:
            self.longest = min(self.longest, len(pump.fault.letters))

    def _random(self, searched: Searched) -> tuple[Fault | None, dict[str, Any] | None, Searched]:
        tried, fault = random_strings(
            self.reader, self.machine, self.seed, self._until("random"), self.budget
        )
        self.say(f"random strings: {'wrong on one' if fault else 'right on all'} of {tried:,}")
        known = {**asdict(searched), "random_strings": tried}
        if fault:
            return fault, {"search": "random strings"}, Searched(**known)
        tried, fault = climb(
            self.reader, self.machine, self.seed, self._until("margin"), self.budget
        )
        self.say(
            f"search on the margin: {'wrong on one' if fault else 'right on all'} of {tried:,}"
        )
        known["climbed"] = tried
        return fault, {"search": "margin"} if fault else None, Searched(**known)

    def _result(
        self,
        fault: Fault | None,
        shortest: bool,
        family: dict[str, Any] | None,
        searched: Searched,
        worst: Pump | None,
    ) -> Refutation:
        impossible = self._impossible()
        status: Status = "PROVEN_UP_TO"
        if fault:
            status = "COUNTEREXAMPLE"
        elif searched.complete:
            status = "PROVEN_ALL_LENGTHS"
        elif impossible:
            status = "UNKNOWN"
        return Refutation(
            status=status,
            language=self.language.name,
            counterexample=as_counterexample(self.language, fault, shortest) if fault else None,
            family=family,
            searched=searched,
            seconds=round(time.perf_counter() - self.started, 3),
            length=searched.length if status in ("PROVEN_UP_TO", "UNKNOWN") else None,
            theorem=impossible,
            curve=tuple(worst.curve) if worst else (),
            curve_of=self._spelled(worst.family) if worst else None,
            collapse=worst.collapse if worst else None,
            predicted=worst.predict() if worst else None,
            domain="all" if isinstance(self.machine, Recogniser) else "prefixes",
        )

    def _impossible(self) -> str | None:
        """Non-negative gates cannot do what is not star-free (at finite precision)."""
        gates = self.gates
        diagonal = gates.recurrence == "diagonal" and not gates.complex
        if self.witness is not None and diagonal and gates.low is not None and gates.low >= 0:
            return "sarrof2024"
        return None

    def _named(self, pumped: Pump) -> dict[str, Any]:
        """The counterexample as u w^n v."""
        assert pumped.fault is not None
        decode, u, w = self.language.decode, pumped.family.u, pumped.family.w
        rest = pumped.fault.letters[len(u) :]
        n = 0
        while rest[n * len(w) : (n + 1) * len(w)] == w:
            n += 1
        return {
            "search": pumped.family.origin,
            "u": decode(pumped.fault.letters[: len(u)]),
            "w": decode(w),
            "n": n,
            "v": decode(rest[n * len(w) :]),
        }

    def _spelled(self, family: Family) -> str:
        decode = self.language.decode
        return f"{decode(family.u)} ({decode(family.w)})^n".strip()

    def _until(self, name: str) -> float:
        return self.begun + self.whole * SHARES[name]


def _promising(pump: Pump) -> tuple[bool, bool, float]:
    """The algebraic witness first, then what is wrong, then by the smallest margin."""
    return (pump.family.origin != "witness", pump.fault is None, pump.lowest)


def _witness(language: Language) -> Witness | None:
    if language.automaton is None:
        return None
    try:
        return decide(language.automaton).witness
    except ComplexityLimit:
        return None
