"""The audit: silent on sound data, and finds each flaw that is planted or published."""

import json
from collections.abc import Callable
from pathlib import Path
from time import process_time

import pytest

from starfree.data.audit import AuditReport, audit
from starfree.data.audit_checks import Finding
from starfree.data.files import write_folder
from starfree.data.splits import DataSet, make_splits
from starfree.errors import InputError
from starfree.languages.catalog import SUITE, language

Shrunk = Callable[[str, float], DataSet]

NAMES = [entry.name for entry in SUITE]


def codes(report: AuditReport, severity: str = "error") -> set[str]:
    return {finding.code for finding in report.findings if finding.severity == severity}


def found(report: AuditReport, code: str, split: str | None = None) -> Finding:
    return next(f for f in report.findings if f.code == code and split in (None, f.split))


@pytest.mark.parametrize("name", NAMES)
def test_sound_data_has_no_error(
    name: str, tmp_path: Path, sound: Callable[[str], DataSet]
) -> None:
    data = sound(name)
    write_folder(data, tmp_path)
    report = audit(tmp_path)
    assert not report.has_errors, report.findings
    assert set(report.baselines) == set(data.bins)
    json.dumps(report.as_dict())


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
def test_sound_data_of_full_size_has_no_error(name: str, tmp_path: Path) -> None:
    write_folder(make_splits(language(name)), tmp_path)
    assert not audit(tmp_path).has_errors


@pytest.mark.parametrize("name", ["parity", "aa-star", "dyck-1"])
def test_recognition_data_has_no_error(name: str, tmp_path: Path) -> None:
    windows = ((1, 50), (51, 100))
    data = make_splits(
        language(name),
        task="recognise",
        train_size=200,
        validation_size=40,
        bin_size=30,
        test_windows=windows,
    )
    write_folder(data, tmp_path)
    report = audit(tmp_path)
    assert report.labels == "membership"
    assert not report.has_errors, report.findings


@pytest.mark.parametrize("kind", ["legal", "authors"])
def test_both_kinds_of_labels_are_checked(kind: str, tmp_path: Path) -> None:
    data = make_splits(
        language("d-3"),
        train_size=300,
        validation_size=50,
        bin_size=30,
        test_windows=((1, 50), (51, 100)),
    )
    write_folder(data, tmp_path, kind)  # type: ignore[arg-type]
    assert not audit(tmp_path).has_errors
    target = tmp_path / "val_tgt_bin1.txt"
    lines = target.read_text().split("\n")
    flipped = lines[4][:-1] + "01"[lines[4][-1] == "0"]
    target.write_text("\n".join([*lines[:4], flipped, *lines[5:]]))
    report = audit(tmp_path)
    assert codes(report) - {"unseen-labels"} == {"wrong-labels"}
    finding = found(report, "wrong-labels", "51-100")
    assert finding.count == 1
    assert "1 of " in finding.message
    assert "first line 5" in finding.message


# What published data must show, flaw by flaw (the catalogue of the authors' protocol).
FLAWS = {
    "tomita-1": {"duplicates": "train", "in-train": "1-100"},
    "tomita-2": {"duplicates": "train", "in-train": "1-100"},
    "tomita-3": {"wrong-labels": "train", "duplicates": "train", "in-train": "1-100"},
    "tomita-5": {"duplicates": "train", "repeated-bin": "101-150#2"},
    "tomita-6": {"duplicates": "train", "repeated-bin": "101-150#3"},
    "parity": {"duplicates": "train", "in-train": "2-50"},
    "012-02": {"wrong-labels": "2-100", "not-longer": "2-100"},
    "ab-d-bc": {"not-longer": "2-100"},
    "aabbccddee": {"not-longer": "5-300"},
    "aa-star": {"duplicates": "train", "in-train": "2-500"},
    "shuffle-2": {"never-interleaved": "train", "in-train": "2-50"},
    "shuffle-6": {"never-interleaved": "102-150", "in-train": "2-100"},
    "anbn": {"in-train": "4-200"},
}


@pytest.mark.parametrize("name", list(FLAWS))
def test_published_flaws_are_found(name: str, tmp_path: Path, shrunk: Shrunk) -> None:
    nested = ("tomita-1", "tomita-2", "aa-star", "anbn")
    write_folder(shrunk(name, 1.0 if name in nested else 0.1), tmp_path)
    report = audit(tmp_path)
    for code, split in FLAWS[name].items():
        assert found(report, code, split).severity == "error"
    known = set(FLAWS[name]) | {"shared-strings", "shared-lengths", "in-train", "not-longer"}
    assert codes(report) <= known | {"duplicates", "unseen-labels"}


def test_limits_of_published_data_are_found(tmp_path: Path, shrunk: Shrunk) -> None:
    write_folder(shrunk("tomita-1", 1.0), tmp_path / "one")
    one = audit(tmp_path / "one")
    assert found(one, "one-class").message.startswith("every label is 01")
    assert found(one, "definite").count == 0
    tiny = found(one, "tiny-bin", "1-100")
    assert tiny.severity == "limit"
    assert "of 100 members" in tiny.message
    write_folder(shrunk("tomita-3", 0.05), tmp_path / "three")
    three = found(audit(tmp_path / "three"), "wrong-labels", "train").message
    assert "they are wrong as published" in three
    assert "forbid the very symbol that follows" in three


