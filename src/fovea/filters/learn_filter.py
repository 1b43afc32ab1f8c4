"""Gradient descent finds a filter, from pictures and what the filter made of them.

    Z = W ∗ X,    L = Σ (Z − T)² / n                                                                       (1)
    dZ = 2 (Z − T) / n                                                                                     (2)
    W ← W − dW / curvature,    curvature = 2 Σ x² / n over the pixels x of all windows                     (3)

T is the filtered picture, n the number of its pixels, and dW comes from dZ as in every convolution. Nothing
else is told about the filter. L is a bowl with one lowest point, which is the filter, unless the pictures are
so plain that several filters do the same to them. No direction of the bowl is more curved than (3), so that a
step never goes too far.

Each step goes on a little where the last one went, further the longer it has gone downhill; where that went
uphill, this momentum starts anew. How the examples X and T are made is in `filter_examples.py`.

Nesterov: A method of solving a convex programming problem with convergence rate O(1/k²) (1983). O'Donoghue,
Candès: Adaptive restart for accelerated gradient schemes (2015), arXiv:1204.3982.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fovea import functional
from fovea.errors import ShapeError, mismatch
from fovea.filters.examples import MOST, Pair, checked_size, differences, mixed_colours, pairs_of, unmixed
from fovea.initializers import initializer
from fovea.layers import Conv2D
from fovea.losses import mean_squared_error
from fovea.ranges import MOST_SEED, whole

STILL, LOOK_BACK = 1e-5, 25  # a filter rests if in so many steps it moved by no larger a part of itself
EQUATIONS = 10  # known pixels of a target for each number of the filter, at least


@dataclass(frozen=True)
class Learned:
    """W (f, f, C, F) and the constants b (F,): W ∗ picture + b is close to the target.

    `losses` has L before each step. `rests` says whether W came to rest before the steps ran out.
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
    """Find the filters (f, f, C, F), f = `size`, that make the targets of the pictures.

    Pictures are float arrays (H, W, C) and targets (H, W, T), of which the border is not looked at, or
    (H − f + 1, W − f + 1, T); what is NaN in a target is unknown. There are F = `filters`, by default T;
    number n learns the target's channel n mod T. `seed` gives the patches and the first numbers. At most
    `steps` are taken; `progress(step, loss, W)` is told of each, before it is taken. Raises ShapeError for
    what does not fit, and for pictures that are too plain.
    """
    size = checked_size(size)
    steps = whole(steps, "learn_filter", "steps")
    rng = np.random.default_rng(whole(seed, "learn_filter", "seed", 0, MOST_SEED))
    pairs = pairs_of(pictures, targets, size)
    channels = pairs[0][1].shape[2]
    count = channels if filters is None else whole(filters, "learn_filter", "filters", channels, MOST)
    X, T = differences(pairs, size, rng)
    X, C = mixed_colours(X)
    T = T[..., np.arange(count) % channels]
    curvature = _curvature(X, T, size)

    layer = Conv2D(count, size, bias=False).build(X.shape[1:], rng)
    V = layer.parameters["W"]  # the filter for mixed colours
    V[...] = unmixed(initializer("he_normal")(rng, V.shape), np.linalg.inv(C))
    before, downhill, losses, lately = V.copy(), 0, [], [unmixed(V, C)]
    for step in range(steps):
        Z, cache = layer.forward(X)
        loss, dZ = mean_squared_error(Z, T)  # (1), (2)
        losses.append(loss)
        progress(step, loss, lately[-1])
        dV = layer.backward(dZ, cache)[1]["W"]
        after = V - dV / curvature  # (3)
        downhill = downhill + 1 if np.vdot(dV, after - before) <= 0 else 0
        V[...] = after + np.float32(downhill / (downhill + 3)) * (after - before)
        before = after
        lately = [*lately[-LOOK_BACK:], unmixed(V, C)]
        if len(lately) > LOOK_BACK and np.ptp(lately, axis=0).max() <= STILL * np.abs(lately[-1]).max():
            break
    rests = len(losses) < steps
    return Learned(lately[-1], _constants(pairs, lately[-1]), losses, rests)


def _curvature(X: np.ndarray, T: np.ndarray, size: int) -> np.ndarray:
    """The largest that any direction of L can have, (F,) by (3)."""
    known = np.isfinite(T)  # (N, p_H, p_W, F)
    squares = functional.conv2d(X * X, np.ones((size, size, X.shape[3], 1), np.float32), None)
    curvature = 2 * (squares * known).sum(axis=(0, 1, 2), dtype=np.float64) / max(known.sum(), 1)
    numbers = size * size * X.shape[3]
    if known.sum(axis=(0, 1, 2)).min() < EQUATIONS * numbers or not curvature.min() > 0:
        remedy = "flat pictures and flat targets say nothing of a filter"
        raise ShapeError(mismatch("learn_filter", "pictures with something in them", "too little", remedy))
    return np.asarray(curvature, np.float32)


def _constants(pairs: Sequence[Pair], W: np.ndarray) -> np.ndarray:
    """What is left of the targets on average, (F,)."""
    left = []
    for picture, target in pairs:
        Z = functional.conv2d(picture[np.newaxis], W, None)[0]
        left.append((target[..., np.arange(W.shape[3]) % target.shape[2]] - Z).reshape(-1, W.shape[3]))
    return np.asarray(np.nanmean(np.concatenate(left), axis=0, dtype=np.float64), np.float32)
