"""data and audit, end to end."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from starfree.languages.catalog import language
from starfree.languages.strings import Strings

SPLITS = ["train", "validation", "1-50", "51-100", "101-150", "451-500"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("data") / "d-2"


def test_data_then_audit_finds_no_error(starfree, folder):
    done = starfree("data", "d-2", "--out", str(folder))
    assert done.code == 0
    assert "train 10000" in done.out
    done = starfree("audit", str(folder), "--json")
    assert done.code == 0
    report = json.loads(done.out)
    assert report["language"] == "d-2"
    assert list(report["splits"]) == SPLITS
    assert not [f for f in report["findings"] if f["severity"] == "error"]
    assert 0 < report["baselines"]["51-100"]["last 10 symbols"]["string_accuracy"] < 1


def test_audit_finds_a_flipped_label_and_ends_with_3(starfree, folder, tmp_path):
    starfree("data", "aa-star", "--out", str(tmp_path / "a"))
    path = tmp_path / "a" / "val_tgt_bin1.txt"
    text = path.read_text()
    path.write_text(("0" if text[0] == "1" else "1") + text[1:])
    done = starfree("audit", str(tmp_path / "a"))
    assert done.code == 3
    assert "error" in done.out
    assert "51-100" in done.out


def test_tensors_hold_the_legal_sets(starfree, tmp_path):
    assert starfree("data", "aa-star", "--out", str(tmp_path), "--to", "torch").code == 0
    arrays = load_file(tmp_path / "51-100.safetensors")
    lengths = arrays["lengths"] - 1
    strings = Strings(arrays["inputs"][:, 1:].astype(np.int16), lengths)
    legal = language("aa-star").legal_batch(strings)
    assert np.array_equal(arrays["targets"], legal)
    assert (arrays["weights"].sum(axis=1) == lengths + 1).all()


def test_json_lines_hold_text_and_legal_sets(starfree, tmp_path):
    assert starfree("data", "shuffle-2", "--out", str(tmp_path), "--to", "huggingface").code == 0
    first = json.loads((tmp_path / "train.jsonl").read_text().splitlines()[0])
    spoken = language("shuffle-2")
    rows = spoken.legal(spoken.encode(first["text"]))
    symbols = [*spoken.alphabet, "$"]
    assert first["legal"] == [
        [s for s, bit in zip(symbols, row, strict=True) if bit] for row in rows
    ]


def test_bad_input_is_one_line(starfree, tmp_path):
    done = starfree("data", "regex:ab", "--out", str(tmp_path / "x"), "--protocol", "published")
    assert done.code == 2
    assert done.err.count("\n") == 1
    done = starfree("audit", str(tmp_path / "nothing"))
    assert done.code == 2
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    done = starfree("data", "aa-star", "--out", str(tmp_path / "full"), "--to", "torch")
    assert done.code == 2
    assert "mine.txt" in done.err
