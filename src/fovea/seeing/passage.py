"""The forward pass of one picture, with all outputs and caches, and the backward pass from any layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fovea import functional
from fovea.errors import ShapeError, mismatch
from fovea.network import Network
from fovea.network.inputs import pixels_or_numbers
from fovea.ranges import whole


@dataclass(frozen=True)
class Passage:
    """The forward pass of one picture.

    X: the network's input, (1, H, W, C). outputs: layer → its output, (1, …), in the network's order. caches:
    every layer's.
    """

    network: Network
    X: np.ndarray
    outputs: dict[str, np.ndarray]
    caches: list[Any]

    @property
    def logits(self) -> np.ndarray:
        """(classes,)"""
        return self.outputs[self.network.layers[-1].name][0]

    @property
    def probabilities(self) -> np.ndarray:
        """(classes,)"""
        return functional.softmax(self.logits[np.newaxis])[0]

    def back(self, dA: np.ndarray, of: str, to: str | None = None) -> np.ndarray:
        """The gradient by the picture, (1, H, W, C), or by the output of the layer `to`; `dA` is the gradient
        by the output of the layer `of`, which is `to` or comes after it."""
        caches = self.caches[: list(self.outputs).index(of) + 1]
        upstream = {of: dA} if of in self.network.outputs else dA
        if to is None:
            return self.network.backward(upstream, caches)[0]
        return next(d for layer, d, _, _ in self.network.backward_steps(upstream, caches) if layer.name == to)

    def back_from(self, class_index: int | None, to: str | None = None) -> np.ndarray:
        """The gradient of one class's logit, by default the highest logit."""
        dZ = np.zeros_like(self.logits[np.newaxis])
        dZ[0, chosen_class(self.network, self.logits, class_index)] = 1
        return self.back(dZ, self.network.layers[-1].name, to)


def pass_through(network: Network, image: np.ndarray) -> Passage:
    """Run one picture (H, W, C) through `network`, as `Network.predict` does: uint8 pixels are preprocessed,
    floats are used as they are. Raises ShapeError for an array that is not one picture of that shape."""
    X = numbers_of(network, image)
    outputs, caches = {}, []
    for layer, A, cache in network.forward_steps(X):
        outputs[layer.name] = A
        caches.append(cache)
    return Passage(network, X, outputs, caches)


def numbers_of(network: Network, image: np.ndarray) -> np.ndarray:
    """One picture (H, W, C) or (1, H, W, C) as the network's input, (1, H, W, C)."""
    image = np.asarray(image)
    image = image[np.newaxis] if image.shape == network.input_shape else image
    image = pixels_or_numbers(image, network.input_shape, network.layers[0].who)
    if len(image) != 1:
        raise ShapeError(mismatch("seeing", "one picture", f"{len(image)}", "pass each picture separately"))
    return network.preprocessing.apply(image) if image.dtype == np.uint8 else image


def chosen_class(network: Network, logits: np.ndarray, class_index: int | None) -> int:
    """`class_index`, or the class with the highest logit if it is None. Raises ShapeError for an invalid
    one."""
    if not network.ends_in_classes:
        remedy = "feature maps and receptive fields need no classes"
        raise ShapeError(mismatch(network.layers[-1].who, "Z (classes,)", network.output_shape, remedy))
    if class_index is None:
        return int(logits.argmax())
    number = whole(class_index, "seeing", "class_index", least=0)
    if number >= len(logits):
        raise ShapeError(mismatch("seeing: class_index", f"a number from 0 to {len(logits) - 1}", number))
    return number


def number_of(network: Network, layer: str, who: str, among: Sequence[str] | None = None) -> int:
    """The number of the layer of that name. Raises ShapeError unless it is one of `among`, which the error
    lists."""
    names = [candidate.name for candidate in network.layers]
    among = names if among is None else among
    if layer not in among:
        raise ShapeError(mismatch(f"{who}: layer", f"one of {', '.join(among) or 'none'}", repr(layer)))
    return names.index(layer)


def with_maps(network: Network) -> list[str]:
    """The names of the layers whose outputs are maps, (H, W, C)."""
    return [
        layer.name for layer, shape in zip(network.layers, network.shapes, strict=True) if len(shape) == 3
    ]
