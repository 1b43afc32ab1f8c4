"""Occlusion: how the answer suffers where a part of the picture is covered.

A patch is moved over the picture; at each place the network is asked again. For each pixel,

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


def occlusion(
    network: Network,
    image: np.ndarray,
    class_index: int | None = None,
    *,
    patch: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    batch_size: int = 64,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> np.ndarray:
    """By (1), how much of the class's probability is lost where the picture is covered: (H, W), from −1 to 1.

    Above 0 the class needs what is there; below, it is better off without. By default the class is the
    likeliest, the `patch` a quarter of the picture's height and width, and the `stride` such that some 15
    patches fit side by side. The last patch of a row or column ends with the picture. The patch is of 0s as
    the network takes them in, the mean colour of its training pictures. A stride beyond the patch leaves
    pixels that none covers: NaN. `progress(done, total)` counts patches. `image` (H, W, C) is taken as in
    `Network.predict`. Raises ShapeError for a picture, a class, a patch or a stride that does not fit.
    """
    X = numbers_of(network, image)[0]
    if X.ndim != 3:
        raise ShapeError(mismatch("occlusion", "a network that takes in (H, W, C)", network.input_shape))
    size, step = patch_and_stride(X.shape[:2], patch, stride)  # type: ignore[arg-type]
    batch_size = whole(batch_size, "occlusion", "batch_size")
    p = network.predict(X)[0]
    number = chosen_class(network, p, class_index)
    places = list(product(*map(_starts, X.shape, size, step)))
    covered, patches = np.zeros(X.shape[:2]), np.zeros(X.shape[:2], int)
    for start in range(0, len(places), batch_size):
        batch = np.stack([X] * len(places[start : start + batch_size]))
        windows = [np.s_[i : i + size[0], j : j + size[1]] for i, j in places[start : start + batch_size]]
        for copy, window in zip(batch, windows, strict=True):
            copy[window] = 0
        for window, answer in zip(windows, network.predict(batch, batch_size), strict=True):
            covered[window] += answer[number]
            patches[window] += 1
        progress(start + len(batch), len(places))
    mean = np.divide(covered, patches, out=np.full(covered.shape, np.nan), where=patches > 0)
    return (p[number] - mean).astype(np.float32)  # (1)


def patch_and_stride(
    picture: Pair, patch: int | Sequence[int] | None = None, stride: int | Sequence[int] | None = None
) -> tuple[Pair, Pair]:
    """The patch's height and width and its steps over a `picture` of (H, W) pixels: those, or by default."""
    H, W = picture
    size = (-(-H // 4), -(-W // 4)) if patch is None else pair(patch, "occlusion", "patch")
    if size[0] > H or size[1] > W:
        raise ShapeError(
            mismatch("occlusion: patch", f"at most {H}×{W}, the picture", f"{size[0]}×{size[1]}")
        )
    step = (max(1, H // 20), max(1, W // 20)) if stride is None else pair(stride, "occlusion", "stride")
    return size, step


def _starts(n: int, f: int, s: int) -> list[int]:
    """Where patches of f begin along n pixels, s apart; the last ends with the picture."""
    starts = list(range(0, n - f + 1, s))
    return starts if starts[-1] == n - f else [*starts, n - f]
