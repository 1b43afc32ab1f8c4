"""Gradient descent that finds a filter from pictures and their filtered versions.

    Z = W ∗ X,    L = Σ (Z − T)² / n                                                                       (1)
    dZ = 2 (Z − T) / n                                                                                     (2)
    W ← W − dW / curvature,    curvature = 2 Σ x² / n over the pixels x of all windows                     (3)

T is the filtered picture, n the number of its pixels, and dW comes from dZ as in every convolution. L is a
convex bowl, and its only minimum is the filter, unless the pictures are so flat that several filters give the
same result. The bowl is nowhere more curved than (3), so a step never overshoots.

Nesterov's momentum adds a part of the last step, the larger the longer L has fallen; when L rises, the
momentum is reset to 0. `examples.py` prepares the examples X and T.

Nesterov: A method of solving a convex programming problem with convergence rate O(1/k²) (1983). O'Donoghue,
Candès: Adaptive restart for accelerated gradient schemes (2015), arXiv:1204.3982.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fovea import functional
from fovea.errors import ShapeError, mismatch
from fovea.filters.examples import MOST, Example, checked_size, differences, examples, mixed_colours, unmixed
from fovea.layers import Conv2D
from fovea.layers.initializers import initializer
from fovea.losses import mean_squared_error
from fovea.ranges import MOST_SEED, whole

STILL, LOOK_BACK = (
    1e-5,
    25,
)  # converged: no weight changed by more than STILL of the largest in LOOK_BACK steps
EQUATIONS = 10  # minimum number of known target pixels per weight of the filter


@dataclass(frozen=True)
class Learned:
    """W (f, f, C, F) and the constants b (F,): W ∗ picture + b is close to the target.

    `losses` has L before each step. `rests` is True if W converged before the steps ran out.
    """

    W: np.ndarray
    b: np.ndarray
    losses: list[float]
    rests: bool


def learn_filter(
    pictures: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
    size: int = 3,
    *,
    filters: int | None = None,
    steps: int = 2000,
    seed: int = 0,
    progress: Callable[[int, float, np.ndarray], object] = lambda step, loss, W: None,
) -> Learned:
    """Find the filters (f, f, C, F), f = `size`, that turn the pictures into the targets.

    Pictures are float arrays (H, W, C); targets are (H, W, T), of which the border is ignored, or (H − f + 1,
    W − f + 1, T); NaN in a target is ignored. There are F = `filters`, by default T; filter n learns the
    target's channel n mod T. `seed` determines the patches and the initial weights. At most `steps` steps are
    taken; `progress(step, loss, W)` is called before each. Raises ShapeError for arguments that do not fit,
    and for pictures that are too flat.
    """
    size = checked_size(size)
    steps = whole(steps, "learn_filter", "steps")
    rng = np.random.default_rng(whole(seed, "learn_filter", "seed", 0, MOST_SEED))
    pairs = examples(pictures, targets, size)
    channels = pairs[0][1].shape[2]
    count = channels if filters is None else whole(filters, "learn_filter", "filters", channels, MOST)
    X, T = differences(pairs, size, rng)
    X, C = mixed_colours(X)
    T = T[..., np.arange(count) % channels]
    curvature = _curvature(X, T, size)

    layer = Conv2D(count, size, bias=False).build(X.shape[1:], rng)
    V = layer.parameters["W"]  # the filter for mixed colours
    V[...] = unmixed(initializer("he_normal")(rng, V.shape), np.linalg.inv(C))
    before, downhill, losses, recent = V.copy(), 0, [], [unmixed(V, C)]
    for step in range(steps):
        Z, cache = layer.forward(X)
        loss, dZ = mean_squared_error(Z, T)  # (1), (2)
        losses.append(loss)
        progress(step, loss, recent[-1])
        dV = layer.backward(dZ, cache)[1]["W"]
        after = V - dV / curvature  # (3)
        downhill = downhill + 1 if np.vdot(dV, after - before) <= 0 else 0
        V[...] = after + np.float32(downhill / (downhill + 3)) * (after - before)
        before = after
        recent = [*recent[-LOOK_BACK:], unmixed(V, C)]
        if len(recent) > LOOK_BACK and np.ptp(recent, axis=0).max() <= STILL * np.abs(recent[-1]).max():
            break
    rests = len(losses) < steps
    return Learned(recent[-1], _constants(pairs, recent[-1]), losses, rests)


def _curvature(X: np.ndarray, T: np.ndarray, size: int) -> np.ndarray:
    """An upper bound on the curvature of L in any direction, (F,), by (3)."""
    known = np.isfinite(T)  # (N, p_H, p_W, F)
    squares = functional.conv2d(X * X, np.ones((size, size, X.shape[3], 1), np.float32), None)
    curvature = 2 * (squares * known).sum(axis=(0, 1, 2), dtype=np.float64) / max(known.sum(), 1)
    numbers = size * size * X.shape[3]
    if known.sum(axis=(0, 1, 2)).min() < EQUATIONS * numbers or not curvature.min() > 0:
        got, remedy = "nearly flat ones", "flat pictures and targets do not determine a filter"
        raise ShapeError(mismatch("learn_filter", "pictures and targets with structure", got, remedy))
    return np.asarray(curvature, np.float32)


def _constants(pairs: Sequence[Example], W: np.ndarray) -> np.ndarray:
    """The mean of target − W ∗ picture, (F,)."""
    residuals = []
    for picture, target in pairs:
        Z = functional.conv2d(picture[np.newaxis], W, None)[0]
        residuals.append((target[..., np.arange(W.shape[3]) % target.shape[2]] - Z).reshape(-1, W.shape[3]))
    return np.asarray(np.nanmean(np.concatenate(residuals), axis=0, dtype=np.float64), np.float32)
