"""The pictures of docs/notes, drawn by Fovea whenever the documentation is built.

paper.py      sheets, pictures and grids of numbers
windows.py    what one window does: edges, padding, stride, volumes, pooling
networks.py   what many do: numbers of weights, layers, gradients
paintings.py  style transfer
boxes.py      object detection
"""

from pathlib import Path

from fovea import engine

from . import boxes, networks, paintings, windows

PICTURES = {
    name: draw for module in (windows, networks, paintings, boxes) for name, draw in module.PICTURES.items()
}  # name → () -> Figure


def draw_all(folder: Path) -> None:
    """Write every picture to `folder` as a PNG file on white paper. Nothing is compiled for it."""
    folder.mkdir(parents=True, exist_ok=True)
    with engine.use("reference"):
        for name, draw in PICTURES.items():
            draw().savefig(folder / f"{name}.png", facecolor="white")
