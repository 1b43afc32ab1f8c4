"""An activation by itself, and how others take one along."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fovea.kernels import tiles
from fovea.kernels.specification import activation
from fovea.layers import (
    CELU,
    ELU,
    GELU,
    SELU,
    Clip,
    HardSigmoid,
    HardSwish,
    Layer,
    LeakyReLU,
    LogSigmoid,
    Mish,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softplus,
    Softsign,
    Tanh,
    Tanhshrink,
    ThresholdedReLU,
)  # fmt: skip
from fovea.layers.base import Shape
from fovea.stages.base import Stage, Step
from fovea.stages.calls import Array

if TYPE_CHECKING:
    from fovea.stages.plan import Plan

ACTIVATIONS = (
    ReLU, LeakyReLU, ReLU6, Clip, Sigmoid, Tanh, SiLU, ELU, CELU, SELU, HardSigmoid, HardSwish,
    ThresholdedReLU, GELU, Mish, Softplus, LogSigmoid, Softsign, Tanhshrink,
)  # fmt: skip


class Along:
    """The activation that another stage takes along, if layers[1] is one; else `name` is empty.

    `kept` says what its backward pass is computed from: "A", or "Z", which the stage then notes down in its
    forward pass. `gate` says that it lets a gradient pass or not, as pooling does, and can stand before it.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.name, self.kept, self.gate = "", "", True
        layer = layers[1] if len(layers) > 1 else None
        if type(layer) in ACTIVATIONS:
            assert isinstance(layer, ACTIVATIONS)
            self.name, self.gate = activation(layer.function, *layer.options), layer.gate
            self.kept = "A" if layer.from_output else "Z"

    @property
    def layers(self) -> int:
        """How many it is."""
        return 1 if self.name else 0


class ActivationStage(Stage):
    """An activation where it follows something that cannot take it along."""

    leads = ACTIVATIONS
    why = "what stands before cannot take it along"

    def __init__(
        self, layers: Sequence[Layer], input_shape: Shape, lanes: int, first: bool, few: bool
    ) -> None:
        super().__init__(layers, input_shape, lanes, first, few)
        (layer,) = layers
        assert isinstance(layer, ACTIVATIONS)
        self.shape = {"activation": activation(layer.function, *layer.options), "vector": tiles.vector()}
        self.from_output = layer.from_output
        self.reads = ("A",) if self.from_output else ("A_prev",)

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        return [plan.call("elementwise.activate", {"Z": A_prev.as_runs()}, {"A": A.as_runs()}, **self.shape)]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        if dA_prev is None:
            return []
        inputs = {"dA": dA.as_runs(), "kept": (A if self.from_output else A_prev).as_runs()}
        return [plan.call("elementwise.activate_backward", inputs, {"dZ": dA_prev.as_runs()}, **self.shape)]
