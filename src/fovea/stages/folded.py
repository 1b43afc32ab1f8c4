"""Convolutions with their batch normalisation, in predictions."""

from collections.abc import Sequence

from fovea.layers import Add, BatchNorm, Conv2D, Layer
from fovea.layers.base import Shape
from fovea.stages.activation import Along
from fovea.stages.base import follows
from fovea.stages.conv import ConvStage


class FoldedStage(ConvStage):
    """Convolution, batch normalisation with the running statistics, and either a sum, with what comes along a
    shortcut, and perhaps an activation; or what a convolution takes along by itself.

    Only in plans that do not train: in a step, statistics come before the normalisation.
    """

    leads = (Conv2D,)

    def __init__(
        self, layers: Sequence[Layer], input_shape: Shape, lanes: int, first: bool, few: bool
    ) -> None:
        rest = [layer for layer in layers if not isinstance(layer, BatchNorm | Add)]
        super().__init__(rest, input_shape, lanes, first, few)
        self.layers = layers
        self.norm = next((layer for layer in layers if isinstance(layer, BatchNorm)), None)

    @classmethod
    def takes(cls, layers: Sequence[Layer], input_shape: Shape) -> int:
        if not follows(BatchNorm, layers, 1):
            return super().takes(layers, input_shape)
        if follows(Add, layers, 2):
            return 3 + Along(layers[2:]).layers
        return 1 + super().takes([layers[0], *layers[2:]], input_shape)
