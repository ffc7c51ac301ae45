"""How a claim is decided: by an invariant where one fits, else by visiting all reachable states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import nn

from starfree.languages.language import Language
from starfree.models.textbook import CountLimit
from starfree.verification.induction import Broken
from starfree.verification.inductive import look_for_fault, prove
from starfree.verification.product import Domain, Fault, search

Status = Literal["PROVEN_ALL_LENGTHS", "PROVEN_UP_TO", "COUNTEREXAMPLE", "UNKNOWN"]
Method = Literal["product", "inductive", "exhaustive"]

AFTER_INDUCTION = 2_000  # states of a search for the fault that broke an inductive proof


@dataclass(frozen=True)
class Decision:
    """What was found, and by which method; the fields are those of a certificate."""

    status: Status
    method: Method
    states: int
    margin: float
    length: int | None = None
    fault: Fault | None = None
    shortest: bool = True
    invariant: str | None = None
    covers: str | None = None


def decide(
    model: nn.Module, language: Language, domain: Domain, margin: float, max_states: int
) -> Decision:
    """The proof or the fault.

    Where an inductive proof fits but does not go through, a short product search and members that
    use all of the state look for the fault; that nothing is found proves the search's lengths only.
    """
    refused = None
    try:
        proof = prove(model, language, domain, margin)
    except (Broken, CountLimit) as reason:
        proof, refused = None, f"no inductive proof: {reason}"
        max_states = min(max_states, AFTER_INDUCTION)
    if proof:
        return Decision(
            "PROVEN_ALL_LENGTHS" if proof.length is None else "PROVEN_UP_TO",
            "inductive",
            proof.cases,
            proof.margin,
            proof.length,
            invariant=proof.invariant,
            covers=proof.covers,
        )
    try:
        found = search(model, language, domain, margin, max_states)
    except CountLimit as limit:
        # Only a model whose invariant broke counts too far for a search.
        fault = look_for_fault(model, language)
        status: Status = "COUNTEREXAMPLE" if fault else "UNKNOWN"
        return Decision(
            status, "product", 0, float("inf"), None, fault, False, None, f"{refused}; {limit}"
        )
    fault, shortest = found.fault, True
    if refused and not fault and not found.complete:
        fault, shortest = look_for_fault(model, language), False
    if fault:
        status = "COUNTEREXAMPLE"
    else:
        status = "PROVEN_ALL_LENGTHS" if found.complete else "PROVEN_UP_TO"
    length = found.length if status == "PROVEN_UP_TO" else None
    return Decision(
        status, "product", found.states, found.margin, length, fault, shortest, None, refused
    )
