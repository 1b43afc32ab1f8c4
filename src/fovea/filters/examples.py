"""Patches of pictures and of their filtered versions, in the form in which a filter is learned quickly.

Neighbouring pixels are nearly alike, and so all inputs of a filter say nearly the same: the loss is a narrow
valley, and descent takes ten thousands of steps along its floor. Two things widen it, and neither changes the
filter at its lowest point:

    W ∗ (A − A moved by a pixel) = W ∗ A − (W ∗ A) moved by a pixel                                        (1)
    W ∗ X = V ∗ (X · C),    W[i, j] = C · V[i, j]                                                          (2)

Differences between neighbours (1) are hardly alike. A constant that is added to a whole target goes away with
them. The channels of a pixel are nearly alike as well: V is learned, on mixed colours X · C (2) that have
nothing in common. C is the inverse square root of the channels' covariance.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.ranges import whole

Pair: TypeAlias = tuple[np.ndarray, np.ndarray]

LARGEST = 31  # rows and columns of a filter
MOST = 1024  # filters at a time
SIDE = 32  # rows and columns of a patch's target
PIXELS = 2**16  # of all patches' targets together
FAINTEST = 1e-6  # of the strongest mixed colour: a fainter one is as good as absent


def pairs_of(pictures: Sequence[np.ndarray], targets: Sequence[np.ndarray], size: int) -> list[Pair]:
    """Each picture (H, W, C) with its target, less the border: (H − size + 1, W − size + 1, T), in float32.

    A target may have its border, or not. Raises ShapeError for what does not fit.
    """
    if not len(pictures) or len(pictures) != len(targets):
        got = f"{len(pictures)} and {len(targets)}"
        raise ShapeError(mismatch("learn_filter", "pictures, and a target for each", got))
    channels = np.shape(pictures[0])[2:], np.shape(targets[0])[2:]
    pairs = []
    for picture, target in zip(pictures, targets, strict=True):
        picture, target = np.asarray(picture, np.float32), np.asarray(target, np.float32)
        if {picture.ndim, target.ndim} != {3} or (picture.shape[2:], target.shape[2:]) != channels:
            got = f"{picture.shape} and {target.shape}"
            expected = "pictures (H, W, C) and targets (H, W, T), all of the same channels"
            raise ShapeError(mismatch("learn_filter", expected, got))
        if not np.isfinite(picture).all():
            raise ShapeError(mismatch("learn_filter", "pictures of finite numbers", "NaN or infinity"))
        pairs.append((picture, _inner(picture, target, size)))
    return pairs


def _inner(picture: np.ndarray, target: np.ndarray, size: int) -> np.ndarray:
    (H, W), margin = picture.shape[:2], size // 2
    inner = (H - 2 * margin, W - 2 * margin)
    if min(inner) < 2:
        expected = f"pictures of at least {size + 1}×{size + 1} pixels for a filter of {size}×{size}"
        raise ShapeError(mismatch("learn_filter", expected, f"{H}×{W}"))
    if target.shape[:2] == (H, W):
        return target[margin : margin + inner[0], margin : margin + inner[1]]
    if target.shape[:2] != inner:
        expected = f"a target of {H}×{W} pixels like the picture's, or of {inner[0]}×{inner[1]}"
        raise ShapeError(mismatch("learn_filter", expected, "×".join(map(str, target.shape[:2]))))
    return target


def checked_size(size: int) -> int:
    """`size`, if a filter that has a middle may be as large. Raises ShapeError."""
    size = whole(size, "learn_filter", "size")
    if size % 2 == 0 or size > LARGEST:
        raise ShapeError(mismatch("learn_filter: size", f"an odd number from 1 to {LARGEST}", size))
    return size


def differences(pairs: Sequence[Pair], size: int, rng: np.random.Generator) -> Pair:
    """Patches from all pairs by (1), moved down and moved right: X (N, P_H, P_W, C), T (N, p_H, p_W, T)."""
    p_H, p_W = (min(SIDE, *(target.shape[axis] - 1 for _, target in pairs)) for axis in (0, 1))
    X, T = [], []
    for number in range(max(PIXELS // (p_H * p_W * 2), len(pairs))):
        picture, target = pairs[number % len(pairs)]
        y = int(rng.integers(target.shape[0] - p_H))
        x = int(rng.integers(target.shape[1] - p_W))
        for array, margins, patches in ((picture, size - 1, X), (target, 0, T)):
            patch = array[y : y + p_H + 1 + margins, x : x + p_W + 1 + margins]
            patches += [patch[:-1, :-1] - patch[1:, :-1], patch[:-1, :-1] - patch[:-1, 1:]]  # (1)
    return np.stack(X), np.stack(T)


def mixed_colours(X: np.ndarray) -> Pair:
    """X · C, whose channels have the strength 1 and nothing in common; and C (C, C)."""
    covariance = np.tensordot(X, X, axes=((0, 1, 2), (0, 1, 2))).astype(np.float64) / X[..., 0].size
    strengths, colours = np.linalg.eigh(covariance)
    strengths = np.maximum(strengths, max(FAINTEST * strengths[-1], np.finfo(np.float32).tiny))
    C = colours / np.sqrt(strengths) @ colours.T
    return np.ascontiguousarray(X @ C.astype(np.float32)), C


def unmixed(V: np.ndarray, C: np.ndarray) -> np.ndarray:
    """W by (2), (f, f, C, F)."""
    return np.einsum("kl,ijlc->ijkc", C, V).astype(np.float32)
