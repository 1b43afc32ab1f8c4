"""The contract of every layer, built in or written by a user.

A layer is a dataclass. Its fields are its hyperparameters, which a model file stores. It computes

    Z, cache = layer.forward(A_prev)                   from its input and its parameters
    dA_prev, gradients = layer.backward(dZ, cache)     from the gradient of its output and the cache

and keeps no state between the two: it may run twice before the first backward pass, and any dZ may be given.
Values that it learns without gradients, such as running means, are its statistics: `layer.update(cache)`
returns their new values after a forward pass in training, and the training loop stores them.

A layer of your own:

    @dataclass(eq=False)
    class Scale(Layer):
        factor: float

        def forward(self, A_prev, *, training=False, rng=None):
            return A_prev * A_prev.dtype.type(self.factor), None

        def backward(self, dZ, cache):
            return dZ * dZ.dtype.type(self.factor), {}

`fovea.check_layer(Scale(2.0), (5, 4, 3))` checks that its two passes agree. Axes: N images, H rows, W
columns, C channels; n values of a flat layer.

A layer with several inputs sets `merges = True`. Its A_prev and dA_prev are then tuples of arrays, and its
input_shape is a tuple of shapes. A layer that draws random numbers in training says
`draws = True`; for others, `rng` may be None.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.geometry import Padding, Window
from fovea.ranges import short

Shape: TypeAlias = tuple[int, ...]
Gradients: TypeAlias = dict[str, np.ndarray]

# Every layer that a model file may name: class name → class.
REGISTRY: dict[str, type["Layer"]] = {}


class Layer:
    """One step of a network. Shapes given to its methods have no batch axis: (H, W, C) or (n,).

    `parameters` holds the arrays that training changes, by name ("W", "b"). In a network they are views into
    its own memory: write into them, they cannot be replaced. `statistics` holds, in the same way, those that
    are learned without gradients.
    """

    # This class is not a dataclass itself, so these are not hyperparameters.
    kind: ClassVar[str]  # the start of its name in a network; by default the class name in lower case
    merges: ClassVar[bool] = False  # True for a layer with several inputs
    draws: ClassVar[bool] = False  # whether its forward pass needs `rng` in training
    name: str = ""  # given by the network: "conv1"
    frozen: bool = False  # True if training leaves its parameters and statistics unchanged
    parameters: Mapping[str, np.ndarray] = MappingProxyType({})
    statistics: Mapping[str, np.ndarray] = MappingProxyType({})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.kind = cls.__dict__.get("kind") or cls.__name__.lower()
        if cls.__name__.startswith("_"):
            return  # a common base of layers, not one itself
        known = REGISTRY.get(cls.__name__)
        if known is not None and known.__module__ != cls.__module__ and known.__module__.startswith("fovea."):
            raise ShapeError(
                mismatch("Layer", "a class name of its own", cls.__name__, "Fovea has a layer of that name")
            )
        REGISTRY[cls.__name__] = cls

    @property
    def who(self) -> str:
        """The layer's name in errors: `Conv2D "conv1"`."""
        return type(self).__name__ + (f' "{self.name}"' if self.name else "")

    def configuration(self) -> dict[str, Any]:
        """The hyperparameters, ready for JSON; the class called with them builds the same layer."""
        return {field.name: getattr(self, field.name) for field in fields(self)} if is_dataclass(self) else {}

    # Shapes and parameters

    def output_shape(self, input_shape: Shape) -> Shape:
        """The shape of Z for one image, by default that of the input. Raises ShapeError for an input that
        does not fit."""
        return input_shape

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        return {}

    def statistic_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        return {}

    def initialise(self, input_shape: Shape, rng: np.random.Generator) -> None:
        """Write initial values into `parameters` and `statistics`, whose arrays exist and are 0."""

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: Any = np.float32) -> Self:
        """Create the parameters and statistics of a layer that is used alone, outside a network."""
        self.output_shape(input_shape)
        self.parameters, self.statistics = (
            MappingProxyType({name: np.zeros(shape, dtype) for name, shape in shapes.items()})
            for shapes in (self.parameter_shapes(input_shape), self.statistic_shapes(input_shape))
        )
        self.initialise(input_shape, rng)
        return self

    def parameter(self, name: str, like: np.ndarray) -> np.ndarray:
        """The parameter or statistic of that name, in the precision of `like`, the pass's input."""
        values = self.parameters if name in self.parameters else self.statistics
        if name not in values:
            remedy = "put the layer into a Network, or call its build(input_shape, rng)"
            raise ShapeError(mismatch(self.who, f"a parameter {name}", "none", remedy))
        return values[name].astype(like.dtype, copy=False)

    def check_batch(self, pictures: int, input_shape: Shape) -> None:
        """Raise ShapeError if the layer cannot train on a batch of `pictures` pictures."""

    # The two passes

    def forward(
        self, A_prev: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Any]:
        """Z, and the cache for `backward`. Training draws random numbers from `rng`."""
        raise NotImplementedError(f"{self.who} has no forward pass")

    def backward(self, dZ: np.ndarray, cache: Any) -> tuple[np.ndarray, Gradients]:
        """dA_prev and the parameters' gradients, each under its parameter's name; a frozen layer may leave
        these out."""
        raise NotImplementedError(f"{self.who} has no backward pass")

    def update(self, cache: Any) -> Mapping[str, np.ndarray]:
        """The statistics' new values after a forward pass in training, by name; empty after any other pass.
        They are not stored here."""
        return {}

    # What the summary counts, for one image

    def window(self, input_shape: Shape) -> Window | None:
        """The window of input pixels that an output value depends on, if there is one."""
        return None

    def upward(self, input_shape: Shape) -> Window | None:
        """The window of output pixels that an input value contributes to, if there is one, as in a transposed
        convolution; its positions are the input's rows and columns."""
        return None

    def connections(self, input_shape: Shape) -> int:
        """The number of input values and biases that each output depends on, summed over the outputs; 0 for
        element-wise layers."""
        return 0

    def multiply_adds(self, input_shape: Shape) -> int:
        return 0


def pack_inputs(layer: Layer, inputs: Sequence[Any]) -> Any:
    """A_prev or input_shape of `layer`: a tuple of its `inputs` if it merges, else the only one."""
    return tuple(inputs) if layer.merges else inputs[0]


def unpack_inputs(packed: Any) -> tuple[Any, ...]:
    """The inverse of `pack_inputs`, for arrays."""
    return packed if isinstance(packed, tuple) else (packed,)


def image_shape(input_shape: Shape, who: str) -> tuple[int, int, int]:
    """`input_shape` as (H, W, C), or a ShapeError."""
    if len(input_shape) != 3:
        remedy = "after Flatten only flat layers such as Dense can follow" if len(input_shape) == 1 else ""
        raise ShapeError(mismatch(who, "an input of (H, W, C)", tuple(input_shape), remedy))
    H, W, C = input_shape
    return H, W, C


PRECISIONS = ("fast", "exact")


def checked_precision(precision: Any, who: str) -> str:
    """`precision`, if it is valid. Raises ShapeError."""
    if precision not in PRECISIONS:
        raise ShapeError(mismatch(f"{who}: precision", '"fast" or "exact"', short(precision)))
    return precision


def checked_padding(padding: Padding, who: str) -> Padding:
    """`padding` in a form that Window accepts, tuples instead of lists. Raises ShapeError if it is
    invalid."""
    Window.of((1, 1), 1, 1, padding, who)
    return padding if isinstance(padding, str | int) else (padding[0], padding[1], padding[2], padding[3])