def d2_folder(path: Path) -> Path:
    """As the authors ship it, right in everything."""
    path.mkdir()
    for stem, lines in {
        "train_{}.txt": ["ab", "aabb", "abab", "aababb"],
        "val_{}_bin0.txt": ["abaabb", "aabbab"],
        "val_{}_bin1.txt": ["abababab", "aabbaabb"],
    }.items():
        (path / stem.format("src")).write_text("\n".join(lines))
        labels = [_d2_label(line) for line in lines]
        (path / stem.format("tgt")).write_text("\n".join(labels))
    return path


def _d2_label(text: str) -> str:
    depths = [text[: t + 1].count("a") - text[: t + 1].count("b") for t in range(len(text))]
    return "".join(("10", "11", "01")[depth] for depth in depths)


def edit(file: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    def plant(path: Path) -> None:
        (path / file).write_text(change((path / file).read_text()))

    return plant


def orphan(path: Path) -> None:
    (path / "val_tgt_bin7.txt").write_text("1110")


def both(old: str, new: str, split: str) -> Callable[[Path], None]:
    """Replace a string and its label."""

    def plant(path: Path) -> None:
        for kind, texts in (("src", (old, new)), ("tgt", (_d2_label(old), _d2_label(new)))):
            file = path / split.format(kind)
            lines = file.read_text().split("\n")
            lines[lines.index(texts[0])] = texts[1]
            file.write_text("\n".join(lines))

    return plant


PLANTED = {
    "orphan": orphan,
    "wrong-labels": edit("val_tgt_bin0.txt", lambda text: "10" + text[2:]),
    "label-lines": edit("train_tgt.txt", lambda text: text[2:]),
    "non-members": edit("train_src.txt", lambda text: text.replace("aabb\n", "aaba\n")),
    "duplicates": both("aabb", "ab", "train_{}.txt"),
    "in-train": both("abaabb", "aababb", "val_{}_bin0.txt"),
    "not-longer": both("abababab", "aabbab", "val_{}_bin1.txt"),
    "shared-strings": both("aabbaabb", "aabbab", "val_{}_bin1.txt"),
}


@pytest.mark.parametrize("code", list(PLANTED))
def test_a_planted_flaw_is_found(code: str, tmp_path: Path) -> None:
    path = d2_folder(tmp_path / "mine")
    d2 = language("d-2")
    assert codes(audit(path, d2)) == {"outside-window"}  # shorter than the authors' own bins
    PLANTED[code](path)
    if code == "orphan":
        with pytest.warns(UserWarning, match="left out"):
            report = audit(path, d2)
    else:
        report = audit(path, d2)
    assert code in codes(report)


def test_the_manifest_is_held_to_its_word(tmp_path: Path) -> None:
    data = make_splits(
        language("d-2"),
        train_size=200,
        validation_size=40,
        bin_size=20,
        test_windows=((1, 50), (51, 100)),
    )
    write_folder(data, tmp_path, "authors")
    source, target = tmp_path / "train_src.txt", tmp_path / "train_tgt.txt"
    lines, labels = source.read_text().split("\n"), target.read_text().split("\n")
    source.write_text("\n".join(lines[1:]))
    target.write_text("\n".join(labels[1:]))
    assert found(audit(tmp_path), "size", "train").severity == "error"
    source.write_text("\n".join(lines[::-1]))
    target.write_text("\n".join(labels[::-1]))
    assert codes(audit(tmp_path)) == {"hash"}


def test_unequal_files_and_foreign_symbols_are_input_errors(tmp_path: Path) -> None:
    path = d2_folder(tmp_path / "D-2")
    right = (path / "train_tgt.txt").read_text()
    (path / "train_tgt.txt").write_text("1110")
    with pytest.raises(InputError, match=r"train_src\.txt has 4 lines and train_tgt\.txt 1"):
        audit(path)
    (path / "train_tgt.txt").write_text(right)
    edit("train_src.txt", lambda text: text.replace("aabb\n", "axbb\n"))(path)
    with pytest.raises(InputError, match=r"line 2: .*'x' at position 2"):
        audit(path)


def test_baselines_stand_beside_the_findings(tmp_path: Path) -> None:
    data = make_splits(
        language("d-2"),
        train_size=2_000,
        validation_size=100,
        bin_size=100,
        test_windows=((1, 50), (51, 100)),
    )
    write_folder(data, tmp_path)
    scores = audit(tmp_path).baselines["51-100"]
    fitted, optimum = scores["last 4 symbols"], scores["optimum of 4 symbols"]
    assert fitted["position_accuracy"] == pytest.approx(optimum["position_accuracy"], abs=0.02)
    assert fitted["string_accuracy"] < 0.05
    assert scores["counts + last 4"]["string_accuracy"] <= 1


def test_data_and_audit_take_seconds(tmp_path: Path) -> None:
    start = process_time()
    data = make_splits(language("d-4"), test_windows=((1, 50), (51, 100)))
    assert process_time() - start < 5
    write_folder(data, tmp_path)
    start = process_time()
    audit(tmp_path)
    assert process_time() - start < 10
