"""compile and certify."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file


def test_a_language_is_compiled_and_its_certificate_checked_again(starfree, tmp_path):
    done = starfree("compile", "tomita-4", "--target", "mamba", "--out", tmp_path / "t4")
    assert done.code == 0, done.err
    assert "PROVEN_ALL_LENGTHS: right on prefixes of members of tomita-4" in done.out
    names = {path.name for path in (tmp_path / "t4").iterdir()}
    assert names >= {"model.safetensors", "config.json", "circuit.json", "certificate.json"}
    written = json.loads((tmp_path / "t4" / "certificate.json").read_text())
    for dtype in ("float32", "bfloat16", "float16"):
        again = starfree("certify", tmp_path / "t4", "--dtype", dtype, "--json")
        assert again.code == 0
        found = json.loads(again.out)
        assert found["status"] == "PROVEN_ALL_LENGTHS"
        assert found["arithmetic"].startswith(dtype)
        assert found["language_hash"] == written["language_hash"]
        assert (found["model_hash"] == written["model_hash"]) == (dtype == "float32")


def test_a_changed_weight_ends_with_code_3(starfree, tmp_path):
    assert starfree("compile", "d-2", "--out", tmp_path).code == 0
    weights = load_file(tmp_path / "model.safetensors")
    weights["backbone.layers.0.mixer.out_proj.weight"].neg_()
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    done = starfree("certify", tmp_path, "d-2")
    assert done.code == 3
    assert "COUNTEREXAMPLE: after " in done.out
    assert "no shorter string" in done.out
    found = json.loads(starfree("certify", tmp_path, "d-2", "--json").out)
    assert found["counterexample"]["shortest"] is True


def changed(path, **fields):
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"states": 1000}, "its states is 1000, found is "),
        ({"margin": 9.0}, "its margin is 9.0, found is 8.0"),
        ({"language_hash": "0" * 64}, "d-2 is another language than the one it was written for"),
        ({"model_hash": "0" * 64}, "the weights are not the ones it was written for"),
        ({"status": "COUNTEREXAMPLE"}, "it says COUNTEREXAMPLE, and the model is right"),
    ],
)
def test_a_changed_certificate_ends_with_code_3(starfree, tmp_path, fields, said):
    starfree("compile", "d-2", "--out", tmp_path, "--precision", "exact")
    changed(tmp_path / "certificate.json", **fields)
    done = starfree("certify", tmp_path)
    assert done.code == 3
    assert "PROVEN_ALL_LENGTHS: right on" in done.out
    assert f"certificate.json does not hold: {said}" in done.err
    # another question, which the certificate does not answer
    assert starfree("certify", tmp_path, "--domain", "prefixes", "--margin", "8").code == 0
    assert starfree("certify", tmp_path, "--dtype", "float16").code == 0


def test_a_language_that_means_something_else_now_is_found_out(starfree, tmp_path):
    table = {"format": 1, "alphabet": ["a"], "start": 0, "accepting": [0], "transitions": [[0]]}
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps(table))
    assert starfree("compile", f"dfa:{mine}", "--out", tmp_path / "m").code == 0
    assert starfree("certify", tmp_path / "m").code == 0
    changed(mine, accepting=[])
    done = starfree("certify", tmp_path / "m")
    assert done.code == 3
    assert "is another language than the one it was written for" in done.err


def test_weights_that_are_right_but_others_are_told(starfree, tmp_path):
    starfree("compile", "d-2", "--out", tmp_path / "one", "--precision", "exact")
    starfree("compile", "d-2", "--out", tmp_path / "two", "--precision", "robust")
    for name in ("model.safetensors", "config.json"):
        (tmp_path / "one" / name).write_bytes((tmp_path / "two" / name).read_bytes())
    done = starfree("certify", tmp_path / "one")
    assert done.code == 3
    assert "PROVEN_ALL_LENGTHS" in done.out
    assert "the weights are not the ones" in done.err


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_transformers_proves_the_same(starfree, tmp_path, dtype):
    starfree("compile", "flipflop", "--out", tmp_path)
    asked = ("certify", tmp_path, "--dtype", dtype, "--json")
    ours = json.loads(starfree(*asked).out)
    theirs = json.loads(starfree(*asked, "--prover", "transformers").out)
    for field in ("status", "states", "margin", "arithmetic", "language_hash"):
        assert ours[field] == theirs[field]
    assert theirs["kernel"].startswith("transformers ")
    assert ours["kernel"].startswith("starfree.models.mamba.step layer by layer in PyTorch")


def test_transformers_finds_the_same_fault(starfree, tmp_path):
    starfree("compile", "tomita-4", "--out", tmp_path, "--precision", "exact")
    weights = load_file(tmp_path / "model.safetensors")
    weights["backbone.layers.1.mixer.conv1d.bias"].mul_(2)
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    found = [
        json.loads(starfree("certify", tmp_path, "--prover", prover, "--json").out)
        for prover in ("starfree", "transformers")
    ]
    assert found[0]["status"] == "COUNTEREXAMPLE"
    assert found[0]["counterexample"]["position"] == found[1]["counterexample"]["position"]


def test_only_transformers_directories_have_that_prover(starfree, tmp_path):
    starfree("compile", "d-2", "--target", "paper", "--out", tmp_path)
    done = starfree("certify", tmp_path, "--prover", "transformers")
    assert done.code == 2
    assert "transformers cannot read it" in done.err


def test_only_a_compiled_directory_is_replaced(starfree, tmp_path):
    out = tmp_path / "x"
    assert starfree("compile", "d-2", "--out", out).code == 0
    assert starfree("compile", "tomita-4", "--target", "paper", "--out", out).code == 0
    names = {path.name for path in out.iterdir()}
    plain = {"certificate.json", "circuit.json", "config.json", "model.safetensors"}
    assert names == plain | {"page.html"}
    assert "tomita-4" in starfree("certify", out).out
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    for place, said in (("file", "a file, not a dir"), ("full", "not empty and not a model")):
        done = starfree("compile", "d-2", "--out", tmp_path / place)
        assert done.code == 2
        assert said in done.err
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


def test_a_limit_of_states_proves_some_lengths(starfree, tmp_path):
    starfree("compile", "d-4", "--out", tmp_path, "--precision", "exact")
    done = starfree("certify", tmp_path, "--max-states", "10")
    assert done.code == 0
    assert "PROVEN_UP_TO: right on prefixes of members of d-4 up to length " in done.out


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("regex:~(.*)@a", "is empty: no string begins a member"),
        ("regex:()@a", "of every length"),
        ("regex:a*", "of every length"),
        ("regex:a*@a,b", "of every length"),
        ("regex:a|b|aa", "of every length"),
        ("pltl:false @a", "is empty: no string begins a member"),
    ],
)
@pytest.mark.parametrize("target", ["mamba", "paper"])
def test_small_languages(starfree, tmp_path, reference, said, target):
    done = starfree("compile", reference, "--target", target, "--out", tmp_path)
    assert done.code == 0
    assert done.out.startswith("PROVEN_ALL_LENGTHS: ")
    assert said in done.out
    assert starfree("certify", tmp_path).code == 0


def test_a_formula_has_two_routes(starfree, tmp_path):
    asked = ("compile", "pltl:H !(0 & Y (0 & Y 0)) @0,1,empty", "--json", "--out")
    found = json.loads(starfree(*asked, tmp_path / "a").out)
    assert (found["status"], found["domain"]) == ("PROVEN_ALL_LENGTHS", "prefixes")
    found = json.loads(starfree(*asked, tmp_path / "f", "--route", "formula").out)
    assert (found["status"], found["domain"]) == ("PROVEN_ALL_LENGTHS", "all")
    circuit = json.loads((tmp_path / "f" / "circuit.json").read_text())
    names = [unit["name"] for level in circuit["levels"] for unit in level]
    assert names == ["yesterday1", "yesterday2", "since1"]
    done = starfree("compile", "tomita-4", "--route", "formula", "--out", tmp_path / "t")
    assert done.code == 2
    assert "tomita-4: not a formula" in done.err


def test_counting_is_refused_with_a_sentence(starfree, tmp_path):
    done = starfree("compile", "parity", "--out", tmp_path / "p")
    assert done.code == 2
    assert (
        "not star-free: the empty string is a member, '1' is not, '11' is, '111' is not, and so"
        in (done.err)
    )
    assert "choose the target signed, rotation or reflection" in done.err
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("name", "target", "status"),
    [
        ("tomita-4", "paper", "PROVEN_ALL_LENGTHS"),
        ("parity", "signed", "PROVEN_ALL_LENGTHS"),
        ("tomita-5", "signed", "PROVEN_ALL_LENGTHS"),
        ("aa-star", "signed", "PROVEN_ALL_LENGTHS"),
        ("aaaa-star", "signed", "PROVEN_ALL_LENGTHS"),
        ("abab-star", "signed", "PROVEN_ALL_LENGTHS"),
        ("tomita-3", "signed", "PROVEN_ALL_LENGTHS"),
        ("tomita-6", "rotation", "PROVEN_ALL_LENGTHS"),
        ("z-5", "rotation", "PROVEN_ALL_LENGTHS"),
        ("s3", "rotation", "PROVEN_ALL_LENGTHS"),
        ("a5", "reflection", "PROVEN_ALL_LENGTHS"),
        ("s5", "reflection", "PROVEN_ALL_LENGTHS"),
        ("shuffle-2", "paper", "PROVEN_UP_TO"),
    ],
)
def test_each_target_is_compiled_and_checked_again(starfree, tmp_path, name, target, status):
    done = starfree("compile", name, "--target", target, "--out", tmp_path, "--json")
    assert json.loads(done.out)["status"] == status
    again = json.loads(starfree("certify", tmp_path, "--max-states", "500", "--json").out)
    assert again["status"] == status
    assert again["model_hash"] == json.loads(done.out)["model_hash"]


def test_recognisers_are_right_on_all_strings(starfree, tmp_path):
    done = starfree(
        "compile", "regex:(ab)*@a,b,c", "--task", "recognise", "--out", tmp_path, "--json"
    )
    found = json.loads(done.out)
    assert (found["status"], found["domain"]) == ("PROVEN_ALL_LENGTHS", "all")
    assert json.loads(starfree("certify", tmp_path, "--json").out)["domain"] == "all"


def test_every_direction_is_explained(starfree, tmp_path):
    asked = ("compile", "tomita-4", "--precision", "exact", "--explain", "--out")
    done = starfree(*asked, tmp_path / "t")
    assert "PROVEN_ALL_LENGTHS" in done.out
    for said in ("letter=0", "level1.before=", "level2.after=", "answer $=yes", "layer 3"):
        assert said in done.out
    data = json.loads(starfree(*asked, tmp_path / "j", "--json").out)
    assert data["certificate"]["status"] == "PROVEN_ALL_LENGTHS"
    assert [state["reached_by"] for state in data["states"]] == ["", "0", "00"]


def test_a_user_s_model_is_certified(starfree, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "from starfree.models.model import build as one\n"
        "def build(vocabulary, outputs):\n"
        "    return one('lstm', vocabulary, outputs, d_model=4)\n"
    )
    monkeypatch.chdir(tmp_path)
    from starfree.models.model import build

    torch.manual_seed(0)
    save_file(build("lstm", 4, 3, d_model=4).state_dict(), tmp_path / "weights.safetensors")
    assert starfree("certify", "mine:build@weights.safetensors", "d-2").code == 3
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    done = starfree("certify", "mine:build@other.safetensors", "d-2")
    assert done.code == 2
    assert "other.safetensors: not the weights of mine:build" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["certify", "nowhere", "d-2"], "nowhere: no such directory"),
        (["certify", "nowhere:1234", "d-2"], "nowhere: no run is here"),
        (["compile", "dyck-1", "--task", "recognise", "--out", "x"], "no finite automaton"),
        (["compile", "d-2", "--target", "lstm", "--out", "x"], "--target"),
        (["compile", "dyck-2-12", "--out", "x"], "is a counter, and the target mamba has resets"),
        (["compile", "d-two", "--out", "x"], "unknown language 'd-two'"),
        (["compile", "regex:(a", "--out", "x"], "it ends too early"),
        (["compile", "s5", "--target", "rotation", "--out", "x"], "choose the target reflection"),
    ],
)
def test_wrong_input_is_explained(starfree, arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = starfree(*arguments)
    assert done.code == 2
    assert said in done.err


def test_another_alphabet_is_refused(starfree, tmp_path):
    assert starfree("compile", "d-2", "--out", tmp_path).code == 0
    done = starfree("certify", tmp_path, "tomita-4")
    assert done.code == 2
    assert "its alphabet is a b, that of tomita-4 is 0 1" in done.err


@pytest.mark.parametrize("target", ["mamba", "paper"])
def test_counters_say_how_far_they_count(starfree, tmp_path, target):
    done = starfree("compile", "boolean-3", "--target", target, "--out", tmp_path)
    assert done.code == 0, done.err
    assert "1 layer, 1 counter with A = 1, exact up to length" in done.out
    assert "8,388,607 in float32, 1,023 in float16, 127 in bfloat16" in done.out
    assert (
        "PROVEN_UP_TO: right on prefixes of members of boolean-3 up to length 8,388,607" in done.out
    )
    assert "covers: prefixes of members whose counts stay within 0..16,777,216" in done.out
    again = starfree("certify", tmp_path, "--dtype", "bfloat16", "--json")
    found = json.loads(again.out)
    assert (found["status"], found["method"], found["length"]) == ("PROVEN_UP_TO", "inductive", 127)


def test_a_large_stack_is_proven_and_its_planted_fault_found(starfree, tmp_path):
    done = starfree("compile", "dyck-8-10", "--target", "paper", "--out", tmp_path)
    assert "2 layers, 31 state units, which hold 33.46 bits; no online model does with" in done.out
    assert "PROVEN_ALL_LENGTHS: right on prefixes of members of dyck-8-10, of every" in done.out
    assert "invariant: number 1 is the depth d, 0..10" in done.out
    assert starfree("certify", tmp_path).code == 0
    weights = load_file(tmp_path / "model.safetensors")
    weights["layers.1.increment.weight"][3 * 8].neg_()
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    done = starfree("certify", tmp_path)
    assert done.code == 3
    assert "COUNTEREXAMPLE: after " in done.out
    assert "no inductive proof: a wrong register after" in done.out


def test_strict_is_compiled_without_convolution(starfree, tmp_path):
    done = starfree("compile", "d-2", "--target", "paper", "--strict", "--out", tmp_path)
    assert "PROVEN_ALL_LENGTHS" in done.out
    assert "every state number is in [v, v + 1/2]" in done.out
    assert json.loads((tmp_path / "config.json").read_text())["options"]["delay"] is False
    assert starfree("certify", tmp_path, "--dtype", "float16").code == 0
    done = starfree("compile", "d-2", "--strict", "--out", tmp_path / "m")
    assert done.code == 2
    assert "strict is a form of the target paper, not of mamba" in done.err
