"""What theory lets one expect of a cell: the one seam between reports and the verdict table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from starfree.algebra.facts import facts
from starfree.algebra.verdict import Verdict, expected, expected_of_window
from starfree.errors import StarfreeError
from starfree.languages.catalog import language
from starfree.languages.language import Language

Answer = Literal["can", "cannot", "open"]


@dataclass(frozen=True)
class Expectation:
    """Whether weights exist that are right at every length; nothing about learning them.

    `can` is said of the architecture, with layers and width enough; `cannot` of the model as it is,
    with its number of layers where a theorem bounds it.

    Attributes:
        conditions: the arithmetic and the variant it holds under.
        source: the theorem; empty where none is known.
    """

    answer: Answer
    conditions: str
    source: str


OPEN = Expectation("open", "no theorem covers it", "")


# The constructions of these rows for regular languages are cascades of the automaton, or hold it.
_SIMULATING = {"mamba", "signed", "complex", "delta", "reflections", "rnn", "lstm"}


@dataclass(frozen=True)
class Kind:
    """A model between the architectures of the verdict table.

    Attributes:
        within: architectures that contain it: what one of them cannot, it cannot.
        contains: what all of these can (by one construction), it can.
        counts: the constructions of `contains` for counters are its own too.
        position: code of a transformer.
        window: it is a map of so many last symbols, and nothing else is asked.
        layers: how many it has; 0 does not count them.
    """

    within: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    counts: bool = True
    position: str = "none"
    window: int = 0
    layers: int = 0

    @property
    def simulates(self) -> bool:
        """What it can, it can by holding the automaton's state."""
        return not self.window and set(self.contains) <= _SIMULATING

    def judge(self, asked: Language) -> Verdict | None:
        """The verdict, or None where nothing is known."""
        if self.window:
            return expected_of_window(asked, self.window)
        names = dict.fromkeys((*self.within, *self.contains))
        found = {name: expected(asked, name, self.position) for name in names}
        above = [found[name] for name in self.within]
        below = [found[name] for name in self.contains]
        if not self.counts and not facts(asked).regular:
            below = []
        for verdict in above:
            if verdict.answer == "cannot":
                return verdict
        if below and all(verdict.answer == "can" for verdict in below):
            return self._with_its_layers(below[0])
        return next((verdict for verdict in above if verdict.answer == "open"), None)

    def _with_its_layers(self, verdict: Verdict) -> Verdict:
        """What some number of layers can, fewer than the lower bound cannot."""
        needed = verdict.layers_lower or 1
        if not self.layers or self.layers >= needed:
            return verdict
        conditions = f"{verdict.conditions}; {needed} layers are needed, it has {self.layers}"
        return replace(verdict, answer="cannot", conditions=conditions)


def exactly(architecture: str, position: str = "none", layers: int = 0) -> Kind:
    """An architecture of the table."""
    return Kind((architecture,), (architecture,), position=position, layers=layers)


def _mamba(options: Mapping[str, Any]) -> Kind:
    if not options.get("recurrence", True):
        return Kind(window=int(options["layers"]) * (int(options["d_conv"]) - 1) + 1)
    row = "signed" if options.get("gates") == "signed" else "mamba"
    return exactly(row, layers=int(options.get("layers", 0)))


def _diagonal(options: Mapping[str, Any]) -> Kind:
    gates = str(options["gates"])
    row = {"positive": "mamba", "signed": "signed"}.get(gates, "complex")
    if options["input_dependent"]:
        # On the unit circle nothing is forgotten: the rows' constructions need gates of 0.
        return Kind((row,)) if gates == "circle" else exactly(row, layers=options["layers"])
    if gates == "circle":
        return Kind((row, "time-invariant"))
    # Real gates have no roots of unity but 1 and -1: only what positive ones can is sure.
    below = ("time-invariant",) if row == "complex" else ("time-invariant", "mamba")
    return Kind((row, "time-invariant"), below)


