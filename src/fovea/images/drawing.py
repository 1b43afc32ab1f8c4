"""Figures, drawn with matplotlib in one style and written whole.

matplotlib is loaded when the first figure is drawn, and needs no display. Names are drawn as text, never as
formulas. A figure that fails is reported on standard error and does not stop the run.
"""

import functools
import logging
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from fovea.files import write_whole
from fovea.names import visible, warn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

_Rest = ParamSpec("_Rest")

INK, FAINT, EMPTY = "#1f2933", "#d9dee4", "#f4f6f8"
LIGHT, DARK = (INK, FAINT, "#ffffff"), ("#e4e9ee", "#303942", "#1d2329")  # ink, lines, page
TRAIN, VAL = "#8a94a3", "#0b6e99"  # grey for reference, blue for the main curve
MOST_NAMED = 60  # classes: with more, only some are named


def optional(draw: Callable[Concatenate[Path, _Rest], None]) -> Callable[Concatenate[Path, _Rest], None]:
    """`draw`, which writes a figure to a path, with errors reported on standard error instead of raised."""

    @functools.wraps(draw)
    def tried(path: Path, *rest: _Rest.args, **named: _Rest.kwargs) -> None:
        log = logging.getLogger("matplotlib")  # it reports the folder of its own settings
        level = log.level
        log.setLevel(logging.ERROR)
        try:
            draw(path, *rest, **named)
        except Exception as error:  # an error of matplotlib, a full disk: the run's results are safe
            warn(f"{path}: not drawn, {type(error).__name__}: {error}")
        finally:
            log.setLevel(level)

    return tried


@contextmanager
def drawn(path: Path, size: tuple[float, float], dark: bool = False):
    """A figure of `size` inches, written to `path` at the end of the block, whole or not at all."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    ink, faint, page = DARK if dark else LIGHT
    style: dict[Any, Any] = {
        "font.size": 10, "text.color": ink, "axes.labelcolor": ink, "axes.edgecolor": faint,
        "xtick.color": ink, "ytick.color": ink, "axes.titlesize": 11, "axes.titleweight": "bold",
        "figure.facecolor": page, "axes.facecolor": page, "text.parse_math": False, "text.usetex": False,
    }  # fmt: skip
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()  # the user's own settings might typeset names with TeX
        matplotlib.rcParams.update(style)
        warnings.simplefilter("ignore", UserWarning)  # letters missing from the font, names without room
        figure: Figure = Figure(size, dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        write_whole(
            path,
            lambda temporary: figure.savefig(temporary, format="png", bbox_inches="tight", pad_inches=0.15),
        )


def clear(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=FAINT, lw=0.8)
    axes.tick_params(length=0)


def logarithmic(axis: "Axis") -> None:
    """Label ticks as in 1e-03: matplotlib draws powers as formulas."""
    from matplotlib.ticker import LogFormatter

    axis.set_major_formatter(LogFormatter())
    axis.set_minor_formatter(LogFormatter())


def whole_numbers(axis: "Axis") -> None:
    """Place ticks at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def shades_of(count: int) -> list[Any]:
    """Colours of `count` classes, as different as that number allows."""
    from matplotlib import colormaps

    colours = colormaps["tab10" if count <= 10 else "tab20" if count <= 20 else "hsv"]
    return [colours(number if count <= 20 else number / count) for number in range(count)]


def font_file() -> str:
    """The file of the font in which names are drawn."""
    import matplotlib

    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf")


def short(name: str, most: int = 18) -> str:
    """A name in one line, cut to `most` characters."""
    name = visible(name)
    return name if len(name) <= most else f"{name[: most - 1]}…"
