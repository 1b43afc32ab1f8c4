"""Convolutions with their batch normalisation, in predictions."""

from collections.abc import Sequence

from fovea.layers import Add, BatchNorm, Conv2D, Layer
from fovea.layers.base import Shape
from fovea.stages.activation import FusedActivation
from fovea.stages.base import Site, follows
from fovea.stages.conv import ConvStage


class FoldedStage(ConvStage):
    """Convolution and batch normalisation with the running statistics, then either the sum with a shortcut
    and perhaps an activation, or all that a convolution fuses by itself.

    Only in plans that do not train: in training, a batch's statistics are needed before its normalisation.
    """

    starts_with = (Conv2D,)

    def __init__(self, site: Site) -> None:
        rest = [layer for layer in site.layers if not isinstance(layer, BatchNorm | Add)]
        super().__init__(site._replace(layers=rest))
        self.layers = site.layers
        self.norm = next((layer for layer in site.layers if isinstance(layer, BatchNorm)), None)

    @classmethod
    def fuses(cls, layers: Sequence[Layer], input_shape: Shape) -> int:
        if not follows(BatchNorm, layers, 1):
            return super().fuses(layers, input_shape)
        if follows(Add, layers, 2):
            return 3 + FusedActivation(layers[2:]).count
        return 1 + super().fuses([layers[0], *layers[2:]], input_shape)
