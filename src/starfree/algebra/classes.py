"""Which classes of star-free languages contain a language, each decided by its identity.

Each identity is tested on the right object of the recogniser (with sink): the syntactic monoid M
for J-, R-, L-trivial, DA, aperiodic; the semigroup S of non-empty words for definite, locally
testable and dot-depth one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from starfree.algebra.monoid import Monoid
from starfree.languages.automaton import Automaton
from starfree.languages.graphs import components

CLASSES = (
    "star_free",
    "definite",
    "locally_testable",
    "j_trivial",
    "r_trivial",
    "l_trivial",
    "da",
    "dot_depth_one",
)
"""In the order of reports; `j_trivial` is piecewise testable, `da` is two-variable logic."""

PRODUCT_LIMIT = 3_000
"""Elements of a semigroup whose multiplication table is written out."""


def classify_monoid(
    automaton: Automaton, star_free: bool | None, monoid: Monoid | None
) -> dict[str, bool | None]:
    """Membership in every class of `CLASSES`; None where it is undecided.

    Args:
        automaton: the minimal automaton.
        star_free: what `aperiodicity.decide` found, None if it reached its limit.
        monoid: the enumerated syntactic monoid, None if it is too large.

    """
    answers: dict[str, bool | None] = dict.fromkeys(CLASSES)
    answers["star_free"] = star_free
    if star_free is False:
        return dict.fromkeys(CLASSES, False)
    answers["r_trivial"] = is_r_trivial(automaton)
    if not answers["r_trivial"]:
        answers["j_trivial"] = False
    if monoid is None:
        return answers
    answers["definite"] = is_definite(monoid)
    answers["locally_testable"] = is_locally_testable(monoid)
    answers["l_trivial"] = is_l_trivial(monoid)
    answers["j_trivial"] = answers["r_trivial"] and answers["l_trivial"]
    answers["da"] = is_da(monoid)
    if answers["j_trivial"] or answers["locally_testable"]:
        answers["dot_depth_one"] = True
    elif len(monoid) <= PRODUCT_LIMIT:
        answers["dot_depth_one"] = is_dot_depth_one(monoid)
    return answers


def is_r_trivial(automaton: Automaton) -> bool:
    """Every cycle of the minimal automaton is a self-loop (Brzozowski and Fich 1980)."""
    component = components(automaton.minimise().transitions.tolist())
    return len(set(component)) == len(component)


def is_l_trivial(monoid: Monoid) -> bool:
    """Different elements generate different left ideals."""
    return len(set(_left_classes(monoid))) == len(monoid)


def is_da(monoid: Monoid) -> bool:
    """Every regular element is idempotent (Schützenberger 1976)."""
    classes = np.array(_right_classes(monoid))
    regular = np.zeros(classes.max() + 1, dtype=np.bool_)
    regular[classes[monoid.idempotent]] = True
    return bool(monoid.idempotent[regular[classes]].all())


def is_definite(monoid: Monoid) -> bool:
    """Se = e in S: every idempotent of a non-empty word maps all states to one."""
    maps = monoid.elements[_semigroup_idempotents(monoid)]
    return bool((maps == maps[:, :1]).all())


def is_locally_testable(monoid: Monoid) -> bool:
    """The set eSe is a semilattice for every idempotent e (Brzozowski and Simon 1973)."""
    words = monoid.elements[_semigroup(monoid)]
    tested: set[int] = set()
    both = np.concatenate([monoid.right, monoid.left], axis=1)
    ideal = components(both.tolist())  # D-classes: conjugate idempotents have isomorphic eSe
    for e in _semigroup_idempotents(monoid):
        if ideal[e] in tested:
            continue
        tested.add(ideal[e])
        point = monoid.elements[e]
        local = np.unique(point[words[:, point]], axis=0)
        if (np.take_along_axis(local, local, axis=1) != local).any():
            return False
        if any((local[:, m] != m[local]).any() for m in local):
            return False
    return True


def is_dot_depth_one(monoid: Monoid) -> bool:
    """Knast's identity (1983) on S: (pq)^w ps (rs)^w = (pq)^w (rs)^w.

    p, r range over eSf and q, s over fSe, for idempotents e, f of S. Put g = (pq)^w, m = gp,
    h = (rs)^w and n = sh: in an aperiodic S the pairs (g, m) are exactly those with g an idempotent
    of eSe, m in the R-class of g and mf = m; dually (h, n). So the identity says mn = gh for all
    idempotents g, h below a common e, and all such m, n with a common f.
    """
    product = multiplication_table(monoid)
    idempotents = _semigroup_idempotents(monoid)
    everything = np.arange(len(monoid))
    fixed_right = product[:, idempotents] == everything[:, None]  # [m, f]: mf = m
    fixed_left = everything[:, None] == product[idempotents].T  # [n, f]: fn = n
    below = (fixed_right & fixed_left)[idempotents].astype(np.float32)  # [g, e]
    common_above = below @ below.T > 0
    common_between = fixed_right.astype(np.float32) @ fixed_left.T.astype(np.float32) > 0
    right = np.array(_right_classes(monoid))
    left = np.array(_left_classes(monoid))
    # all pairs (h, n): h an idempotent of the L-class of n
    place, n = np.nonzero(left[idempotents][:, None] == left[None, :])
    for number, g in enumerate(idempotents):
        m = np.flatnonzero(right == right[g])
        wrong = product[np.ix_(m, n)] != product[g, idempotents[place]]
        if (wrong & common_above[number, place] & common_between[np.ix_(m, n)]).any():
            return False
    return True


def multiplication_table(monoid: Monoid) -> NDArray[np.int32]:
    """int32 ``[size, size]``: entry (m, n) is the element of m followed by n."""
    size = len(monoid)
    table = np.full((size, size), -1, dtype=np.int32)
    table[:, 0] = np.arange(size)
    for element in range(size):  # breadth-first numbering: column `element` is already known
        for letter, longer in enumerate(monoid.right[element]):
            if table[0, longer] < 0:
                table[:, longer] = monoid.right[table[:, element], letter]
    return table


def _semigroup(monoid: Monoid) -> NDArray[np.intp]:
    return np.arange(0 if monoid.identity_is_a_word else 1, len(monoid))


def _semigroup_idempotents(monoid: Monoid) -> NDArray[np.intp]:
    words = _semigroup(monoid)
    return words[monoid.idempotent[words]]


def _right_classes(monoid: Monoid) -> list[int]:
    return components(monoid.right.tolist())


def _left_classes(monoid: Monoid) -> list[int]:
    return components(monoid.left.tolist())
