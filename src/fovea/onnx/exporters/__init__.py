"""The table layer → operators of opset 17."""

from collections.abc import Callable, Sequence

from fovea import layers
from fovea.errors import DataError, mismatch
from fovea.layers.base import Layer, Shape
from fovea.onnx.building import Value
from fovea.onnx.exporters import activations, movement, normalization, products, windows
from fovea.onnx.exporters.exporter import Exporter, LayerExport

EXPORTERS: dict[type[Layer], Callable[[LayerExport], Value]] = {
    layers.Add: movement.merged("Add", "Sum"),
    layers.Affine: normalization.affine,
    layers.AveragePool2D: windows.pool("AveragePool"),
    layers.BatchNorm: normalization.batch_norm,
    layers.CELU: activations.each("Celu", alpha="alpha"),
    layers.ChannelPool: windows.channel_pool,
    layers.Channels: movement.channels,
    layers.Clip: activations.clip,
    layers.Concat: movement.concat,
    layers.Conv2D: products.conv,
    layers.ConvTranspose2D: products.conv_transpose,
    layers.Dense: products.dense,
    layers.DepthToSpace: movement.depth_to_space,
    layers.Dropout: movement.removed,
    layers.ELU: activations.each("Elu", alpha="alpha"),
    layers.Flatten: movement.flatten,
    layers.GELU: activations.gelu,
    layers.GroupNorm: normalization.group_norm,
    layers.HardSigmoid: activations.each("HardSigmoid", alpha="slope", beta="shift"),
    layers.HardSwish: activations.each("HardSwish"),
    layers.InstanceNorm: normalization.instance_norm,
    layers.LayerNorm: normalization.layer_norm,
    layers.GlobalAveragePool2D: windows.global_pool("GlobalAveragePool"),
    layers.GlobalMaxPool2D: windows.global_pool("GlobalMaxPool"),
    layers.LeakyReLU: activations.each("LeakyRelu", alpha="slope"),
    layers.LogSoftmax: activations.softmax,
    layers.LogSigmoid: activations.in_steps(("Neg", 0), ("Softplus", 1), ("Neg", 2)),
    layers.MaxPool2D: windows.pool("MaxPool"),
    layers.Mish: activations.in_steps(("Softplus", 0), ("Tanh", 1), ("Mul", 0, 2)),
    layers.Multiply: movement.merged("Mul"),
    layers.PReLU: activations.prelu,
    layers.ReLU: activations.each("Relu"),
    layers.ReLU6: activations.clip,
    layers.SELU: activations.each("Selu"),
    layers.Pad2D: windows.pad,
    layers.Resize2D: windows.resize,
    layers.Shortcut: movement.shortcut,
    layers.Sigmoid: activations.each("Sigmoid"),
    layers.SiLU: activations.in_steps(("Sigmoid", 0), ("Mul", 0, 1)),
    layers.Softmax: activations.softmax,
    layers.Softplus: activations.softplus,
    layers.Softsign: activations.each("Softsign"),
    layers.SpaceToDepth: movement.space_to_depth,
    layers.Tanh: activations.each("Tanh"),
    layers.Tanhshrink: activations.in_steps(("Tanh", 0), ("Sub", 0, 1)),
    layers.ThresholdedReLU: activations.each("ThresholdedRelu", alpha="threshold"),
    layers.Upsample2D: windows.upsample,
}


def add_layer(exporter: Exporter, layer: Layer, inputs: Sequence[Value], shape: Shape) -> Value:
    """Add the operators of `layer`, whose output has `shape`. Raises DataError if ONNX has none."""
    if type(layer) not in EXPORTERS:
        known = ", ".join(sorted(kind.__name__ for kind in EXPORTERS))
        raise DataError(
            mismatch(layer.who, f"a layer that ONNX has operators for ({known})", type(layer).__name__)
        )
    return EXPORTERS[type(layer)](LayerExport(exporter, layer, inputs, shape))
