"""An architecture as it is written down: entries of a graph, and what torchvision calls each of them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fovea.layers import BatchNorm, Conv2D, Layer, ReLU
from fovea.layers.base import Shape
from fovea.models.classes import count_and_names
from fovea.network import Network
from fovea.network.graph import Node
from fovea.network.preprocessing import Preprocessing


class Rows:
    """`nodes` in order, and `torch`: a layer's name here → its module's name in PyTorch's files. `epsilon` is
    that of every batch normalisation."""

    def __init__(self, epsilon: float = 1e-5) -> None:
        self.epsilon = epsilon
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
        norm = BatchNorm(epsilon=self.epsilon)
        last = self.add(norm, name=named(norm), torch=torch[1])
        if activation is not None:
            layer = activation()
            last = self.add(layer, name=named(layer))
        return last


# The mean and standard deviation of ImageNet's channels, and the part of a picture that accuracies are
# published for: https://pytorch.org/vision/stable/models
IMAGENET = Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), crop=0.875)


@dataclass(frozen=True)
class Model:
    """A built-in architecture: called, it gives an untrained network.

    `describe(name, input_shape, outputs)` writes it down. `input_shape` and `classes` are what it was made
    for, and the defaults; `preprocessing` is how its published weights see pictures. Without `classes`, it
    ends before the layer that would need their number.
    """

    name: str
    describe: Callable[[str, Shape, Any], Rows]
    input_shape: Shape
    classes: int | None
    preprocessing: Preprocessing = IMAGENET

    def __call__(
        self,
        input_shape: Sequence[int] | None = None,
        classes: int | Sequence[str] | None = None,
        seed: int | None = 0,
    ) -> Network:
        """For pictures of `input_shape` = (H, W, C), and so many or so named classes. Raises ShapeError."""
        classes = self.classes if classes is None else classes
        outputs, names = (None, None) if classes is None else count_and_names(classes, self.name)
        shape = self.input_shape if input_shape is None else tuple(input_shape)
        return Network(self.describe(self.name, shape, outputs).nodes, shape, seed, classes=names)

    @property
    def torch(self) -> dict[str, str]:
        """The name of each layer with parameters → its module's name in PyTorch's files of such a network;
        empty where there are none."""
        return self.describe(self.name, self.input_shape, self.classes).torch
