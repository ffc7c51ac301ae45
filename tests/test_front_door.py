"""`import starfree`: light, and every verb it offers is there."""

import subprocess
import sys

import pytest

import starfree


def test_nothing_heavy_is_imported():
    code = "import starfree, sys; dir(starfree); print([m for m in ('torch', 'numpy', 'jinja2') "
    code += "if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", starfree._HOMES)
def test_every_verb_is_found(name):
    assert callable(getattr(starfree, name))
    assert name in dir(starfree)


def test_no_other_name_is():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = starfree.nothing


def test_the_verbs_chain(tmp_path):
    language = starfree.language("tomita-4")
    assert language.classify().star_free
    compiled = starfree.compile(language, target="paper")
    certificate = compiled.certify()
    assert certificate.status == "PROVEN_ALL_LENGTHS"
    starfree.save(compiled, tmp_path / "made", certificate)
    loaded = starfree.load(tmp_path / "made")
    assert loaded.language == "tomita-4"
    assert starfree.certify(loaded.model, language).model_hash == certificate.model_hash
