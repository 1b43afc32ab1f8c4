"""The description of an architecture: the nodes of a graph, with their names in torchvision."""

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
        """Add a layer after those named in `after`, by default the last one; returns its name, by default its
        kind and count."""
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
        """Add a convolution, its batch normalisation and an activation, named `prefix` + "conv1",
        "batchnorm1", "relu1"; `torch` has torchvision's names of the first two. Returns the last layer's
        name."""

        def named(layer: Layer) -> str:
            return f"{prefix}{layer.kind}{number}" if prefix or number else ""

        self.add(conv, *after, name=named(conv), torch=torch[0])
        norm = BatchNorm(epsilon=self.epsilon)
        last = self.add(norm, name=named(norm), torch=torch[1])
        if activation is not None:
            layer = activation()
            last = self.add(layer, name=named(layer))
        return last


# The mean and standard deviation of ImageNet's channels, and the share of a picture that published accuracies
# are measured on: https://pytorch.org/vision/stable/models
IMAGENET = Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), crop=0.875)


@dataclass(frozen=True)
class Model:
    """A built-in architecture; calling it returns an untrained network.

    `describe(name, input_shape, outputs)` is its description. `input_shape` and `classes` are the original's,
    and the defaults of the call; `preprocessing` is that of the published weights. With `classes` None, it
    ends before the layer that would need their number. `ends` names its output layers, if there are several.
    """

    name: str
    describe: Callable[[str, Shape, Any], Rows]
    input_shape: Shape
    classes: int | None
    preprocessing: Preprocessing = IMAGENET
    ends: tuple[str, ...] = ()

    def __call__(
        self,
        input_shape: Sequence[int] | None = None,
        classes: int | Sequence[str] | None = None,
        seed: int | None = 0,
    ) -> Network:
        """The network for pictures of `input_shape` = (H, W, C); `classes` is their number or their names.
        Raises ShapeError."""
        classes = self.classes if classes is None else classes
        outputs, names = (None, None) if classes is None else count_and_names(classes, self.name)
        shape = self.input_shape if input_shape is None else tuple(input_shape)
        nodes = self.describe(self.name, shape, outputs).nodes
        return Network(nodes, shape, seed, outputs=self.ends, classes=names)

    @property
    def torch(self) -> dict[str, str]:
        """The name of each layer with parameters → its module's name in PyTorch's files of such a network;
        empty if there are none."""
        return self.describe(self.name, self.input_shape, self.classes).torch
