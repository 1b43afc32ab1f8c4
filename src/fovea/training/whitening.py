"""Filters that whiten pictures: measured, not learned.

What small patches x of pictures have in common, that neighbours are alike, no filter need learn. With the
covariance of the patches

    E[(x − E[x]) (x − E[x])ᵀ] = V Λ Vᵀ                                                                    (1)

the filters are the directions in which patches vary, the largest variance first, each made to answer with
variance 1, and then each turned round, so that ReLU loses nothing of an answer:

    W = (V (Λ + ε)^−½, −V (Λ + ε)^−½)                                                                     (2)

ε keeps what hardly varies, which is mostly noise, from being made large. K. Jordan, 94% on CIFAR-10 in 3.29
seconds (2024), arXiv:2404.00498, section 3.2, after D. Page, How to train your ResNet (2018); ε is theirs.
"""

import numpy as np

from fovea.data.dataset import Dataset, sample
from fovea.errors import ShapeError, TrainingError, mismatch
from fovea.layers import Conv2D, Layer
from fovea.network import Network
from fovea.network.preprocessing import Preprocessing

NAME = "whitening"
EPSILON = 5e-4
_PATCHES = 5_000_000  # of so many pixels and no more, as all of them say little else


def measured(network: Network) -> list[Layer]:
    """The layers of `network` whose filters are measured."""
    return [layer for layer in network.layers if isinstance(layer, Conv2D) and layer.initializer == NAME]


def measure(network: Network, train: Dataset) -> None:
    """Give those layers their filters, from some of the pictures of `train`. Raises TrainingError where such
    a layer does not look at the pictures themselves, and ShapeError where it has more filters than there
    are."""
    for layer in measured(network):
        if layer is not network.layers[0]:
            got = f"behind {network.layers[0].who}"
            raise TrainingError(
                mismatch(f"{layer.who}: initializer {NAME}", "the network's first layer", got)
            )
        W = layer.parameters["W"]  # (f_H, f_W, C, K)
        W[...] = filters(train, network.preprocessing, W.shape, layer.who)


def filters(
    train: Dataset, preprocessing: Preprocessing, shape: tuple[int, ...], who: str = NAME
) -> np.ndarray:
    """(2) for filters of `shape` (f_H, f_W, C, K), as `preprocessing` hands the pictures to them."""
    f_H, f_W, C, K = shape
    n = f_H * f_W * C
    if 2 * n < K:
        raise ShapeError(mismatch(f"{who}: filters", f"at most {2 * n}: two for each number of a patch", K))
    scale = np.tile(preprocessing.scale.astype(np.float64), f_H * f_W)  # (n,)
    variance, V = np.linalg.eigh(_covariance(train, f_H, f_W) * np.outer(scale, scale))  # (1)
    half = (V / np.sqrt(np.maximum(variance, 0) + EPSILON))[:, ::-1][:, : -(-K // 2)]  # (n, ⌈K/2⌉)
    return np.concatenate([half, -half], axis=1)[:, :K].reshape(shape)  # (2)


def _covariance(train: Dataset, f_H: int, f_W: int) -> np.ndarray:
    """Of the patches of the pictures' bytes, (n, n). Sums of whole numbers below 2⁵³ are exact: the same in
    any order, on any number of threads."""
    n = f_H * f_W * train.shape[2]
    total, products, count = np.zeros(n), np.zeros((n, n)), 0
    H, W, _ = train.shape
    for pictures in sample(train, max(_PATCHES // (H * W), 1)):
        patches = np.lib.stride_tricks.sliding_window_view(pictures, (f_H, f_W), axis=(1, 2))
        x = np.moveaxis(patches, 3, 5).reshape(-1, n).astype(np.float64)  # (patches, n), as filters lie
        total += x.sum(axis=0)
        products += x.T @ x
        count += len(x)
    mean = total / count
    return products / count - np.outer(mean, mean)
