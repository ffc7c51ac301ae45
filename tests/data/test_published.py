"""Regenerated published data: labels by the authors' own rules, sizes, distributions, tasks."""

import re
from collections.abc import Callable
from itertools import groupby, islice

import numpy as np
import pytest

from starfree.data.drawing import SampleNotice
from starfree.data.flipflop import (
    draw_flipflop,
    draw_mixture,
    draw_undo_flipflop,
    ignore_stress,
)
from starfree.data.labels import label_lines, label_table
from starfree.data.lines import to_lines
from starfree.data.published import (
    language_of_folder,
    protocol_of,
    protocols,
    stream,
)
from starfree.data.published_task import CleanReadTask
from starfree.data.sampling import sample
from starfree.data.splits import DataSet, make_splits
from starfree.data.tasks import make_task
from starfree.errors import InputError
from starfree.languages.catalog import SUITE, language
from starfree.languages.strings import Strings

NAMES = [entry.name for entry in SUITE]
PAIRS = ["()", "[]", "{}", "<>", "+-", "ab"]


Shrunk = Callable[[str, float], DataSet]


def texts(data: DataSet) -> list[str]:
    splits = (data.train, *data.bins.values())
    return [line for strings in splits for line in to_lines(data.language, strings)]


# The authors' output generators, from their description, on text: one chunk for every prefix.


def depth_of(prefix: str, pair: str) -> int:
    return prefix.count(pair[0]) - prefix.count(pair[1])


def bounded_depth(n: int) -> Callable[[str], str]:
    def chunk(prefix: str) -> str:
        depth = depth_of(prefix, "ab")
        return "10" if depth == 0 else "01" if depth == n else "11"

    return chunk


def closing(k: int) -> Callable[[str], str]:
    return lambda prefix: "".join("01"[depth_of(prefix, pair) > 0] for pair in PAIRS[:k])


def tomita_3_member(text: str) -> bool:
    return re.search(r"(^|0)1(11)*0(00)*(1|$)", text) is None


ARITY = {"~": 1, "+": 2, ">": 3, "*": 4, "^": 5}


def complete_expression(prefix: str) -> str:
    """1 iff no operand is owed: 0 and 1 pay one, an operator of arity k owes k - 1 more."""
    return "01"[1 + sum(ARITY.get(symbol, 0) - 1 for symbol in prefix) == 0]