def _mamba2(options: Mapping[str, Any]) -> Kind:
    return exactly("signed" if options["gates"] == "signed" else "mamba", layers=options["layers"])


def _delta(options: Mapping[str, Any]) -> Kind:
    """Writing and forgetting are one in the delta rule: it cannot add for ever."""
    if options["eigenvalues"] == "signed":
        return Kind(("reflections",), ("reflections",), counts=False)
    if options["reflections"] == 1:
        return Kind(("delta",), ("delta",), counts=False)
    return Kind((), ("delta",), counts=False)  # a product of several has any eigenvalues


_KINDS: dict[str, Callable[[Mapping[str, Any]], Kind]] = {
    "mamba": _mamba,
    "transformer": lambda options: exactly("transformer", str(options.get("position", "none"))),
    "lstm": lambda options: exactly("lstm"),
    "gru": lambda options: exactly("rnn"),
    "rnn": lambda options: exactly("rnn"),
    "diagonal": _diagonal,
    "s4d": lambda options: Kind(("complex", "time-invariant"), ("time-invariant",)),
    "mamba2": _mamba2,
    "gla": lambda options: exactly("mamba"),
    "delta": _delta,
    # Its resets are those of the cascades that Mamba's verdicts rest on; its states are too few to
    # count.
    "hard_gated": lambda options: Kind(
        ("mamba",), ("mamba",), counts=False, layers=options["layers"]
    ),
    # Gates are not negative; what is read is divided by a normaliser, so that no sum is counted.
    "mlstm": lambda options: Kind(("mamba",), ("mamba",), counts=False),
    # Memory mixing may do more than its gates; no theorem here says what.
    "slstm": lambda options: Kind((), ("mamba",), counts=False),
}


def _hybrid(options: Mapping[str, Any]) -> tuple[Kind, ...]:
    """What a hybrid is made of; a window adds nothing to layers that have their own."""
    from starfree.models.hybrid import parse_blocks

    named = parse_blocks(str(options["blocks"]), int(options["d_model"]))
    layers = [
        _KINDS["transformer" if name == "attention" else name](given.model_dump())
        for name, given in named
        if name != "mlp"
    ]
    layers = [replace(layer, layers=0) for layer in layers]  # they are counted one by one
    window = 1 + sum(layer.window - 1 for layer in layers if layer.window)
    others = {layer for layer in layers if not layer.window}
    windows = {Kind(window=window)} if window > 1 else set()
    # What attention cannot is proved for single symbols, not for what a convolution makes of them.
    alone = not others or any("transformer" in layer.within for layer in others)
    return tuple(others | windows if alone else others)


def expectation(reference: str, task: str, model: str, options: Mapping[str, Any]) -> Expectation:
    """Theory's answer for a language and a model of the registry.

    Args:
        reference: of the language.
        task: theory is asked about `predict`. The authors' labels are a function of legal sets, and
            legal sets one of the state of task `state`, so that what cannot predict has no state.
        model: the registry's name.
        options: the model's, every default explicit.
    """
    if task not in ("predict", "published", "state"):
        return OPEN
    state = task == "state"
    if model == "hybrid":
        kinds = _hybrid(options)
        found = [_expected(reference, kind, state) for kind in kinds]
        # One kind is enough; that none of several can says nothing of them together.
        can = [answer for answer in found if answer.answer == "can"]
        return can[0] if can else found[0] if len(found) == 1 else OPEN
    return _expected(reference, _KINDS[model](options), state) if model in _KINDS else OPEN


@lru_cache(maxsize=1_024)
def _expected(reference: str, kind: Kind, state: bool) -> Expectation:
    try:
        verdict = kind.judge(language(reference))
    except StarfreeError:
        return OPEN  # a file that is no longer there, or an automaton beyond the limits
    if verdict is None or (state and verdict.answer == "can" and not kind.simulates):
        return OPEN
    conditions = "; ".join(text for text in (verdict.arithmetic, verdict.conditions) if text)
    return Expectation(verdict.answer, conditions, verdict.reference)
