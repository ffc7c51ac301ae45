"""docs/models.md says what there is: every model, every option, every default."""

import re
from pathlib import Path

import pytest
import yaml

from starfree.models.hybrid import LAYERS
from starfree.models.model import MODELS, check_options

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
EVERYWHERE = {"layers", "d_model", "mlp"}
ROWS = {
    match[1]: match[2]
    for match in re.finditer(r"^\| `(\w+)` \| (`.*) \|$", PAGE.partition("## Options")[2], re.M)
}


@pytest.mark.parametrize("name", list(MODELS))
def test_every_model_and_option_is_there(name):
    assert f"| `{name}` |" in PAGE or f"| `{name}`," in PAGE
    own = {k: v for k, v in MODELS[name].Options().model_dump().items() if k not in EVERYWHERE}
    said = dict(re.findall(r"`(\w+)` (\"[^\"]*\"|\S+?)(?=,|$| )", ROWS.get(name, "")))
    shown = {key: str(value).lower() for key, value in own.items()}
    assert {key: value.strip('"') for key, value in said.items()} == shown


def test_the_defaults_that_all_share():
    assert {n for n, m in MODELS.items() if m.Options().model_dump().get("mlp")} == {
        "gla",
        "delta",
        "slstm",
    }
    wide = {n for n, m in MODELS.items() if m.Options().d_model == 64}
    assert wide == {"transformer", "lstm", "gru", "rnn"}
    assert {n for n, m in MODELS.items() if m.Options().model_dump().get("layers") == 2} == {
        "transformer"
    }


def test_every_layer_of_a_hybrid_is_there():
    for name in LAYERS:
        assert f"`{name}`" in PAGE


def test_the_page_s_examples_can_be_built():
    for line in re.findall(r"- \{name: (\w+), (.*)\}", PAGE):
        options = yaml.safe_load(f"{{{line[1]}}}")
        options.pop("label", None)
        assert check_options(line[0], options)
