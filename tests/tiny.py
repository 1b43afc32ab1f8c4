"""A network and data so small that a whole training takes a moment."""

import json
import signal
from pathlib import Path

import numpy as np

from fovea import images
from fovea.data import Dataset, Splits
from fovea.layers import Conv2D, Dense, Dropout, Flatten, MaxPool2D, ReLU
from fovea.network import Network
from fovea.training.position import Position
from fovea.training.progress import Progress

CLASSES = ["bottom", "left", "right"]
SIDE = 8


def pictures(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (n, 8, 8, 1), bright where their class says, and labels (n,), each class as often."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % len(CLASSES)
    found = rng.integers(0, 150, (n, SIDE, SIDE, 1)).astype(np.uint8)
    for picture, label in zip(found, labels, strict=True):
        part = [picture[5:], picture[:, :3], picture[:, 5:]][label]
        part += 80
    return found, labels


def splits(train: int = 42, val: int = 12, test: int = 12) -> Splits:
    parts = [Dataset(*pictures(n, seed), CLASSES, name=f"tiny/{seed}") if n else None
             for seed, n in enumerate((train, val, test))]  # fmt: skip
    return Splits("tiny", *parts)


def network(seed: int = 0) -> Network:
    layers = [Conv2D(4, 3), ReLU(), MaxPool2D(2), Flatten(), Dropout(0.1), Dense(len(CLASSES))]
    return Network(layers, (SIDE, SIDE, 1), seed)


def write_folder(root: Path, n: int = 60, scale: int = 1, seed: int = 0) -> Path:
    """The pictures as a folder root/<class>/*.png of n in all, each pixel `scale` times as wide and high."""
    for number, (picture, label) in enumerate(zip(*pictures(n, seed), strict=True)):
        place = root / CLASSES[label]
        place.mkdir(parents=True, exist_ok=True)
        images.write(place / f"{number:03}.png", picture.repeat(scale, axis=0).repeat(scale, axis=1))
    return root


def outcome(run: Path) -> dict[str, object]:
    """What a run ended with, apart from times: the same for two runs means that they did the same."""
    rows = [line.split(",") for line in (run / "results.csv").read_text().splitlines()]
    timed = {rows[0].index("seconds"), rows[0].index("pictures_per_second")}
    table = [[cell for i, cell in enumerate(row) if i not in timed] for row in rows]
    found: dict[str, object] = {"results": table, "metrics": json.loads((run / "metrics.json").read_text())}
    for name in ("best.safetensors", "last.safetensors", "bad_images.csv", "splits.csv"):
        found[name] = (run / name).read_bytes()
    return found


class PressCtrlC(Progress):
    """Presses Ctrl-C after that many steps of a training."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def step(self, at: Position) -> None:
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)
