"""What training makes small.

A loss takes a network's logits Z (N, classes) and integer labels (N,), and answers its mean over the
examples and the gradient of that mean. A label of −1 leaves its example out. This is the layer-by-layer path;
a plan of stages computes the same.
"""

import numpy as np

from fovea import functional


def softmax_cross_entropy(Z: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """(loss, dZ): the mean of −log softmax(Z)[label], and its gradient in Z's shape."""
    return functional.softmax_cross_entropy(Z, labels), functional.softmax_cross_entropy_backward(Z, labels)
