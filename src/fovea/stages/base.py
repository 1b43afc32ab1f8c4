"""The base of every stage: neighbouring layers that run as one, and the arrays that a plan gives them.

    A_prev ──forward──▶ A            dA_prev ◀──backward── dA

`forward` and `backward` are called once, when a plan is made. They return steps: functions without
arguments, which the plan calls in order for each batch.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from fovea.layers import Layer
from fovea.layers.base import Shape
from fovea.stages.calls import Array
from fovea.stages.context import Context

Step = Callable[[], None]
Passes = dict[str, list[Step]]  # "dW" (the parameters' gradients), "dA" (the inputs'), or "dW+dA" in one step

NHWC = 1  # lanes, where no pictures lie side by side


class Site(NamedTuple):
    """The place of a stage in the network: its layers, and what surrounds them."""

    layers: Sequence[Layer]
    input_shape: Any  # of the first layer: (H, W, C) or (n,); a sequence of them if it merges
    lanes: int  # the layout of its inputs
    needs_dA: bool = True  # whether a layer before it has parameters, or the input a gradient
    small_batch: bool = False  # of few pictures, which fill no vectors side by side; in training if frozen


@dataclass(frozen=True)
class Arrays:
    """The arrays of a stage's forward pass: `inputs`, more than one if its layers merge, and A.

    `saved` is written for the backward pass; it is None if the stage or the plan has none.
    """

    inputs: tuple[Array, ...]
    A: Array
    saved: Array | None = None

    @property
    def A_prev(self) -> Array:
        return self.inputs[0]

    @property
    def other_inputs(self) -> tuple[Array, ...]:
        return self.inputs[1:]


@dataclass(frozen=True)
class Gradients:
    """The arrays of a stage's backward pass: dA, and where to write the gradient of each input, None where
    nothing before it learns.

    `accumulated` has for each input the sum of the gradients that later stages have written, None where there
    are none yet, or where the stage does not add to it (`Stage.adds`). `scratch` is memory of the shape
    `Stage.scratch`.
    """

    dA: Array
    inputs: tuple[Array | None, ...]
    accumulated: tuple[Array | None, ...]
    scratch: Array | None = None

    @property
    def dA_prev(self) -> Array | None:
        return self.inputs[0]


class Stage(ABC):
    """Neighbouring `layers` that run as one; shapes are (H, W, C) or (n,)."""

    starts_with: ClassVar[tuple[type[Layer], ...]] = ()  # the kinds of its first layer
    in_place: ClassVar[bool] = False  # whether dA_prev may overwrite dA
    lanes: int  # the layout of its arrays
    reads: tuple[str, ...] = ("A_prev", "A")  # of "A_prev", "A", "other_inputs": read in the backward pass
    saves: type | None = None  # the type of `Arrays.saved`, which has the shape of A
    adds: bool = False  # whether its backward pass adds to `Gradients.accumulated`
    scratch: Shape | None = None  # of an array for one picture that only its own backward pass needs
    why: str = ""  # the reason for this stage, in a clause, where no kernel's choice gives one

    def __init__(self, site: Site) -> None:
        """A stage that needs another layout than its site's sets `self.lanes`."""
        self.layers, self.lanes = site.layers, site.lanes
        merges = bool(site.layers) and site.layers[0].merges
        self.input_shape: Shape = site.input_shape[0] if merges else site.input_shape
        self.output_shape, self.multiply_adds = site.input_shape, 0  # of each pass, for one picture
        for place, layer in enumerate(site.layers):
            if layer.merges and place:
                continue  # its inputs all have the shape of the layer before it
            self.multiply_adds += layer.multiply_adds(self.output_shape)
            self.output_shape = layer.output_shape(self.output_shape)

    @classmethod
    def fuses(cls, layers: Sequence[Layer], input_shape: Shape) -> int:
        """The number of `layers`, counted from the first, that it runs as one. The first is one of
        `starts_with`; each of the others is the only layer that reads the output of the one before."""
        return 1

    @abstractmethod
    def forward(self, context: Context, arrays: Arrays) -> list[Step]: ...

    @abstractmethod
    def backward(self, context: Context, arrays: Arrays, gradients: Gradients) -> Passes: ...


def follows(kind: type[Layer], layers: Sequence[Layer], place: int) -> bool:
    return place < len(layers) and type(layers[place]) is kind
