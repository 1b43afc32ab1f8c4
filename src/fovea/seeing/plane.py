"""A data set in two dimensions, in which pictures that are similar to the network are close to each other.

Each picture is represented by the input of the network's last layer. PCA projects these points onto the
directions of their largest variance; with F the features (N, n), one row per picture,

    F − mean = U S Vᵀ            points = U S        axes = Vᵀ                                             (1)
    explained[k] = S[k]² / Σ S²                                                                           (2)

(Pearson: On lines and planes of closest fit to systems of points in space, 1901.) t-SNE keeps neighbours
together instead; its distances between groups are meaningless (van der Maaten, Hinton: Visualizing data using
t-SNE, 2008).
"""

from dataclasses import dataclass
from itertools import islice

import numpy as np

from fovea.errors import FoveaError, ShapeError, mismatch
from fovea.network import Network
from fovea.network.graph import PICTURE
from fovea.network.inputs import pixels_or_numbers
from fovea.ranges import whole
from fovea.seeing.passage import number_of


@dataclass(frozen=True, eq=False)
class Plane:
    """The result of `pca`.

    points: (N, k), the pictures' positions. axes: (k, n), orthonormal, by falling variance. explained: (k,),
    each axis's share of the variance; their sum is at most 1. mean: (n,)."""

    points: np.ndarray
    axes: np.ndarray
    explained: np.ndarray
    mean: np.ndarray


def features(
    network: Network, images: np.ndarray, layer: str | None = None, batch_size: int = 256
) -> np.ndarray:
    """The features of each picture, float32 (N, n): the input of the last layer with weights, or the output
    of `layer`, maps flattened.

    `images` (N, H, W, C) are preprocessed as in `Network.predict`. Raises ShapeError.
    """
    batch_size = whole(batch_size, "features", "batch_size")
    images = pixels_or_numbers(np.asarray(images), network.input_shape, network.layers[0].who)
    last = _last_source(network) if layer is None else number_of(network, layer, "features")
    count = last + 1  # of layers to run
    shape = [network.input_shape, *network.shapes][count]
    rows = np.empty((len(images), int(np.prod(shape))), np.float32)
    for start in range(0, len(images), batch_size):
        A = images[start : start + batch_size]
        A = network.preprocessing.apply(A) if A.dtype == np.uint8 else A
        for _, Z, _ in islice(network.forward_steps(A), count):
            A = Z
        rows[start : start + batch_size] = A.reshape(len(A), -1)
    return rows


def pca(features: np.ndarray, components: int = 2) -> Plane:
    """The principal components of features (N, n), by (1) and (2); each axis's largest entry is positive.

    Raises ShapeError for fewer than `components` pictures or features, and for features that are not finite.
    """
    F = np.asarray(features, np.float64)
    components = whole(components, "pca", "components")
    if F.ndim != 2 or min(F.shape) < components:
        expected = f"features (N, n) with N and n of at least {components}"
        raise ShapeError(mismatch("pca", expected, F.shape))
    if not np.isfinite(F).all():
        raise ShapeError(mismatch("pca", "finite features", "NaN or infinity"))
    mean = F.mean(axis=0)
    U, S, axes = np.linalg.svd(F - mean, full_matrices=False)  # (1)
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    total = (S**2).sum()
    explained = S**2 / total if total else np.zeros_like(S)  # (2)
    points, axes = U * S * signs, axes * signs[:, None]
    return Plane(points[:, :components], axes[:components], explained[:components], mean)


def tsne(features: np.ndarray, seed: int = 0, perplexity: float = 30.0) -> np.ndarray:
    """Features (N, n), N of at least 3, in two dimensions: float32 (N, 2), by scikit-learn's t-SNE, starting
    from the principal components. Raises FoveaError if scikit-learn is not installed."""
    try:
        from sklearn.manifold import TSNE  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        remedy = "pip install scikit-learn; PCA needs nothing"
        raise FoveaError(mismatch("t-SNE", "scikit-learn", "an environment without it", remedy)) from error
    F = np.asarray(features, np.float64)
    if F.ndim != 2 or len(F) < 3 or not np.isfinite(F).all():
        raise ShapeError(mismatch("tsne", "finite features (N, n) with N of at least 3", F.shape))
    start = np.zeros((len(F), 2))
    points = pca(F, min(2, F.shape[1])).points
    start[:, : points.shape[1]] = points / max(points[:, 0].std(), 1e-12) * 1e-4  # the authors' scale
    most = (len(F) - 1) / 3  # with more, a picture has too few neighbours
    options = {"init": start, "random_state": seed, "perplexity": min(perplexity, most)}
    return TSNE(**options).fit_transform(F).astype(np.float32)


def _last_source(network: Network) -> int:
    """The number of the layer that feeds the last one with weights; PICTURE if none has any."""
    fed = [
        sources for layer, sources in zip(network.layers, network.sources, strict=True) if layer.parameters
    ]
    return fed[-1][0] if fed else PICTURE
