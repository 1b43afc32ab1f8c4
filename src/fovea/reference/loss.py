"""The cross-entropy of a softmax, straight from the logits.

    L = −1/M Σ_n log softmax(Z)[n, y_n] = 1/M Σ_n (log Σ_k exp(Z'[n, k]) − Z'[n, y_n])               (1)
    dZ[n] = (softmax(Z)[n] − onehot(y_n)) / M                                                        (2)

y_n the label of example n; Z' = Z less the largest logit of its row (see activation.py); M the number of
examples that have a label: −1 says to ignore the example, which then adds nothing to (1) and has dZ[n] = 0.
"""

import numpy as np

from fovea import checks
from fovea.checks import Labels, Rows
from fovea.reference.activation import softmax
from fovea.reference.quiet import quietly


@quietly
def softmax_cross_entropy(Z: Rows, labels: Labels) -> float:
    """L, the mean over the examples with a label; 0.0 if there is none."""
    checks.labels(Z, labels)
    n = np.flatnonzero(labels >= 0)
    if not n.size:
        return 0.0
    Z, y = Z[n], labels[n]
    Z = Z - Z.max(axis=1, keepdims=True)  # (M, classes)
    losses = np.log(np.exp(Z).sum(axis=1)) - Z[np.arange(n.size), y]  # (M,)
    return float(losses.mean(dtype=np.float64))  # (1)


@quietly
def softmax_cross_entropy_backward(Z: Rows, labels: Labels) -> Rows:
    """dZ (N, classes)."""
    checks.labels(Z, labels, who="softmax_cross_entropy_backward")
    n = np.flatnonzero(labels >= 0)
    dZ = np.zeros_like(Z)
    if n.size:
        dZ[n] = softmax(Z[n])
        dZ[n, labels[n]] -= 1
        dZ /= n.size  # (2)
    return dZ
