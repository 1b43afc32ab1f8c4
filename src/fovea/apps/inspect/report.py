"""A self-contained HTML page: pictures are embedded, and there are no scripts and no external resources."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fovea.files import write_whole
from fovea.names import visible

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<header>
<h1>{title}</h1>
{words}</header>
{contents}<main>
{sections}</main>
<footer>{footer}</footer>
</body>
</html>
"""


_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Figure:
    """A PNG file with its alternative text and caption. `dark` is a version for a dark page. At most two
    `wide` figures share a row."""

    path: Path
    alt: str
    caption: str
    name: str = ""
    dark: Path | None = None
    wide: bool = False


@dataclass(frozen=True)
class Section:
    """A heading, paragraphs, bars (name, share from 0 to 1, highlighted or not), figures, and subsections;
    all text is plain. `legend` adds the scale of heat colours."""

    title: str
    words: Sequence[str] = ()
    bars: Sequence[tuple[str, float, bool]] = ()
    figures: Sequence[Figure] = ()
    sections: Sequence["Section"] = ()
    legend: bool = False


def write(path: Path, title: str, words: Sequence[str], sections: Sequence[Section], footer: str) -> None:
    """Write the page, whole or not at all. Raises OSError."""
    names = [f'<li><a href="#part{i}">{escape(section.title)}</a></li>' for i, section in enumerate(sections)]
    contents = f'<nav aria-label="Contents"><ul>\n{"".join(names)}\n</ul></nav>\n' if len(names) > 1 else ""
    page = _PAGE.format(
        title=escape(title),
        policy=_POLICY,
        style=Path(__file__).with_name("report.css").read_text(encoding="utf-8"),
        words=_paragraphs(words),
        contents=contents,
        sections="".join(_section(section, 2, f' id="part{i}"') for i, section in enumerate(sections)),
        footer=escape(footer),
    )
    write_whole(path, page)


def escape(text: str) -> str:
    """Text escaped for HTML, in one line, with control characters visible."""
    return html.escape(visible(text))


def _section(section: Section, level: int, mark: str = "") -> str:
    figures = "".join(map(_figure, section.figures))
    kind = "figures wide" if any(figure.wide for figure in section.figures) else "figures"
    return (
        f"<section{mark}>\n<h{level}>{escape(section.title)}</h{level}>\n"
        + _paragraphs(section.words)
        + ('<p class="legend">nothing <i></i> most</p>\n' if section.legend else "")
        + _bars(section.bars)
        + (f'<div class="{kind}">\n{figures}</div>\n' if figures else "")
        + "".join(_section(within, level + 1) for within in section.sections)
        + "</section>\n"
    )


def _paragraphs(words: Sequence[str]) -> str:
    return "".join(f"<p>{escape(paragraph)}</p>\n" for paragraph in words)


def _bars(bars: Sequence[tuple[str, float, bool]]) -> str:
    rows = [
        f'<tr{" class=chosen" if chosen else ""}><th scope="row">{escape(name)}</th>'
        f'<td><span class="bar" style="--share:{share:.4f}"></span></td><td>{share:.1%}</td></tr>\n'
        for name, share, chosen in bars
    ]
    return f'<table class="bars">\n{"".join(rows)}</table>\n' if rows else ""


def _figure(figure: Figure) -> str:
    if not figure.path.is_file():  # it could not be drawn, which was reported
        return ""
    img = f'<img src="{_embedded(figure.path)}" alt="{escape(figure.alt)}">'
    if figure.dark and figure.dark.is_file():
        source = f'<source media="(prefers-color-scheme: dark)" srcset="{_embedded(figure.dark)}">'
        img = f"<picture>{source}{img}</picture>"
    name = f"<b>{escape(figure.name)}</b> " if figure.name else ""
    return f"<figure>{img}<figcaption>{name}{escape(figure.caption)}</figcaption></figure>\n"


def _embedded(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
