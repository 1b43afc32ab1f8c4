"""Formulas as drawings in the page itself.

Matplotlib, which Fovea has anyway, sets them when the documentation is built, so that its pages need no
network, no script and no font for formulas.

They take the colour of the text around them. A formula that Matplotlib cannot set ends the build.
"""

from html import escape

from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser
from matplotlib.path import Path
from matplotlib.textpath import TextPath

SIZE = 100  # units of a drawing in an em of the text
ENLARGED = 1.15  # these letters are smaller than those of the text around them
LETTERS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C", Path.CLOSEPOLY: "Z"}


def drawn(latex: str) -> str:
    """A formula as an SVG element that stands on the line of the text. ValueError where it cannot be set."""
    text, font = f"${' '.join(latex.split())}$", FontProperties(size=SIZE, math_fontfamily="stix")
    width, height, depth, _, _ = MathTextParser("path").parse(text, prop=font)
    outline = TextPath((0, 0), text, prop=font)
    curves = "".join(
        LETTERS[code] + ("" if code == Path.CLOSEPOLY else " ".join(_downward(points)))
        for points, code in outline.iter_segments(simplify=False, curves=True)
    )
    box = f"0 {depth - height:.0f} {width:.0f} {height:.0f}"  # from the line of the text, down is positive
    width, height, depth = (f"{n * ENLARGED / SIZE:.3f}em" for n in (width, height, -depth))
    return (
        f'<svg role="img" aria-label="{escape(latex)}" viewBox="{box}" '
        f'style="width:{width};height:{height};vertical-align:{depth}">'
        f'<path fill="currentColor" d="{curves}"/></svg>'
    )


def _downward(points) -> list[str]:
    return [f"{-n if at % 2 else n:.0f}" for at, n in enumerate(points)]


def setup(app) -> None:
    """Sphinx's entry point: registers the renderer under its name for `html_math_renderer`."""
    from docutils.nodes import SkipNode

    def inline(writer, node) -> None:
        writer.body.append(drawn(node.astext()))
        raise SkipNode

    def block(writer, node) -> None:
        writer.body.append(f'<div class="formula">{drawn(node.astext())}</div>\n')
        raise SkipNode

    app.add_html_math_renderer("drawn", (inline, None), (block, None))
