"""Sphinx: `make docs`. Pages are Markdown; docstrings are plain text, and are shown unchanged."""

import re
import sys
from pathlib import Path

from sphinx.errors import ExtensionError

import fovea

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # for what draws pictures and formulas

project = "Fovea"
author = copyright = "The Fovea authors"
release = version = fovea.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "formulas"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
autodoc_typehints = "none"  # docstrings give shapes, which types cannot
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["pages.css"]
html_title = "Fovea"
html_copy_source = False
html_show_sphinx = False
html_math_renderer = "drawn"

_FIELD = re.compile(r"([\w, *]+): (.+)", re.DOTALL)


def unchanged(app, what, name, obj, options, lines: list[str]) -> None:
    """A docstring in reStructuredText: formulas and tables word for word, the rest as paragraphs."""
    blocks = re.split(r"\n\s*\n", "\n".join(lines).strip("\n"))
    lines[:] = [line for block in blocks for line in (*_block(block).splitlines(), "")]


def _block(block: str) -> str:
    rows = block.splitlines()
    if any(row.startswith(" ") for row in rows[:1]) or any("   " in row.strip() for row in rows):
        return "::\n\n" + "\n".join(f"    {row}" for row in rows)
    if all(_FIELD.match(row) or row.startswith(" ") for row in rows) and len(rows) > 1:
        rows = re.sub(r"\n\s+", " ", block).splitlines()
        return "\n".join(
            f"- ``{name}``: {_words(text)}" for name, text in (_FIELD.match(r).groups() for r in rows)
        )
    if all(row.startswith(("- ", "  ")) for row in rows):
        return "\n".join(row[:2] + _words(row[2:]) for row in rows)
    return _words(" ".join(row.strip() for row in rows))


def _words(text: str) -> str:
    """Code stays code; what else means something to reStructuredText does not."""
    parts = re.split(r"`([^`]+)`", text)
    return "".join(
        rf"\ ``{part}``\ " if at % 2 else re.sub(r"([*_|\\`])", r"\\\1", part)
        for at, part in enumerate(parts)
    )


def draw_pictures(app) -> None:
    """The pictures of docs/notes, from the code as it is now."""
    from drawn import draw_all

    draw_all(HERE / "pictures")


def need_no_network(app, exception) -> None:
    """Check that pages load nothing from other hosts; links may lead anywhere."""
    loads = re.compile(
        r"""<(?:script|img|link|iframe|source)\b[^>]*?\b(?:src|href)=["']?((?:https?:)?//[^"'> ]+)"""
    )
    for page in [] if exception else Path(app.outdir).rglob("*.html"):
        for address in loads.findall(page.read_text(encoding="utf-8")):
            raise ExtensionError(f"{page.name} loads {address}: it would not open without a network")


def setup(app) -> None:
    app.connect("builder-inited", draw_pictures)
    app.connect("build-finished", need_no_network)
    app.connect("autodoc-process-docstring", unchanged)
