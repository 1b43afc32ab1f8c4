"""An architecture as it is written down: entries of a graph, and what torchvision calls each of them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fovea.layers import BatchNorm, Conv2D, Layer, ReLU
from fovea.layers.base import Shape
from fovea.models.classes import count_and_names
from fovea.network import Network
from fovea.network.graph import Node


class Rows:
    """`nodes` in order, and `torch`: a layer's name here → its module's name in torchvision."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.torch: dict[str, str] = {}
        self._counts = Counter[str]()

    def add(self, layer: Layer, *after: str, name: str = "", torch: str = "") -> str:
        """One more layer, behind those named `after`, or the last one; its name, by default its kind and
        count."""
        self._counts[layer.kind] += 1
        name = name or f"{layer.kind}{self._counts[layer.kind]}"
        self.nodes.append(Node(layer, name, after))
        if torch:
            self.torch[name] = torch
        return name

    def convolve(
        self,
        conv: Conv2D,
        *after: str,
        prefix: str = "",
        number: int | str = "",
        torch: Sequence[str] = ("", ""),
        activation: type[Layer] | None = ReLU,
    ) -> str:
        """A convolution, its batch normalisation and an activation: "conv1", "batchnorm1", "relu1" behind
        `prefix`. `torch` names the first two. Gives the last one's name."""

        def named(layer: Layer) -> str:
            return f"{prefix}{layer.kind}{number}" if prefix or number else ""

        self.add(conv, *after, name=named(conv), torch=torch[0])
        norm = BatchNorm()
        last = self.add(norm, name=named(norm), torch=torch[1])
        if activation is not None:
            layer = activation()
            last = self.add(layer, name=named(layer))
        return last


@dataclass(frozen=True)
class Model:
    """A built-in architecture: called, it gives an untrained network.

    `describe(name, input_shape, outputs)` writes it down. `input_shape` and `classes` are what it was made
    for, and what it takes where nothing else is asked for.
    """

    name: str
    describe: Callable[[str, Shape, int], Rows]
    input_shape: Shape
    classes: int

    def __call__(
        self,
        input_shape: Sequence[int] | None = None,
        classes: int | Sequence[str] | None = None,
        seed: int | None = 0,
    ) -> Network:
        """For pictures of `input_shape` = (H, W, C), and so many or so named classes. Raises ShapeError."""
        outputs, names = count_and_names(self.classes if classes is None else classes, self.name)
        shape = self.input_shape if input_shape is None else tuple(input_shape)
        return Network(self.describe(self.name, shape, outputs).nodes, shape, seed, classes=names)

    @property
    def torch(self) -> dict[str, str]:
        """The name of each layer with parameters → its module's name in torchvision; empty where torchvision
        has no such model."""
        return self.describe(self.name, self.input_shape, self.classes).torch
