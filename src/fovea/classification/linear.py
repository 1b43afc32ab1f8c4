"""A linear layer on features that do not change, fitted to the end: softmax regression with weight decay.

    J(W, b) = L(F′·W + b) + λ/(2K) · ‖W‖²,   F′ = (F − μ) / σ                                            (1)

L is the loss of a training, F (n, D) the features, μ (D,) their means, and σ one number, the root of the mean
of their variances, so that a strength λ means the same for all features; a column of W for one of K classes
has about 1/K of the pictures, and with it of the gradient of L. J is convex: L-BFGS finds its minimum, and
the features alone determine the result. The strengths are fitted from the strongest to the weakest, each from
the minimum of the one before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fovea import functional
from fovea.losses import Loss
from fovea.optimizers.lbfgs import minimise

USUAL = 12.0  # the strength unless the pictures in val show that another is better
STRENGTHS = (120.0, 40.0, USUAL, 4.0, 1.2, 0.4, 0.12, 0.04)
TOLERANCE = 1e-4  # of the gradient of J
STEPS = 300


@dataclass(frozen=True)
class Linear:
    """W (D, K) and b (K,) for features as they are, fitted with one strength λ."""

    strength: float
    W: np.ndarray
    b: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Logits (n, K) of features float32 (n, D)."""
        return functional.dense(features, self.W, self.b)


def fit(
    features: np.ndarray,
    targets: np.ndarray,
    classes: int,
    loss: Loss,
    strengths: Sequence[float] = STRENGTHS,
) -> list[Linear]:
    """The layers that minimise (1) for float32 features (n, D) and the targets of `loss`, one per strength,
    the strongest first."""
    mean = features.mean(axis=0, dtype=np.float64)
    deviation = max(float(np.sqrt(((features - mean) ** 2).mean())), 1e-12)
    scaled = np.ascontiguousarray((features - mean) / deviation, np.float32)
    D = scaled.shape[1]
    forward, backward = functional.operations("dense").dense_of(scaled)
    x, found = np.zeros((D + 1) * classes, np.float32), []

    def parts(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = x.reshape(D + 1, classes)
        return rows[:D], rows[D]

    for strength in sorted(strengths, reverse=True):

        def objective(x: np.ndarray, decay: float = strength / classes) -> tuple[float, np.ndarray]:
            W, b = parts(x)
            value, dZ = loss(forward(W, b), targets)
            dW, db = backward(dZ)
            gradient = np.concatenate([(dW + np.float32(decay) * W).reshape(-1), db])
            return value + decay / 2 * float((W.astype(np.float64) ** 2).sum()), gradient

        x = minimise(objective, x, steps=STEPS, tolerance=TOLERANCE).x
        W, b = (part.astype(np.float64) for part in parts(x))
        W = W / deviation
        shift = (mean[:, None] * W).sum(axis=0)  # not by BLAS, whose bits may depend on the number of threads
        found.append(Linear(strength, W.astype(np.float32), (b - shift).astype(np.float32)))
    return found


def fitted(
    features: np.ndarray,
    targets: np.ndarray,
    classes: int,
    loss: Loss,
    val: tuple[np.ndarray, np.ndarray] | None,
) -> Linear:
    """The layer whose strength is `chosen` by the features and labels `val`; of the usual strength if there
    are none."""
    if val is None or not len(val[1]):
        return fit(features, targets, classes, loss, (USUAL,))[0]
    return chosen(fit(features, targets, classes, loss), *val)


def chosen(layers: Sequence[Linear], features: np.ndarray, labels: np.ndarray) -> Linear:
    """The layer of the `USUAL` strength, unless others are right for more of these pictures, and by more than
    chance: of the pictures on which two layers disagree, m and n are right with one of them,
    and m − n exceeds its standard deviation √(m + n). Then the one with the largest m − n, the strongest if
    several have it."""
    usual = next(layer for layer in layers if layer.strength == USUAL)
    right = {layer.strength: layer(features).argmax(axis=1) == labels for layer in layers}

    def gain(layer: Linear) -> int:
        mine, usual_right = right[layer.strength], right[USUAL]
        m, n = int((mine & ~usual_right).sum()), int((usual_right & ~mine).sum())
        return m - n if m - n > (m + n) ** 0.5 else 0

    best = max(layers, key=gain)
    return best if gain(best) else usual
