"""An activation by itself, and one that another stage fuses."""

from collections.abc import Sequence

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
from fovea.stages.base import Arrays, Gradients, Passes, Site, Stage, Step
from fovea.stages.context import Context

ACTIVATIONS = (
    ReLU, LeakyReLU, ReLU6, Clip, Sigmoid, Tanh, SiLU, ELU, CELU, SELU, HardSigmoid, HardSwish,
    ThresholdedReLU, GELU, Mish, Softplus, LogSigmoid, Softsign, Tanhshrink,
)  # fmt: skip


class FusedActivation:
    """The activation that another stage fuses, if layers[1] is one; else `name` is empty.

    Its backward pass is computed from `source`: "A", or "Z", which the stage then saves in its forward pass.
    `gate` means that it passes a gradient or stops it, as pooling does, and so can be fused before pooling.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.name, self.source, self.gate = "", "", True
        layer = layers[1] if len(layers) > 1 else None
        if type(layer) in ACTIVATIONS:
            assert isinstance(layer, ACTIVATIONS)
            self.name, self.gate = activation(layer.function, *layer.options), layer.gate
            self.source = "A" if layer.from_output else "Z"

    @property
    def count(self) -> int:
        """The number of layers fused: 0 or 1."""
        return 1 if self.name else 0


class ActivationStage(Stage):
    """An activation behind a layer that cannot fuse it."""

    starts_with = ACTIVATIONS
    why = "a stage of its own: the layer before it cannot fuse it"

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        (layer,) = self.layers
        assert isinstance(layer, ACTIVATIONS)
        self.shape = {"activation": activation(layer.function, *layer.options), "vector": tiles.vector()}
        self.from_output = layer.from_output
        self.reads = ("A",) if self.from_output else ("A_prev",)

    def forward(self, context: Context, arrays: Arrays) -> list[Step]:
        inputs, outputs = {"Z": arrays.A_prev.as_runs()}, {"A": arrays.A.as_runs()}
        return [context.call("elementwise.activate", inputs, outputs, **self.shape)]

    def backward(self, context: Context, arrays: Arrays, gradients: Gradients) -> Passes:
        if gradients.dA_prev is None:
            return {}
        kept = arrays.A if self.from_output else arrays.A_prev
        inputs = {"dA": gradients.dA.as_runs(), "kept": kept.as_runs()}
        outputs = {"dZ": gradients.dA_prev.as_runs()}
        return {"dA": [context.call("elementwise.activate_backward", inputs, outputs, **self.shape)]}
