"""Patches of pictures and their filtered versions, transformed so that a filter is learned quickly.

Neighbouring pixels are nearly equal, so the inputs of a filter are strongly correlated: the loss is a narrow
valley, and descent takes tens of thousands of steps along its floor. Two transformations widen it without
moving its minimum:

    W ∗ (A − A moved by a pixel) = W ∗ A − (W ∗ A) moved by a pixel                                        (1)
    W ∗ X = V ∗ (X · C),    W[i, j] = C · V[i, j]                                                          (2)

Differences between neighbours (1) are hardly correlated, and a constant added to the whole target cancels.
The channels of a pixel are correlated as well: V is learned on mixed colours X · C (2), which are not. C is
the inverse square root of the channels' covariance.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.ranges import whole

Example: TypeAlias = tuple[np.ndarray, np.ndarray]  # a picture and its target

LARGEST = 31  # rows and columns of a filter
MOST = 1024  # filters at a time
SIDE = 32  # rows and columns of a patch's target
PIXELS = 2**16  # of all patches' targets together
FAINTEST = 1e-6  # of the strongest mixed colour: weaker ones are treated as absent


def examples(pictures: Sequence[np.ndarray], targets: Sequence[np.ndarray], size: int) -> list[Example]:
    """Each picture (H, W, C) with its target without the border, (H − size + 1, W − size + 1, T), in float32.

    The targets given may still have the border. Raises ShapeError for arrays that do not fit.
    """
    if not len(pictures) or len(pictures) != len(targets):
        got = f"{len(pictures)} and {len(targets)}"
        raise ShapeError(mismatch("learn_filter", "pictures, and a target for each", got))
    channels = np.shape(pictures[0])[2:], np.shape(targets[0])[2:]
    checked = []
    for picture, target in zip(pictures, targets, strict=True):
        picture, target = np.asarray(picture, np.float32), np.asarray(target, np.float32)
        if {picture.ndim, target.ndim} != {3} or (picture.shape[2:], target.shape[2:]) != channels:
            got = f"{picture.shape} and {target.shape}"
            expected = "pictures (H, W, C) and targets (H, W, T), all of the same channels"
            raise ShapeError(mismatch("learn_filter", expected, got))
        if not np.isfinite(picture).all():
            raise ShapeError(mismatch("learn_filter", "pictures of finite numbers", "NaN or infinity"))
        checked.append((picture, _inner(picture, target, size)))
    return checked


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
    """`size`, if it is odd and not too large. Raises ShapeError."""
    size = whole(size, "learn_filter", "size")
    if size % 2 == 0 or size > LARGEST:
        raise ShapeError(mismatch("learn_filter: size", f"an odd number from 1 to {LARGEST}", size))
    return size


def differences(examples: Sequence[Example], size: int, rng: np.random.Generator) -> Example:
    """Patches from all examples by (1), with shifts down and right: X (N, P_H, P_W, C), T (N, p_H, p_W,
    T)."""
    p_H, p_W = (min(SIDE, *(target.shape[axis] - 1 for _, target in examples)) for axis in (0, 1))
    X, T = [], []
    for number in range(max(PIXELS // (p_H * p_W * 2), len(examples))):
        picture, target = examples[number % len(examples)]
        y = int(rng.integers(target.shape[0] - p_H))
        x = int(rng.integers(target.shape[1] - p_W))
        for array, margins, patches in ((picture, size - 1, X), (target, 0, T)):
            patch = array[y : y + p_H + 1 + margins, x : x + p_W + 1 + margins]
            patches += [patch[:-1, :-1] - patch[1:, :-1], patch[:-1, :-1] - patch[:-1, 1:]]  # (1)
    return np.stack(X), np.stack(T)


def mixed_colours(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """X · C, whose channels are uncorrelated with variance 1; and C (C, C)."""
    covariance = np.tensordot(X, X, axes=((0, 1, 2), (0, 1, 2))).astype(np.float64) / X[..., 0].size
    strengths, colours = np.linalg.eigh(covariance)
    strengths = np.maximum(strengths, max(FAINTEST * strengths[-1], np.finfo(np.float32).tiny))
    C = colours / np.sqrt(strengths) @ colours.T
    return np.ascontiguousarray(X @ C.astype(np.float32)), C


def unmixed(V: np.ndarray, C: np.ndarray) -> np.ndarray:
    """W by (2), (f, f, C, F)."""
    return np.einsum("kl,ijlc->ijkc", C, V).astype(np.float32)
