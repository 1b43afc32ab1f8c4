"""What every stage is. It is built from neighbouring layers, and prepares the calls that run them.

A stage knows its shapes and its layout; `forward` and `backward` return functions without arguments, to be
called in order, on the arrays that the plan gives it:

    A_prev ──forward──▶ A            dA_prev ◀──backward── dA

`dA_prev` is None for the first stage that learns: nobody asks what the pictures' gradient is. A stage with a
layer that merges takes in further arrays, `beside` A_prev, and gives their gradients too.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fovea.layers import Layer
from fovea.layers.base import Shape
from fovea.stages.calls import Array

if TYPE_CHECKING:
    from fovea.stages.plan import Plan

Step = Callable[[], None]

NHWC = 1  # the layout where no pictures lie side by side


class Stage:
    """Neighbouring `layers` that run as one; shapes are (H, W, C) or (n,)."""

    lanes: int  # the layout of both its arrays
    leads: ClassVar[tuple[type[Layer], ...]] = ()  # the layers that it can begin with
    reads: tuple[str, ...] = ("A_prev", "A")  # which of "A_prev", "A", "beside" the backward pass reads again
    notes: type | None = None  # the type of a note of the forward pass for it, one to each number of A
    noted: Array | None = None  # where the plan has put them; None where there is no backward pass
    beside: tuple[Array, ...] = ()  # what else it takes in
    dbeside: tuple[Array | None, ...] = ()  # and their gradients
    in_place: ClassVar[bool] = False  # whether dA_prev may take the place of dA
    adds: bool = False  # whether its backward pass can add what others have begun of a gradient
    begun: tuple[Array | None, ...] = ()  # that, for dA_prev and for each of `dbeside`
    why: str = ""  # why it is as it is, in a clause, where no single kernel's choice says so

    def __init__(self, layers: Sequence[Layer], input_shape: Any, lanes: int, first: bool, few: bool) -> None:
        """`input_shape` is that of the first layer, as it says it. `lanes` is the layout of what comes in; a
        stage that wants another says so in `self.lanes`. `first` says that nothing before it learns, `few`
        that there will be but few pictures at once."""
        self.layers, self.lanes = layers, lanes
        self.input_shape: Shape = input_shape[0] if layers and layers[0].merges else input_shape
        self.output_shape, self.multiply_adds = input_shape, 0  # of each pass, for a picture
        for place, layer in enumerate(layers):
            if layer.merges and place:
                continue  # behind another layer, its inputs are all of that one's shape
            self.multiply_adds += layer.multiply_adds(self.output_shape)
            self.output_shape = layer.output_shape(self.output_shape)

    @classmethod
    def takes(cls, layers: Sequence[Layer], input_shape: Shape) -> int:
        """How many of `layers`, from the first, it can run as one; the first is one of `leads`, and each of
        the others is the only one to take in what the one before gives out."""
        return 1

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        raise NotImplementedError

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        raise NotImplementedError


def follows(kind: type[Layer], layers: Sequence[Layer], place: int) -> bool:
    return place < len(layers) and type(layers[place]) is kind


def scale_of(layer: Layer, plan: "Plan") -> dict[str, np.ndarray]:
    """What a batch normalisation computes with in a prediction: mean, variance, gamma, beta."""
    network, name = plan.network, layer.name
    scale = {own: network.statistics[f"{name}.{own}"] for own in ("mean", "variance")}
    return scale | {own: network.parameters[f"{name}.{own}"] for own in ("gamma", "beta")}


def parameters_of(layer: Layer, arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray | None]:
    """A layer's W and b, None where it has none, out of arrays keyed "conv1.W"."""
    return arrays[f"{layer.name}.W"], arrays.get(f"{layer.name}.b")
