"""What README.md and docs/ show is so: examples run, links lead somewhere, and every option is described."""

import doctest
import re
from pathlib import Path

import pytest
import typer

from docs.drawn import draw_all
from docs.formulas import drawn
from fovea.cli import app
from fovea.layers.base import REGISTRY

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = sorted([*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "notes").glob("*.md")])
COMMANDS = typer.main.get_command(app).commands


def fenced(path: Path, language: str) -> list[str]:
    """The blocks of code in a page that are marked as `language`."""
    return re.findall(
        rf"^```{language}\n(.*?)^```$", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


@pytest.mark.parametrize("page", [page for page in PAGES if fenced(page, "pycon")], ids=lambda p: p.stem)
def test_examples_give_what_the_page_says(page, tmp_path, monkeypatch, capsys):
    if page.stem == "onnx":
        pytest.importorskip("onnx")
    monkeypatch.chdir(tmp_path)
    text = re.sub(r"^```\w*$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    example = doctest.DocTestParser().get_doctest(text, {"__name__": page.stem}, page.name, str(page), 0)
    with capsys.disabled():
        result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example)
    assert result.attempted
    assert not result.failed


def test_the_readmes_ten_lines_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (code,) = fenced(README, "python")
    assert len([line for line in code.splitlines() if line]) == 10
    exec(compile(code, "README.md", "exec"), {})
    *summary, accuracy, _, _, last = capsys.readouterr().out.splitlines()
    assert "61,706" in summary[-1]
    assert float(re.fullmatch(r"([\d.]+)% of 2,000 test pictures are right", accuracy).group(1)) > 95
    assert re.fullmatch(r"\d [\d.]+%", last)
    assert (tmp_path / "digits.safetensors").exists()


@pytest.mark.parametrize("page", [README, *PAGES, *ROOT.glob("[A-Z]*.md")], ids=lambda p: p.name)
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    files = [link.partition("#")[0] for link in links if not link.startswith("http")]
    assert not [link for link in files if not (page.parent / link).exists()]


def test_the_notes_have_their_pictures(tmp_path):
    draw_all(tmp_path)
    pages = [page.read_text(encoding="utf-8") for page in PAGES if page.parent.name == "notes"]
    shown = [
        name for page in pages for name in re.findall(r"^```{image} \.\./pictures/(.+)$", page, re.MULTILINE)
    ]
    assert sorted(shown) == sorted(file.name for file in tmp_path.iterdir())
    assert len(shown) == len(pages) - 1  # all but the index


def test_formulas_are_drawings_that_need_nothing_else():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    formulas = re.findall(
        r"(\$\$?)([^$]+)\1", re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.DOTALL | re.M)
    )
    assert len(formulas) > 50
    for _, formula in formulas:
        assert re.fullmatch(
            r'<svg role="img" [^>]+><path fill="currentColor" d="[^"]+"/></svg>', drawn(formula)
        )
    assert len(drawn("x")) < len(drawn("x + y"))
    with pytest.raises(ValueError, match="Unknown symbol"):
        drawn(r"\nonsense")


def test_every_layer_has_its_formula():
    page = (ROOT / "docs" / "layers.md").read_text(encoding="utf-8")
    own = [name for name, layer in REGISTRY.items() if layer.__module__.startswith("fovea.layers.")]
    assert own
    assert not [name for name in own if f"| `{name}(" not in page]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_described(name):
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## fovea ([\w-]+)\n(.*?)(?=^## )", page, re.DOTALL | re.MULTILINE))
    section = sections[name]
    for other in re.findall(r"\[OPTIONS OF fovea ([\w-]+)\]", section):
        section += sections[other]
    options = [o for p in COMMANDS[name].params for o in p.opts if o.startswith("--") and o != "--help"]
    assert options
    assert not [option for option in options if f"`{option}" not in section and f"[{option}" not in section]