def counted(prefix: str, letters: str, text: str) -> str:
    n = text.count("a")
    if set(prefix) == {"a"}:
        return "a"
    return "T" if prefix == text else letters[len(prefix) // n]


PUBLISHED: dict[str, Callable[[str], str]] = {
    "tomita-1": lambda p: "01",
    "tomita-2": lambda p: "10" if p[-1] == "1" else "01",
    "tomita-3": lambda p: "".join("01"[tomita_3_member(p + symbol)] for symbol in "01"),
    "tomita-4": lambda p: "01" if p.endswith("00") else "11",
    "tomita-5": lambda p: "01"[p.count("0") % 2 == 0 and p.count("1") % 2 == 0],
    "tomita-6": lambda p: "01"[(p.count("0") - p.count("1")) % 3 == 0],
    "tomita-7": lambda p: "01" if re.fullmatch("0*1+0+1+", p) else "11",
    "parity": lambda p: "01"[p.count("1") % 2 == 0],
    "aa-star": lambda p: "01"[len(p) % 2 == 0],
    "aaaa-star": lambda p: "01"[len(p) % 4 == 0],
    "abab-star": lambda p: "01"[len(p) % 4 == 0],
    "aabbccddee": lambda p: dict(zip("abcde", "bcdeT", strict=True))[p[-1]],
    "ab-d-bc": lambda p: "0110" if "d" in p else "1101",
    "012-02": lambda p: "ce"[p[-1] == "2" and p.rstrip("2").endswith("0")],
    "boolean-3": complete_expression,
    "boolean-5": complete_expression,
    **{f"d-{n}": bounded_depth(n) for n in (2, 3, 4, 12)},
    "dyck-1": closing(1),
    **{f"shuffle-{k}": closing(k) for k in (2, 4, 6)},
}


def published_label(name: str, text: str) -> str:
    prefixes = [text[: t + 1] for t in range(len(text))]
    if name.startswith("an"):
        return "".join(counted(prefix, "abcd", text) for prefix in prefixes)
    return "".join(PUBLISHED[name](prefix) for prefix in prefixes)


@pytest.mark.parametrize("name", NAMES)
def test_labels_as_published_are_those_of_the_authors_rules(name: str, shrunk: Shrunk) -> None:
    data = shrunk(name, 0.01)
    which = language(name)
    for strings in (data.train, *data.bins.values()):
        assert which.accepts_batch(strings).all()
        lines = to_lines(which, strings)
        expected = [published_label(name, line) for line in lines]
        assert label_lines(which, strings, "published") == expected
        if name not in ("tomita-3", "012-02"):
            assert label_lines(which, strings, "authors") == expected


@pytest.mark.parametrize(("name", "share"), [("tomita-3", 0.30), ("012-02", 0.24)])
def test_two_languages_are_published_with_wrong_labels(
    name: str, share: float, shrunk: Shrunk
) -> None:
    data = shrunk(name, 0.25)
    which = language(name)
    wrong = total = 0
    for strings in (data.train, *data.bins.values()):
        tables = [
            label_table(which, strings, label_lines(which, strings, kind), kind)
            for kind in ("authors", "published")
        ]
        wrong += int((tables[0].chunks != tables[1].chunks).sum())
        total += len(tables[0].chunks)
    assert wrong / total == pytest.approx(share, abs=0.02)


# Published sizes and mean lengths (training, then bins), and strings of each bin in training.
FACTS = {
    "tomita-3": ((10000, 1627, 1818), (50.5, 55.6, 125.3), (510, 0)),
    "tomita-4": ((10000, 1926, 2000), (50.6, 52.6, 125.4), (78, 0)),
    "tomita-5": (
        (10000, 1819, 2000, 2000, 2000),
        (51.5, 55.5, 144.5, 145.6, 144.9),
        (114, 0, 0, 0),
    ),
    "tomita-7": ((10000, 1829, 1896), (93.9, 93.3, 141.7), (261, 0)),
    "d-3": ((10000, 698, 2000), (64.5, 64.1, 174.2), (0, 28)),
    "d-4": ((10000, 2000, 2000), (88.0, 88.1, 178.4), (0, 3)),
    "d-12": ((10000, 2000, 2000), (86.7, 86.5, 170.2), (0, 0)),
    "parity": ((10000, 2000, 2000), (24.1, 25.1, 82.7), (336, 0)),
    "aabbccddee": ((10000, 2000, 2000), (191.3, 191.5, 287.5), (0, 0)),
    "ab-d-bc": ((10000, 2000, 2000), (37.2, 37.0, 74.6), (0, 2)),
    "012-02": ((10000, 2000, 2000), (37.6, 37.6, 74.2), (0, 16)),
    "dyck-1": ((10000, 2000, 2000, 2000), (31.6, 29.1, 73.9, 124.7), (493, 0, 0)),
    "shuffle-2": ((10000, 2000, 2000, 2000), (25.6, 23.4, 73.7, 123.7), (384, 0, 0)),
    "shuffle-4": ((10000, 2000, 2000, 2000), (32.5, 29.6, 124.7, 174.1), (311, 0, 0)),
    "shuffle-6": ((10000, 2000, 2000, 2000), (30.9, 28.6, 124.6, 174.0), (293, 0, 0)),
    "boolean-3": ((10000, 2000, 2000, 2000), (18.7, 18.7, 71.5, 122.2), (0, 0, 0)),
    "boolean-5": ((10000, 2000, 2000, 2000), (18.4, 17.9, 71.3, 121.6), (0, 0, 0)),
    "anbn": ((99, 41, 42, 38), (102.0, 93.8, 305.7, 501.3), (41, 0, 0)),
}


@pytest.mark.full
@pytest.mark.parametrize("name", list(FACTS))
def test_sizes_lengths_and_leakage_are_as_published(name: str) -> None:
    data = make_splits(language(name), "published")
    sizes, means, leaked = FACTS[name]
    splits = [data.train, *data.bins.values()]
    assert [len(strings) for strings in splits] == pytest.approx(sizes, rel=0.03, abs=6)
    spread = 0.15 if name == "anbn" else 0.06
    assert [float(s.lengths.mean()) for s in splits] == pytest.approx(means, rel=spread)
    known = set(data.train.keys())
    found = [sum(key in known for key in bin.keys()) for bin in data.bins.values()]  # noqa: SIM118
    assert found == pytest.approx(leaked, rel=0.25, abs=20)


@pytest.mark.parametrize("name", ["tomita-7", "parity", "d-12", "shuffle-4", "boolean-5", "anbncn"])
def test_small_draws_have_the_published_lengths(name: str) -> None:
    means = {"d-12": 86.7, "tomita-7": 93.9, "anbncn": 229.5}
    drawn = sample(
        language(name), *protocol_of(name).train_window, 1_500, seed=1, distribution="published"
    )
    if name in means:
        assert drawn.lengths.mean() == pytest.approx(means[name], rel=0.05)
    low, high = protocol_of(name).train_window
    assert ((low <= drawn.lengths) & (drawn.lengths <= high)).all()
    assert language(name).accepts_batch(drawn).all()


def test_peculiarities_of_the_published_strings() -> None:
    def lines(name: str, count: int) -> list[str]:
        low, high = protocol_of(name).train_window
        which = language(name)
        rows = islice(stream(which, low, high, np.random.default_rng(3)), count)
        return to_lines(which, Strings.of(list(rows)))

    parity = lines("parity", 4_000)
    assert np.mean([line.endswith("1") for line in parity]) == pytest.approx(0.758, abs=0.03)
    tomita = lines("tomita-3", 4_000)
    runs = [len(list(groupby(line))) for line in tomita]
    assert np.mean(runs) == pytest.approx(2.56, abs=0.1)
    assert np.mean([run == 1 for run in runs]) == pytest.approx(0.229, abs=0.03)
    blocks = np.array([[line.count(s) for s in "abcde"] for line in lines("aabbccddee", 2_000)])
    assert blocks.mean(axis=0) == pytest.approx([82, 50, 30, 18, 11], rel=0.08)
    ends = [line[-1] == "0" for line in lines("012-02", 4_000)]
    assert np.mean(ends) == pytest.approx(0.094, abs=0.02)
    d12 = lines("d-12", 800)
    outer = [sum(line[:t].count("a") * 2 == t for t in range(1, len(line) + 1)) for line in d12]
    assert np.mean(outer) == pytest.approx(1.02, abs=0.02)


def test_the_table_has_every_language_and_folder() -> None:
    assert set(protocols()) == set(NAMES)
    assert language_of_folder("AAStarBBStarCCStarDDStarEEStar") == "aabbccddee"
    assert language_of_folder("Dyck1") == "dyck-1"
    assert language_of_folder("nothing") is None
    assert protocol_of("aaaa-star").layers == (1, 2, 3, 6, 12)
    assert protocol_of("anbn").learning_rates == (1e-5, 3e-5)
    assert protocol_of("d-2").configured == (10000, 2000, 2000)
    assert sum(protocol.loss == "ce" for protocol in protocols().values()) == 8
    with pytest.raises(InputError, match="not one of the 27"):
        protocol_of("flipflop")


def test_repeated_windows_get_names_of_their_own(shrunk: Shrunk) -> None:
    data = shrunk("tomita-5", 0.01)
    assert list(data.bins) == ["1-100", "101-150", "101-150#2", "101-150#3"]
    assert data.validation is None
    assert data.manifest["bins"]["101-150#2"]["window"] == [101, 150]


def test_published_data_is_deterministic(shrunk: Shrunk) -> None:
    first, again = texts(shrunk("d-4", 0.01)), texts(shrunk("d-4", 0.01))
    assert first == again


def test_the_published_generator_of_d_3_gives_up() -> None:
    with pytest.warns(SampleNotice, match=r"gave up after \d+ strings"):
        drawn = sample(language("d-3"), 2, 30, 3_000, distribution="published")
    assert len(set(drawn.keys())) == len(drawn) < 3_000


def test_no_generator_and_no_task_give_one_clear_line() -> None:
    with pytest.raises(InputError, match="s3: the authors have no generator"):
        sample(language("s3"), 1, 20, 5, distribution="published")
    with pytest.raises(InputError, match="published data has members only"):
        make_splits(language("d-2"), "published", task="recognise")
    with pytest.raises(InputError, match="not one of the 27"):
        make_splits(language("z-3"), "published")


def test_flipflop_strings_have_the_published_statistics() -> None:
    which = language("flipflop")
    generator = np.random.default_rng(0)
    for ignore in (0.8, 0.98, 0.1):
        strings = draw_flipflop(which, 512, 300, ignore, generator)
        assert which.accepts_batch(strings).all()
        instructions = strings.tokens[:, ::2]
        w, r, i = (which.alphabet.index(symbol) for symbol in "wri")
        assert (instructions[:, 0] == w).all()
        assert (instructions[:, -1] == r).all()
        inner = instructions[:, 1:-1]
        assert (inner == i).mean() == pytest.approx(ignore, abs=0.01)
        assert (inner == r).mean() == pytest.approx((1 - ignore) / 2, abs=0.01)
    with pytest.raises(InputError, match="even length from 4 on, not 2"):
        draw_flipflop(which, 2, 1, 0.8, generator)


def test_undo_flipflop_strings_are_members_and_pop() -> None:
    which = language("undo-flipflop-3")
    strings = draw_undo_flipflop(which, 200, 400, np.random.default_rng(0))
    assert which.accepts_batch(strings).all()
    u = which.alphabet.index("u")
    share = (strings.tokens[:, ::2] == u).mean()
    assert 0.01 < share < 0.05


def test_published_strings_of_the_other_languages() -> None:
    for name in ("flipflop", "undo-flipflop-2", "dyck-8-10"):
        which = language(name)
        drawn = sample(which, 4, 50, 60, distribution="published")
        assert which.accepts_batch(drawn).all()
        assert ((drawn.lengths >= 4) & (drawn.lengths <= 50)).all()


def test_pattern_task_has_the_authors_classes() -> None:
    which = language("shuffle-2")
    train = Strings.of([which.encode(text) for text in ("()[]", "([])")])
    task = make_task(which, "published", train)
    assert (task.objective, task.vocabulary, task.outputs) == ("class-ce", 5, 5)
    examples = task.encode(Strings.of([which.encode("()"), which.encode("([])")]))
    # Patterns 00, 01, 10, 11 are classes 1..4; padding is class 0.
    assert examples.inputs.tolist() == [[1, 2, 0, 0], [1, 3, 4, 2]]
    assert examples.targets.tolist() == [[3, 1, 0, 0], [3, 4, 3, 1]]
    assert examples.weights.min() == 1
    squared = make_task(language("boolean-3"), "published", Strings.of([[0], [2, 0]]))
    assert (squared.objective, squared.vocabulary, squared.outputs) == ("class-mse", 6, 5)
    only = make_task(which, "published", Strings.of([which.encode("()")]))
    with pytest.raises(InputError, match="a label that training lacks"):
        only.encode(Strings.of([which.encode("[]")]))


def test_flipflop_task_masks_the_answers() -> None:
    which = language("flipflop")
    examples = make_task(which, "published").encode(Strings.of([which.encode("w1i0r1")]))
    # 0, 1, -, r, i, w are 0..5; the answer stands where the input is masked.
    assert examples.inputs.tolist() == [[5, 1, 4, 0, 3, 2]]
    assert examples.targets.tolist() == [[2, 2, 2, 2, 2, 1]]
    assert examples.weights.tolist() == [[1] * 6]


def test_bounded_dyck_task_is_language_modelling() -> None:
    which = language("dyck-2-3")
    task = make_task(which, "published")
    examples = task.encode(Strings.of([which.encode("(a a)"), which.encode("(b (a a) b)")]))
    assert (task.vocabulary, task.outputs) == (6, 6)
    assert examples.inputs.tolist() == [[4, 0, 2, 0, 0], [4, 1, 0, 2, 3]]
    assert examples.targets.tolist() == [[0, 2, 5, 0, 0], [1, 0, 2, 3, 5]]
    assert examples.weights.tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]


