"""Pictures with boxes, and a detector, so small that a whole training takes a moment."""

from pathlib import Path

import numpy as np

from fovea import images
from fovea.data import Splits
from fovea.detection.boxes import Boxes
from fovea.detection.dataset import Boxed
from fovea.layers import BatchNorm, Conv2D, ReLU
from fovea.network import Network

CLASSES = ["dark", "light"]
SIZE = 32, 40


def dataset(n: int, seed: int = 0) -> Boxed:
    """Grey pictures with one or two objects each, dark or light."""
    rng = np.random.default_rng(seed)
    pictures, boxes = rng.integers(90, 140, (n, *SIZE, 1)).astype(np.uint8), []
    for picture in pictures:
        rows = []
        for kind in range(1 + rng.integers(2)):
            x0, y0 = (int(rng.integers(0, side - 14)) for side in SIZE[::-1])
            x1, y1 = x0 + int(rng.integers(9, 14)), y0 + int(rng.integers(9, 14))
            picture[y0:y1, x0:x1] = 250 * kind
            rows.append((x0, y0, x1, y1, kind))
        table = np.array(rows)
        boxes.append(Boxes(table[:, :4], table[:, 4]))
    return Boxed(pictures, boxes, [SIZE] * n, CLASSES, name=f"tiny/{seed}")


def splits(train: int = 48, val: int = 8, test: int = 8) -> Splits:
    return Splits("tiny", *(dataset(n, seed) for seed, n in enumerate((train, val, test))))


def network(seed: int = 0) -> Network:
    layers: dict = {}
    for k, filters in enumerate((8, 16, 24, 24), start=1):
        layers |= {
            f"conv{k}": Conv2D(filters, 3, 2 if k < 4 else 1, 1, bias=False),
            f"norm{k}": BatchNorm(),
            f"relu{k}": ReLU(),
        }
    layers |= {"classes": (Conv2D(2, 1), "relu4"), "boxes": (Conv2D(4, 1), "relu4")}
    return Network(layers, (*SIZE, 1), seed, outputs=("boxes", "classes"))


def write_folder(root: Path, n: int = 20, seed: int = 0) -> Path:
    """Such pictures in colour, with labels in YOLO's format."""
    data = dataset(n, seed)
    for kind in ("images", "labels"):
        (root / kind).mkdir(parents=True)
    for number, boxes in enumerate(data.boxes):
        images.write(root / f"images/{number:03}.png", data.read([number])[0][0].repeat(3, axis=2))
        x0, y0, x1, y1 = (boxes.corners / np.array([*SIZE[::-1]] * 2)).T
        rows = zip(boxes.classes, (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0, strict=True)
        lines = "".join("{} {:.6f} {:.6f} {:.6f} {:.6f}\n".format(*row) for row in rows)
        (root / f"labels/{number:03}.txt").write_text(lines)
    (root / "data.yaml").write_text(f"train: images\nnames: {CLASSES}\n")
    return root
