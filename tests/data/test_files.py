"""Folders: what is written is read back, and the authors' own folders are read as they are."""

import hashlib
import json
from pathlib import Path

import pytest

from starfree.data.files import FolderNotice, read_folder, write_folder
from starfree.data.labels import label_lines
from starfree.data.splits import DataSet, make_splits
from starfree.errors import InputError, StarfreeError
from starfree.files import write_atomically
from starfree.languages.catalog import language
from starfree.languages.strings import Strings


def small(name: str, **options: object) -> DataSet:
    sizes = {"train_size": 60, "validation_size": 20, "bin_size": 10}
    windows = {"train_window": (1, 20), "test_windows": ((1, 20), (21, 30))}
    return make_splits(language(name), **(sizes | windows | options))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["d-2", "shuffle-2", "flipflop", "dyck-2-3", "undo-flipflop-3"])
def test_what_is_written_is_read_back(name: str, tmp_path: Path) -> None:
    data = small(name)
    write_folder(data, tmp_path / "set")
    folder = read_folder(tmp_path / "set")
    assert folder.language.name == name
    assert folder.label_kind == "legal"
    back = folder.data_set()
    assert back.train.keys() == data.train.keys()
    assert back.validation is not None
    assert data.validation is not None
    assert back.validation.keys() == data.validation.keys()
    assert list(back.bins) == ["1-20", "21-30"]
    for bin_name, strings in data.bins.items():
        assert back.bins[bin_name].keys() == strings.keys()
        legal = label_lines(language(name), strings, "legal")
        assert folder.splits[bin_name].labels == legal


def test_legal_lines_are_rows_of_bits() -> None:
    d2 = language("d-2")
    strings = Strings.of([d2.encode("aabb"), d2.encode("")])
    assert label_lines(d2, strings, "legal") == ["101 110 010 110 101", "101"]


def test_empty_strings_and_empty_splits_survive(tmp_path: Path) -> None:
    parity = language("parity")
    texts = {"train": ["11", ""], "0-0": [""], "5-5": []}
    strings = {
        name: Strings.of([parity.encode(text) for text in found]) for name, found in texts.items()
    }
    train = strings.pop("train")
    manifest = {"format": 1, "language": "parity", "bins": {name: {} for name in strings}}
    write_folder(DataSet(parity, train, None, strings, manifest=manifest), tmp_path)
    folder = read_folder(tmp_path)
    assert {name: split.strings for name, split in folder.splits.items()} == texts
    assert folder.splits["train"].labels == ["111 110 111", "111"]
    assert folder.data_set().train.keys() == train.keys()


def test_recognition_labels_are_membership(tmp_path: Path) -> None:
    data = small("parity", task="recognise")
    write_folder(data, tmp_path)
    folder = read_folder(tmp_path)
    assert folder.label_kind == "membership"
    back = folder.data_set()
    assert {name: labels.tolist() for name, labels in back.labels.items()} == {
        name: labels.tolist() for name, labels in data.labels.items()
    }
    with pytest.raises(InputError, match="do not fit task 'recognise'"):
        write_folder(data, tmp_path, "legal")


def test_files_end_without_a_newline_and_have_the_manifests_hashes(tmp_path: Path) -> None:
    write_folder(small("d-2"), tmp_path, "authors")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    raw = (tmp_path / "train_src.txt").read_bytes()
    assert not raw.endswith(b"\n")
    assert hashlib.sha256(raw).hexdigest() == manifest["train"]["sha256"]
    raw = (tmp_path / "val_src_bin1.txt").read_bytes()
    assert hashlib.sha256(raw).hexdigest() == manifest["bins"]["21-30"]["sha256"]
    assert manifest["labels"] == "authors"


def authors_folder(path: Path) -> Path:
    """As the authors ship it: no manifest, no newline at the end, a label file too many."""
    path.mkdir()
    for file, text in {
        "train_src.txt": "ab\naabb",
        "train_tgt.txt": "1110\n11011110",
        "val_src_bin0.txt": "abab",
        "val_tgt_bin0.txt": "11101110",
        "val_tgt_bin2.txt": "1110",
    }.items():
        (path / file).write_text(text)
    return path


def test_an_authors_folder_is_read_unchanged(tmp_path: Path) -> None:
    path = authors_folder(tmp_path / "D-2")
    with pytest.warns(FolderNotice, match=r"val_tgt_bin2\.txt has no val_src_bin2\.txt"):
        folder = read_folder(path)
    assert folder.language.name == "d-2"
    assert folder.orphans == ("val_tgt_bin2.txt",)
    assert folder.splits["train"].strings == ["ab", "aabb"]
    assert folder.data_set().bins["bin0"].tokens.tolist() == [[0, 1, 0, 1]]
    assert folder.label_kind == "authors"


def test_bad_folders_give_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such directory"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"no train_src\.txt"):
        read_folder(tmp_path)
    unnamed = authors_folder(tmp_path / "mine")
    with pytest.raises(InputError, match="which language"):
        read_folder(unnamed)
    (unnamed / "train_src.txt").write_text("ab\naxbb")
    with pytest.warns(FolderNotice):
        folder = read_folder(unnamed, language("d-2"))
    with pytest.raises(InputError, match=r"train_src\.txt, line 2: .*'x' at position 2"):
        folder.data_set()
    (unnamed / "manifest.json").write_text("{")
    with pytest.raises(InputError, match=r"manifest\.json: cannot be read"):
        read_folder(unnamed)


def test_a_strangers_directory_is_never_written_to(tmp_path: Path) -> None:
    path = authors_folder(tmp_path / "D-2")
    with pytest.raises(InputError, match="not a data set written before"):
        write_folder(small("d-2"), path)
    assert (path / "train_src.txt").read_text() == "ab\naabb"


def test_writing_again_replaces_the_older_bins(tmp_path: Path) -> None:
    write_folder(small("d-2", test_windows=((1, 20), (21, 30), (31, 40))), tmp_path)
    write_folder(small("d-2"), tmp_path)
    assert not (tmp_path / "val_src_bin2.txt").exists()
    assert list(read_folder(tmp_path).splits) == ["train", "validation", "1-20", "21-30"]


def test_a_write_that_fails_leaves_a_folder_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: str) -> None:
        if "val_src" in path.name:
            raise OSError(28, "No space left on device")
        write_atomically(path, content)

    monkeypatch.setattr("starfree.data.files.write_atomically", full)
    with pytest.raises(StarfreeError, match="No space left on device"):
        write_folder(small("d-2"), tmp_path)
    monkeypatch.undo()
    with pytest.raises(InputError, match="was not written to the end"):
        read_folder(tmp_path)
    write_folder(small("d-2"), tmp_path)
    assert len(read_folder(tmp_path).splits) == 4
