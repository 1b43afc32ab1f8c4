"""Occlusion: the drop in a class's probability when a part of the picture is covered.

A patch moves over the picture, and the network predicts at each position. For each pixel,

    D[h, w] = p[c] − mean over the patches on (h, w) of p[c]                                              (1)

    p[c] the probability of the class c, before and with the patch   h, w row, column

Zeiler, Fergus: Visualizing and understanding convolutional networks (2013), arXiv:1311.2901.
"""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.geometry import Pair, pair
from fovea.network import Network
from fovea.ranges import whole
from fovea.seeing.passage import chosen_class, numbers_of

BATCH = 64  # patches per prediction


def occlusion(
    network: Network,
    image: np.ndarray,
    class_index: int | None = None,
    *,
    patch: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    batch_size: int = BATCH,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> np.ndarray:
    """The class's loss of probability (1) when a pixel is covered: (H, W), from −1 to 1.

    Above 0 the class depends on the pixel; below 0 it is more likely without. By default the class is the
    most likely one, the `patch` a quarter of the picture's height and width, and the `stride` such that about
    15 patches fit side by side. The last patch of a row or column ends with the picture. The patch is 0 after
    preprocessing: the mean colour of the training pictures. If the stride is larger than the patch, pixels
    that none covers are NaN. `progress(done, total)` counts patches. `image` (H, W, C) is preprocessed as in
    `Network.predict`. Raises ShapeError for a picture, class, patch or stride that does not fit.
    """
    X = numbers_of(network, image)[0]
    if X.ndim != 3:
        raise ShapeError(mismatch("occlusion", "a network with an input of (H, W, C)", network.input_shape))
    size, step = patch_and_stride(X.shape[:2], patch, stride)  # type: ignore[arg-type]
    batch_size = whole(batch_size, "occlusion", "batch_size")
    p = network.predict(X)[0]
    number = chosen_class(network, p, class_index)
    corners = list(product(*map(_starts, X.shape, size, step)))
    covered, patches = np.zeros(X.shape[:2]), np.zeros(X.shape[:2], int)
    for start in range(0, len(corners), batch_size):
        windows = [np.s_[i : i + size[0], j : j + size[1]] for i, j in corners[start : start + batch_size]]
        batch = np.stack([X] * len(windows))
        for copy, window in zip(batch, windows, strict=True):
            copy[window] = 0
        for window, probabilities in zip(windows, network.predict(batch, batch_size), strict=True):
            covered[window] += probabilities[number]
            patches[window] += 1
        progress(start + len(batch), len(corners))
    mean = np.divide(covered, patches, out=np.full(covered.shape, np.nan), where=patches > 0)
    return (p[number] - mean).astype(np.float32)  # (1)


def patch_and_stride(
    picture: Pair, patch: int | Sequence[int] | None = None, stride: int | Sequence[int] | None = None
) -> tuple[Pair, Pair]:
    """Size and stride of the patch, (height, width) each, for a `picture` of (H, W) pixels, with their
    defaults."""
    H, W = picture
    size = (-(-H // 4), -(-W // 4)) if patch is None else pair(patch, "occlusion", "patch")
    if size[0] > H or size[1] > W:
        raise ShapeError(
            mismatch("occlusion: patch", f"at most {H}×{W}, the picture", f"{size[0]}×{size[1]}")
        )
    step = (max(1, H // 20), max(1, W // 20)) if stride is None else pair(stride, "occlusion", "stride")
    return size, step


def _starts(n: int, f: int, s: int) -> list[int]:
    """The first pixels of patches of f along n pixels, s apart; the last patch ends with the picture."""
    starts = list(range(0, n - f + 1, s))
    return starts if starts[-1] == n - f else [*starts, n - f]
