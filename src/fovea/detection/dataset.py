"""Pictures with boxes, all in one size."""

from collections.abc import Sequence

import numpy as np

from fovea.data.dataset import Dataset, Pictures
from fovea.detection.boxes import Boxes
from fovea.geometry.letterbox import letterbox


class Boxed(Dataset):
    """Pictures in a letterbox of the size that the network sees, with their boxes.

    pictures: the pictures in that size. boxes: those of each picture in the pixels of its own size, one of
    `sizes` (H, W). classes, indices and name as for `Dataset`. Its targets are `boxes_in`.
    """

    def __init__(
        self,
        pictures: np.ndarray | Pictures,
        boxes: Sequence[Boxes],
        sizes: Sequence[tuple[int, int]],
        classes: Sequence[str],
        *,
        indices: np.ndarray | None = None,
        name: str = "data",
    ) -> None:
        super().__init__(pictures, np.zeros(len(boxes), np.int32), classes, indices=indices, name=name)
        self.boxes, self.sizes = list(boxes), list(sizes)

    def class_of(self, index: int) -> str:
        """Nothing: a picture may have objects of any classes."""
        return ""

    def targets(self, indices: np.ndarray, readable: np.ndarray) -> list[Boxes | None]:
        """The boxes of the pictures at these indices, in the network's pixels; None for unreadable ones."""
        pairs = zip(indices.tolist(), readable.tolist(), strict=True)
        return [self.boxes_in(i) if known else None for i, known in pairs]

    def boxes_in(self, index: int) -> Boxes:
        """The boxes of a picture in the network's pixels."""
        boxes = self.boxes[index]
        return Boxes(
            placed(boxes.corners, self.sizes[index], self.shape), boxes.classes, boxes.difficult, boxes.crowd
        )

    def subset(self, indices: Sequence[int] | np.ndarray | slice) -> "Boxed":
        chosen = np.arange(len(self))[indices if isinstance(indices, slice) else np.asarray(indices, int)]
        boxes, sizes = ([rows[i] for i in chosen.tolist()] for rows in (self.boxes, self.sizes))
        return Boxed(self.pictures, boxes, sizes, self.classes, indices=self.indices[chosen], name=self.name)


def placed(corners: np.ndarray, picture: Sequence[int], size: Sequence[int]) -> np.ndarray:
    """Boxes (n, 4) in a picture (H, W, …), in the pixels of its letterbox of `size` = (h, w, …)."""
    top, left, height, width = letterbox(picture, size)
    scale = np.array([width / picture[1], height / picture[0]] * 2)
    return (corners * scale + [left, top, left, top]).astype(np.float32)


def taken_out(corners: np.ndarray, picture: Sequence[int], size: Sequence[int]) -> np.ndarray:
    """The inverse of `placed`."""
    top, left, height, width = letterbox(picture, size)
    scale = np.array([picture[1] / width, picture[0] / height] * 2)
    return ((corners - [left, top, left, top]) * scale).astype(np.float32)