def test_task_published_needs_a_language_of_the_authors() -> None:
    with pytest.raises(InputError, match="the authors did not train on it"):
        make_task(language("s3"), "published")
    with pytest.raises(InputError, match="takes its classes from the training strings"):
        make_task(language("parity"), "published")


def test_a_mixture_holds_each_part_and_no_order() -> None:
    which = language("flipflop")
    strings = draw_mixture(which, 64, 300, (0.0, 1.0), np.random.default_rng(0))
    assert which.accepts_batch(strings).all()
    ignores = (strings.tokens[:, 2:-2:2] == which.alphabet.index("i")).mean(axis=1)
    assert set(ignores) == {0.0, 1.0}
    assert ignores.sum() == 150
    assert 30 < ignores[:75].sum() < 45


def test_stress_strings_ignore_everything_between_write_and_read() -> None:
    which = language("flipflop")
    strings = ignore_stress(which, 3, 2, np.random.default_rng(0))
    written = [which.decode(string) for string in strings]
    assert which.accepts_batch(strings).all()
    assert len(written) == 8
    assert {word[:2] + word[-2:] for word in written} == {"w0r0", "w1r1"}
    assert {word[2:-2:2] for word in written} == {"iii"}
    assert {"w0i0i0i0r0", "w0i1i1i1r0", "w1i0i0i0r1", "w1i1i1i1r1"} <= set(written)


def test_the_clean_task_asks_for_the_bit_after_each_r() -> None:
    which = language("flipflop")
    strings = Strings.of(which.encode(word) for word in ("w1i0r1w0r0", "w0r0", "w1i1r"))
    examples = CleanReadTask(which).encode(strings)
    expected = {"w1i0r1w0r0": {4: 1, 8: 0}, "w0r0": {2: 0}, "w1i1r": {}}
    for row, answers in enumerate(expected.values()):
        asked = np.flatnonzero(examples.weights[row])
        assert {int(t): int(examples.targets[row, t]) for t in asked} == answers
        assert np.array_equal(np.flatnonzero(examples.slices["reads"][row]), asked)
    assert which.decode(examples.inputs[0]) == "w1i0r1w0r0"
