"""Which neighbouring layers run as one stage, and in which layout."""

from collections.abc import Sequence

from fovea.layers import Flatten, Layer
from fovea.layers.base import Shape
from fovea.stages.activation import ReluStage
from fovea.stages.base import Stage
from fovea.stages.conv import ConvStage
from fovea.stages.dense import DenseStage
from fovea.stages.layer import LayerStage
from fovea.stages.pool import PoolStage
from fovea.stages.relayout import RelayoutStage

KINDS: tuple[type[Stage], ...] = (ConvStage, DenseStage, ReluStage, PoolStage)  # whatever else runs as it is


def join(layers: Sequence[Layer], input_shape: Shape, few: bool = False) -> list[Stage]:
    """The stages of a row of layers, with a change of layout wherever two neighbours' layouts differ.

    `few` says that they will see but few pictures at once, and not learn.

    A stage takes along as many of the layers behind its first as its kernels can do; flattening is no
    work, since arrays are seen in each stage's own shape. Subclasses of a layer may do anything, and run
    as they are.
    """
    stages: list[Stage] = []
    shape, lanes, place, first = input_shape, 1, 0, True
    while place < len(layers):
        layer, rest = layers[place], layers[place:]
        if type(layer) is Flatten and len(rest) + len(stages) > 1:
            shape, place = layer.output_shape(shape), place + 1
            continue
        kind = next((kind for kind in KINDS if type(layer) in kind.leads), LayerStage)
        taken = rest[: kind.takes(rest, shape)]
        stage = kind(taken, shape, lanes, first, few)
        if stages and lanes != stage.lanes:
            stages.append(RelayoutStage(shape, lanes, stage.lanes))
        stages.append(stage)
        first = first and not any(layer.parameters for layer in taken)
        shape, lanes, place = stage.output_shape, stage.lanes, place + len(taken)
    return stages
