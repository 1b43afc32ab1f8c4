"""What operators each layer becomes: one table, for opset 17."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import pi, sqrt
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from fovea import layers
from fovea.errors import DataError, mismatch
from fovea.layers.base import Layer, Shape
from fovea.onnx.building import Value, usual
from fovea.onnx.layouts import filters_there, pads_there
from fovea.reference.smooth import CUBE
from fovea.sampling import Axis


class Exporter:
    """Nodes and constants of a model in the making. A `Value`'s `layer` is the name of its tensor here."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._ordered = set[str]()

    def add(self, operator: str, inputs: Sequence[str], output: str, name: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, list(inputs), [output], name=name, **attributes))
        return output

    def constant(self, name: str, array: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def in_order(self, value: Value) -> Value:
        """`value` as Fovea has it, where the tensor has it in another order."""
        if value.moved is None:
            return value
        name = f"{value.layer}.ordered"
        if name not in self._ordered:
            order = self.constant(f"{value.layer}.order", np.argsort(value.places))
            self.add("Gather", [value.layer, order], name, name, axis=1)
            self._ordered.add(name)
        return replace(value, layer=name, moved=None)

    def outputs(self, values: Mapping[str, Value]) -> None:
        """Call the tensors of these values, in Fovea's order, by these names."""
        tensors = {name: self.in_order(value).layer for name, value in values.items()}
        apart = {name: f"{name}.inside" for name, tensor in tensors.items() if tensor != name}
        for node in self.nodes:
            for names in (node.input, node.output):
                names[:] = [apart.get(name, name) for name in names]
        for name in apart:
            tensor = tensors[name]
            self.add("Identity", [apart.get(tensor, tensor)], name, f"{name}.given")


class _One:
    """A layer that is being exported: its operators are named after it."""

    def __init__(self, exporter: Exporter, layer: Layer, inputs: Sequence[Value], shape: Shape) -> None:
        self.exporter, self.layer, self.inputs, self.shape = exporter, layer, list(inputs), shape
        self.names = [value.layer for value in inputs]

    def weights(self, name: str, array: np.ndarray | None = None) -> str:
        """The parameter or statistic `name`, or `array` in its place, as a constant."""
        own = {**self.layer.parameters, **self.layer.statistics}[name] if array is None else array
        return self.exporter.constant(f"{self.layer.name}.{name}", own)

    def to(self, operator: str, *more: str, moved: np.ndarray | None = None, **attributes: Any) -> Value:
        """The layer's output, by `operator` from its inputs and constants."""
        name = self.layer.name
        self.exporter.add(operator, [*self.names, *more], name, name, **attributes)
        return Value(name, self.shape, moved)


def _conv(one: _One) -> Value:
    layer: Any = one.layer
    window = layer.window(one.inputs[0].shape)
    constants = [
        one.weights("W", filters_there(layer.parameters["W"])),
        *([one.weights("b")] if layer.bias else []),
    ]
    return one.to(
        "Conv", *constants, kernel_shape=window.size, strides=window.stride, pads=pads_there(window.pads),
        dilations=window.dilation, group=layer.groups,
    )  # fmt: skip


def _conv_transpose(one: _One) -> Value:
    layer: Any = one.layer
    window = layer.upward(one.inputs[0].shape)  # of the convolution that leads the other way
    constants = [
        one.weights("W", filters_there(layer.parameters["W"])),
        *([one.weights("b")] if layer.bias else []),
    ]
    sizes = zip(one.inputs[0].shape, window.stride, window.extent, window.pads[::2], one.shape, strict=False)
    # What is left of (n − 1)·s + e after the padding before, less what there shall be: padding, or more rows.
    after = [(n - 1) * s + e - before - length for n, s, e, before, length in sizes]
    pads = [*window.pads[::2], *(max(rest, 0) for rest in after)]
    return one.to(
        "ConvTranspose", *constants, kernel_shape=window.size, strides=window.stride, pads=pads,
        dilations=window.dilation, group=layer.groups, output_padding=[max(-rest, 0) for rest in after],
    )  # fmt: skip


def _pool(operator: str) -> Callable[[_One], Value]:
    def pool(one: _One) -> Value:
        layer: Any = one.layer
        window = layer.window(one.inputs[0].shape)
        more: dict[str, Any] = {"ceil_mode": 1} if layer.ceil_mode else {}
        more |= {"count_include_pad": int(layer.count_include_pad)} if operator == "AveragePool" else {}
        if operator == "MaxPool":
            more["dilations"] = window.dilation
        elif window.dilation != (1, 1):
            raise DataError(mismatch(layer.who, "dilation 1, all that opset 17 has", layer.dilation))
        top, bottom, left, right = window.pads
        below, beside = window.beyond  # what ceil_mode says already
        pads = pads_there((top, bottom - below, left, right - beside))
        size, stride = window.size, window.stride
        return one.to(operator, kernel_shape=size, strides=stride, pads=pads, **more)

    return pool


def _global_pool(operator: str) -> Callable[[_One], Value]:
    def pool(one: _One) -> Value:
        maps = f"{one.layer.name}.maps"
        one.names = [one.exporter.add(operator, one.names, maps, maps)]
        return one.to("Flatten", axis=1)

    return pool


def _channel_pool(one: _One) -> Value:
    layer: Any = one.layer
    return one.to("ReduceMax" if layer.mode == "max" else "ReduceMean", axes=[1], keepdims=1)


def _flatten(one: _One) -> Value:
    """In ONNX channel after channel; the dense layers that follow have their weights in that order."""
    value = one.inputs[0]
    flat = one.to("Flatten", axis=1, moved=value.places.reshape(-1))
    return replace(flat, moved=None) if np.array_equal(flat.places, usual(flat.shape)) else flat


def _dense(one: _One) -> Value:
    layer: Any = one.layer
    W = layer.parameters["W"][one.inputs[0].places]
    return one.to("Gemm", one.weights("W", W), *([one.weights("b")] if layer.bias else []))


def _batch_norm(one: _One) -> Value:
    layer: Any = one.layer
    value = one.inputs[0]
    order = slice(None) if value.moved is None else value.places
    arrays = {**layer.parameters, **layer.statistics}
    names = [one.weights(name, arrays[name][order]) for name in ("gamma", "beta", "mean", "variance")]
    how = {"epsilon": layer.epsilon, "momentum": 1 - layer.momentum}
    return one.to("BatchNormalization", *names, moved=value.moved, **how)


def _each(operator: str, **attributes: str) -> Callable[[_One], Value]:
    """An operator of each value by itself; `attributes`: its name there → the layer's field."""

    def each(one: _One) -> Value:
        own = {name: getattr(one.layer, field) for name, field in attributes.items()}
        return one.to(operator, moved=one.inputs[0].moved, **own)

    return each


def _clip(one: _One) -> Value:
    layer: Any = one.layer
    low, high = (np.array(bound, np.float32) for bound in layer.options)
    bounds = one.weights("low", low), one.weights("high", high)
    return one.to("Clip", *bounds, moved=one.inputs[0].moved)


def _in_steps(*steps: Sequence[Any]) -> Callable[[_One], Value]:
    """Several operators, one after another. Each is its name and its inputs: 0 for the layer's input, k for
    what the k-th step gives, a float for a constant, and a text for the layer's number of that name."""

    def stepped(one: _One) -> Value:
        given, name = list(one.names), one.layer.name
        for place, (operator, *inputs) in enumerate(steps, start=1):
            names = [given[i] if isinstance(i, int) else _number(one, place, i) for i in inputs]
            if place == len(steps):
                one.names = names
                break
            made = f"{name}.step{place}"
            given.append(one.exporter.add(operator, names, made, made))
        return one.to(steps[-1][0], moved=one.inputs[0].moved)

    return stepped


def _number(one: _One, place: int, value: float | str) -> str:
    """A constant of the step at `place`."""
    number = getattr(one.layer, value) if isinstance(value, str) else value
    return one.weights(f"number{place}", np.array(number, np.float32))


def _gelu(one: _One) -> Value:
    layer: Any = one.layer
    if layer.approximate == "tanh":
        return _in_steps(
            ("Mul", 0, 0), ("Mul", 1, CUBE), ("Add", 2, 1.0), ("Mul", 3, 0), ("Mul", 4, sqrt(2 / pi)),
            ("Tanh", 5), ("Add", 6, 1.0), ("Mul", 7, 0), ("Mul", 8, 0.5),
        )(one)  # fmt: skip
    return _in_steps(("Div", 0, sqrt(2)), ("Erf", 1), ("Add", 2, 1.0), ("Mul", 0, 3), ("Mul", 4, 0.5))(one)


def _softplus(one: _One) -> Value:
    """Where the threshold is below 20, it makes a difference in float32."""
    layer: Any = one.layer
    if (layer.beta, layer.threshold >= 20) == (1, True):
        return _each("Softplus")(one)
    soft = ("Mul", 0, "beta"), ("Softplus", 1), ("Div", 2, "beta")
    if layer.threshold >= 20:
        return _in_steps(*soft)(one)
    return _in_steps(*soft, ("Greater", 1, "threshold"), ("Where", 4, 0, 3))(one)


def _prelu(one: _One) -> Value:
    return one.to("PRelu", _spread(one, "slope"), moved=one.inputs[0].moved)


def _spread(one: _One, name: str) -> str:
    """A parameter of each channel, as it broadcasts to the input."""
    own, value = one.layer.parameters[name], one.inputs[0]
    if value.moved is not None:
        return one.weights(name, own[value.places % len(own)])
    return one.weights(name, own.reshape(-1, *(1,) * (len(value.shape) - 1)))


def _instance_norm(one: _One) -> Value:
    layer: Any = one.layer
    one.names = [one.exporter.in_order(one.inputs[0]).layer]
    own = [one.weights(name) for name in ("gamma", "beta")]
    return one.to("InstanceNormalization", *own, epsilon=layer.epsilon)


def _group_norm(one: _One) -> Value:
    """Each group as one channel, and then every channel scaled."""
    layer: Any = one.layer
    one.inputs[0] = value = one.exporter.in_order(one.inputs[0])
    add, name, shape = one.exporter.add, layer.name, value.shape
    into = one.weights("into", np.array((0, layer.groups, -1), np.int64))
    shaped = one.weights("shape", np.array((0, shape[-1], *shape[:-1]), np.int64))
    plain = [one.weights(key, np.full(layer.groups, n, np.float32)) for key, n in (("ones", 1), ("zeros", 0))]
    x = add("Reshape", [value.layer, into], f"{name}.groups", f"{name}.groups")
    x = add("InstanceNormalization", [x, *plain], f"{name}.x", f"{name}.x", epsilon=layer.epsilon)
    x = add("Reshape", [x, shaped], f"{name}.back", f"{name}.back")
    one.names = [add("Mul", [x, _spread(one, "gamma")], f"{name}.scaled", f"{name}.scaled")]
    return one.to("Add", _spread(one, "beta"))


def _layer_norm(one: _One) -> Value:
    """Over the last axis, and so with channels last meanwhile."""
    layer: Any = one.layer
    value, add, name = one.exporter.in_order(one.inputs[0]), one.exporter.add, layer.name
    own, how = [one.weights(key) for key in ("gamma", "beta")], {"axis": -1, "epsilon": layer.epsilon}
    one.names = [value.layer]
    if len(value.shape) == 1:
        return one.to("LayerNormalization", *own, **how)
    x = add("Transpose", one.names, f"{name}.last", f"{name}.last", perm=(0, 2, 3, 1))
    one.names = [add("LayerNormalization", [x, *own], f"{name}.x", f"{name}.x", **how)]
    return one.to("Transpose", perm=(0, 3, 1, 2))


def _shares(one: _One) -> Value:
    """Over one axis; where it is over several, they are one meanwhile."""
    layer: Any = one.layer
    value, name, operator = one.inputs[0], one.layer.name, type(one.layer).__name__
    if len(value.shape) == 1 or layer.over == "channels":
        return one.to(operator, axis=1, moved=value.moved)
    if layer.over in ("height", "width"):
        return one.to(operator, axis=2 if layer.over == "height" else 3)
    H, W, C = value.shape
    flat = one.weights("into", np.array((0, C if layer.over == "pixels" else 1, -1), np.int64))
    back = one.weights("shape", np.array((0, C, H, W), np.int64))
    x = one.exporter.add("Reshape", [value.layer, flat], f"{name}.flat", f"{name}.flat")
    one.names = [one.exporter.add(operator, [x], f"{name}.shares", f"{name}.shares", axis=2)]
    return one.to("Reshape", back)


def _affine(one: _One) -> Value:
    """Scaled, then shifted where there is a bias; a number for each channel."""
    layer: Any = one.layer
    value = one.inputs[0]
    if not layer.bias:
        return one.to("Mul", _spread(one, "gamma"), moved=value.moved)
    scaled = f"{layer.name}.scaled"
    one.names = [one.exporter.add("Mul", [*one.names, _spread(one, "gamma")], scaled, scaled)]
    return one.to("Add", _spread(one, "beta"), moved=value.moved)


def _merged(operator: str, of_many: str = "") -> Callable[[_One], Value]:
    """`operator` of two inputs, or `of_many`; channels (N, C) that meet pictures get rows and columns."""

    def merged(one: _One) -> Value:
        values = [one.exporter.in_order(value) for value in one.inputs]
        one.names = [value.layer for value in values]
        if len(one.shape) == 3:
            for place, value in enumerate(values):
                if len(value.shape) == 1:
                    name = f"{one.layer.name}.input{place}"
                    axes = one.weights(f"axes{place}", np.array((2, 3), np.int64))
                    one.names[place] = one.exporter.add("Unsqueeze", [value.layer, axes], name, name)
        if len(one.names) > 2 and of_many:
            return one.to(of_many)
        first, *others, last = one.names
        for place, other in enumerate(others):
            name = f"{one.layer.name}.some{place}"
            first = one.exporter.add(operator, [first, other], name, name)
        one.names = [first, last]
        return one.to(operator)

    return merged


def _concat(one: _One) -> Value:
    one.names = [one.exporter.in_order(value).layer for value in one.inputs]
    return one.to("Concat", axis=1)


def _shortcut(one: _One) -> Value:
    layer: Any = one.layer
    name, more = one.layer.name, one.shape[2] - one.inputs[0].shape[2]
    ends = [one.weights(key, np.array(numbers, np.int64)) for key, numbers in (
        ("starts", (0, 0)), ("ends", one.inputs[0].shape[:2]), ("axes", (2, 3)), ("steps", layer.stride)
    )]  # fmt: skip
    if not more:
        return one.to("Slice", *ends)
    one.names = [one.exporter.add("Slice", [*one.names, *ends], f"{name}.some", f"{name}.some")]
    return one.to("Pad", one.weights("pads", np.array((0, 0, 0, 0, 0, more, 0, 0), np.int64)))


def _upsample(one: _One) -> Value:
    layer: Any = one.layer
    scales = one.weights("scales", np.array((1, 1, *layer.factor), np.float32))
    places: dict[str, Any] = {"coordinate_transformation_mode": "half_pixel", "mode": "linear"}
    if layer.mode == "nearest":
        places = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor", "mode": "nearest"}
    return one.to("Resize", "", scales, **places)


def _pad(one: _One) -> Value:
    """What opset 17 has no mode for, and pixels that are cut off, pick rows and columns by number."""
    layer: Any = one.layer
    rows, columns = layer.axes(one.inputs[0].shape)
    mode = {"constant": "constant", "mirror": "reflect", "nearest": "edge"}.get(layer.mode)
    top, bottom, left, right = layer.sides
    if mode is not None and (mode == "constant" or min(layer.sides) >= 0):
        pads = one.weights("pads", np.array((0, 0, top, left, 0, 0, bottom, right), np.int64))
        value = [one.weights("value", np.array(layer.value, np.float32))] if layer.value else []
        return one.to("Pad", pads, *value, mode=mode)
    return _gathered(one, rows, columns)


def _gathered(one: _One, rows: Axis, columns: Axis) -> Value:
    some, picked = f"{one.layer.name}.some", one.weights("rows", rows.pixels[:, 0].astype(np.int64))
    one.names = [one.exporter.add("Gather", [*one.names, picked], some, some, axis=2)]
    return one.to("Gather", one.weights("columns", columns.pixels[:, 0].astype(np.int64)), axis=3)


def _resize(one: _One) -> Value:
    """Nearest pixels by number: by a scale, which is rounded, runtimes would find others."""
    layer: Any = one.layer
    if layer.mode == "nearest":
        return _gathered(one, *layer.axes(one.inputs[0].shape))
    scales = [_scale(n, new) for n, new in zip(one.inputs[0].shape[:2], layer.size, strict=True)]
    places = "align_corners" if layer.align_corners else "half_pixel"
    factors = one.weights("scales", np.array((1, 1, *scales), np.float32))
    return one.to("Resize", "", factors, coordinate_transformation_mode=places, mode="linear")


def _scale(n: int, new: int) -> np.float32:
    """new / n, but no less in float32: n times it, rounded down, must be new."""
    scale = np.float32(new / n)
    return scale if n * float(scale) >= new else np.nextafter(scale, np.float32(np.inf))


def _depth_to_space(one: _One) -> Value:
    layer: Any = one.layer
    return one.to("DepthToSpace", blocksize=layer.block, mode=layer.mode)


def _space_to_depth(one: _One) -> Value:
    """ONNX has one order of the channels; the other is picked behind it."""
    layer: Any = one.layer
    b, C = layer.block, one.inputs[0].shape[2]
    if layer.mode == "DCR":
        return one.to("SpaceToDepth", blocksize=b)
    deep = f"{layer.name}.deep"
    one.names = [one.exporter.add("SpaceToDepth", one.names, deep, deep, blocksize=b)]
    return one.to(
        "Gather", one.weights("order", np.arange(b * b * C).reshape(b * b, C).T.reshape(-1)), axis=1
    )


def _channels(one: _One) -> Value:
    layer: Any = one.layer
    return one.to("Gather", one.weights("order", np.array(layer.order, np.int64)), axis=1)


def _gone(one: _One) -> Value:
    return one.inputs[0]


EXPORTERS: dict[type[Layer], Callable[[_One], Value]] = {
    layers.Add: _merged("Add", "Sum"),
    layers.Affine: _affine,
    layers.AveragePool2D: _pool("AveragePool"),
    layers.BatchNorm: _batch_norm,
    layers.CELU: _each("Celu", alpha="alpha"),
    layers.ChannelPool: _channel_pool,
    layers.Channels: _channels,
    layers.Clip: _clip,
    layers.Concat: _concat,
    layers.Conv2D: _conv,
    layers.ConvTranspose2D: _conv_transpose,
    layers.Dense: _dense,
    layers.DepthToSpace: _depth_to_space,
    layers.Dropout: _gone,
    layers.ELU: _each("Elu", alpha="alpha"),
    layers.Flatten: _flatten,
    layers.GELU: _gelu,
    layers.GroupNorm: _group_norm,
    layers.HardSigmoid: _each("HardSigmoid", alpha="slope", beta="shift"),
    layers.HardSwish: _each("HardSwish"),
    layers.InstanceNorm: _instance_norm,
    layers.LayerNorm: _layer_norm,
    layers.GlobalAveragePool2D: _global_pool("GlobalAveragePool"),
    layers.GlobalMaxPool2D: _global_pool("GlobalMaxPool"),
    layers.LeakyReLU: _each("LeakyRelu", alpha="slope"),
    layers.LogSoftmax: _shares,
    layers.LogSigmoid: _in_steps(("Neg", 0), ("Softplus", 1), ("Neg", 2)),
    layers.MaxPool2D: _pool("MaxPool"),
    layers.Mish: _in_steps(("Softplus", 0), ("Tanh", 1), ("Mul", 0, 2)),
    layers.Multiply: _merged("Mul"),
    layers.PReLU: _prelu,
    layers.ReLU: _each("Relu"),
    layers.ReLU6: _clip,
    layers.SELU: _each("Selu"),
    layers.Pad2D: _pad,
    layers.Resize2D: _resize,
    layers.Shortcut: _shortcut,
    layers.Sigmoid: _each("Sigmoid"),
    layers.SiLU: _in_steps(("Sigmoid", 0), ("Mul", 0, 1)),
    layers.Softmax: _shares,
    layers.Softplus: _softplus,
    layers.Softsign: _each("Softsign"),
    layers.SpaceToDepth: _space_to_depth,
    layers.Tanh: _each("Tanh"),
    layers.Tanhshrink: _in_steps(("Tanh", 0), ("Sub", 0, 1)),
    layers.ThresholdedReLU: _each("ThresholdedRelu", alpha="threshold"),
    layers.Upsample2D: _upsample,
}


def add_layer(exporter: Exporter, layer: Layer, inputs: Sequence[Value], shape: Shape) -> Value:
    """Add the operators of `layer`, which gives out `shape`. Raises DataError for one without any."""
    if type(layer) not in EXPORTERS:
        known = ", ".join(sorted(kind.__name__ for kind in EXPORTERS))
        raise DataError(
            mismatch(layer.who, f"a layer that ONNX has operators for ({known})", type(layer).__name__)
        )
    return EXPORTERS[type(layer)](_One(exporter, layer, inputs, shape))
