"""What the cases of the verdict table ask of a language's facts.

A condition that is undecided is None, and then does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping

from starfree.algebra.claims import Size, Test
from starfree.algebra.facts import Facts

_WORDS: Mapping[str, str] = {
    "star_free": "star-free",
    "not_star_free": "regular, not star-free",
    "regular": "regular",
    "counter": "counter languages",
    "not_regular": "not regular",
    "only_2_groups": "regular, all groups 2-groups",
    "other_groups": "regular, some group no 2-group",
    "exact_rotations": "regular, groups that quarter turns suffice for",
    "solvable": "regular, all groups solvable",
    "not_solvable": "regular, some group not solvable",
    "solvable_group": "word problems of solvable groups",
    "group_not_solvable": "word problems of groups that are not solvable",
    "j_trivial": "J-trivial",
    "r_trivial": "R-trivial",
    "not_r_trivial": "not R-trivial",
    "definite": "the last k letters decide",
    "last_letter": "the last letter decides",
    "one_letter": "regular over one letter",
    "one_letter_cycle": "over one letter, not star-free",
    "one_letter_group": "over one letter, a cycle of states",
    "permutes": "each letter permutes the states",
    "bounded_stack": "bounded stacks, Dyck(K, h)",
    "forgets": "more than past logic with one operator",
    "merges": "a repeated word keeps states apart",
}


def in_words(test: Test) -> str:
    """Of which languages a condition holds."""
    name = getattr(test, "__name__", "")
    return _WORDS.get(name, name.replace("_", " "))


def star_free(known: Facts) -> bool | None:
    return known.star_free


def not_star_free(known: Facts) -> bool:
    return known.regular and known.star_free is False


def counter(known: Facts) -> bool:
    return known.counter


def not_regular(known: Facts) -> bool:
    return not known.regular


def regular(known: Facts) -> bool:
    return known.regular


def only_2_groups(known: Facts) -> bool | None:
    return _all_groups(known, [g.is_2_group for g in known.groups or ()])


def other_groups(known: Facts) -> bool:
    return any(not group.is_2_group for group in known.groups or ())


def exact_rotations(known: Facts) -> bool | None:
    """All rotations that its groups need turn by quarters: 1, i, -1, -i are exact in floats."""
    return _all_groups(
        known,
        [g.solvable and g.exponent is not None and 4 % g.exponent == 0 for g in known.groups or ()],
    )


def solvable(known: Facts) -> bool | None:
    return _all_groups(known, [g.solvable for g in known.groups or ()])


def not_solvable(known: Facts) -> bool:
    return any(not group.solvable for group in known.groups or ())


def solvable_group(known: Facts) -> bool | None:
    return permutes(known) and solvable(known)


def group_not_solvable(known: Facts) -> bool:
    return permutes(known) and not_solvable(known)


def r_trivial(known: Facts) -> bool | None:
    return known.classes["r_trivial"]


def not_r_trivial(known: Facts) -> bool:
    return known.classes["r_trivial"] is False


def j_trivial(known: Facts) -> bool | None:
    return known.classes["j_trivial"]


def definite(known: Facts) -> bool:
    return known.definiteness is not None


def last_letter(known: Facts) -> bool:
    return known.definiteness is not None and known.definiteness <= 1


def one_letter(known: Facts) -> bool:
    return known.regular and known.letters == 1


def one_letter_cycle(known: Facts) -> bool:
    return one_letter(known) and not_star_free(known)


def one_letter_group(known: Facts) -> bool:
    return one_letter(known) and permutes(known)


def permutes(known: Facts) -> bool:
    return known.reflections is not None


def bounded_stack(known: Facts) -> bool:
    return known.stack is not None


def forgets(known: Facts) -> bool:
    return known.forgets


def merges(known: Facts) -> bool:
    return known.merges


def parity(known: Facts) -> bool:
    return known.parity


def flipflop(known: Facts) -> bool:
    return known.flipflop


def _all_groups(known: Facts, answers: list[bool]) -> bool | None:
    if not known.regular or not all(answers):
        return False
    return None if known.groups is None else True


def one(known: Facts) -> int:
    return 1


def binary_length(known: Facts) -> int:
    """Layers of signed gates that the groups need: series with elementary abelian factors."""
    return max((group.binary_length or 0 for group in known.groups or ()), default=0) or 1


def derived_length(known: Facts) -> int:
    """Layers of complex gates that the groups need."""
    return max((group.derived_length or 0 for group in known.groups or ()), default=0) or 1


def live_states(known: Facts) -> Mapping[str, int]:
    return {"state": known.states or 0}


def rotation_unit(known: Facts) -> Mapping[str, int]:
    return {"cyclic": 1}


def root_of_unity(known: Facts, size: Size | None) -> str:
    """The gate that counts modulo the number of states."""
    if known.states == 1:
        return "A = 1"
    named = {2: "A = -1", 4: "A = i"}
    return named.get(known.states or 0, f"A = exp(2 pi i / {known.states})")


def signed_gates(known: Facts, size: Size | None) -> str:
    """The values of the gates of the compiled circuit."""
    if size is None:
        return ""
    gates = ["-1"] * ("cyclic" in size.units) + ["0"] * ("reset" in size.units) + ["1"]
    return f"gates {', '.join(gates)}"


def reflections_a_letter(known: Facts, size: Size | None) -> str:
    if known.reflections is None:
        return ""
    plural = "" if known.reflections == 1 else "s"
    return f"at most {known.reflections} reflection{plural} a letter"


def stack_bits(known: Facts, size: Size | None) -> str:
    """The memory of the two-layer construction beside what any model needs."""
    if known.stack is None or size is None or "counter" not in size.units:
        return ""
    stack = known.stack
    return (
        f"{stack.units} numbers that hold {stack.held:.2f} bits; no online model does with fewer "
        f"than {stack.needed:.2f} (hewitt2020)"
    )
