"""The forward and backward pass of one picture, layer by layer, and queries for the sums behind its values.

    t = fovea.trace(network, image, label=3)
    print(t.forward("conv1", (4, 7, 0)))                    the window, the filter, the products, the bias
    print(t.backward_weight("conv1", "W", (0, 2, 0, 5)))    the products that this weight's gradient sums

The numbers are those of `network.forward` and `network.backward` on the current engine.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from fovea import functional
from fovea.errors import ShapeError, mismatch
from fovea.layers import (
    CELU,
    ELU,
    GELU,
    SELU,
    Add,
    Affine,
    AveragePool2D,
    BatchNorm,
    ChannelPool,
    Channels,
    Clip,
    Concat,
    Conv2D,
    ConvTranspose2D,
    Dense,
    DepthToSpace,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    GlobalMaxPool2D,
    GroupNorm,
    HardSigmoid,
    HardSwish,
    InstanceNorm,
    Layer,
    LayerNorm,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    MaxPool2D,
    Mish,
    Multiply,
    Pad2D,
    PReLU,
    ReLU,
    ReLU6,
    Resize2D,
    Shortcut,
    Sigmoid,
    SiLU,
    Softplus,
    Softsign,
    SpaceToDepth,
    Tanh,
    Tanhshrink,
    ThresholdedReLU,
    Upsample2D,
)
from fovea.layers import Softmax as SoftmaxLayer
from fovea.layers.base import Gradients, pack_inputs, unpack_inputs
from fovea.losses import softmax_cross_entropy
from fovea.network import Network
from fovea.network.graph import PICTURE
from fovea.network.inputs import in_precision
from fovea.tracing import (
    activations,
    affine,
    arguments,
    grouped,
    merging,
    normalization,
    sampling,
    values,
    windows,
)
from fovea.tracing.steps import Passed, Softmax, Step, Tracer

SOFTMAX = "softmax"

# The tracer of each kind of layer; add yours. A subclass may compute something else, and needs its own.
TRACERS: dict[type[Layer], Tracer] = {
    Conv2D: windows.CONVOLUTION,
    ConvTranspose2D: windows.TRANSPOSED,
    MaxPool2D: windows.MAXIMUM,
    AveragePool2D: windows.AVERAGE,
    GlobalAveragePool2D: windows.GLOBAL_AVERAGE,
    GlobalMaxPool2D: windows.GLOBAL_MAXIMUM,
    ChannelPool: windows.CHANNELS,
    Dense: values.DENSE,
    ReLU: activations.RELU,
    LeakyReLU: activations.LEAKY_RELU,
    ReLU6: activations.CLIP,
    Clip: activations.CLIP,
    SiLU: activations.SILU,
    Sigmoid: activations.SIGMOID,
    Tanh: activations.TANH,
    ELU: activations.ELU,
    CELU: activations.CELU,
    SELU: activations.SELU,
    HardSigmoid: activations.HARD_SIGMOID,
    HardSwish: activations.HARD_SWISH,
    ThresholdedReLU: activations.THRESHOLDED_RELU,
    GELU: activations.GELU,
    Mish: activations.MISH,
    Softplus: activations.SOFTPLUS,
    LogSigmoid: activations.LOG_SIGMOID,
    Softsign: activations.SOFTSIGN,
    Tanhshrink: activations.TANHSHRINK,
    SoftmaxLayer: activations.SOFTMAX,
    LogSoftmax: activations.LOG_SOFTMAX,
    Upsample2D: sampling.UPSAMPLING,
    Shortcut: sampling.SHORTCUT,
    Pad2D: sampling.UPSAMPLING,
    Resize2D: sampling.UPSAMPLING,
    SpaceToDepth: sampling.MOVED,
    DepthToSpace: sampling.MOVED,
    Channels: sampling.MOVED,
    Affine: affine.AFFINE,
    BatchNorm: normalization.BATCH_NORM,
    GroupNorm: grouped.GROUPED,
    InstanceNorm: grouped.GROUPED,
    LayerNorm: grouped.GROUPED,
    PReLU: activations.PRELU,
    Flatten: values.FLATTEN,
    Dropout: values.DROPOUT,
    Add: merging.ADD,
    Multiply: merging.MULTIPLY,
    Concat: merging.CONCAT,
}


def trace(
    network: Network,
    image: np.ndarray,
    *,
    label: int | str | None = None,
    dZ: Any = None,
    rng: np.random.Generator | None = None,
) -> "Trace":
    """Run `image`, (H, W, C) or a batch of one, forward through `network`, and backward if `label` or `dZ` is
    given.

    uint8 images are pixels and are preprocessed; floating-point ones are used as they are. `label`, a class
    or its name, selects the gradient of the cross-entropy −log softmax(Z)[label]; `dZ`, in the shape of the
    network's output, is any other upstream gradient, {name: dZ} if the outputs have names. With `rng` the
    network runs as in training: Dropout sets values to 0. Raises ShapeError for arguments that do not fit.

    A trace belongs to the network's current parameters: trace again after changing them.
    """
    X = arguments.batch_of_one(network, image)
    if label is not None and dZ is not None:
        raise ShapeError(mismatch("trace", "a label or dZ", "both"))
    number = None if label is None else arguments.class_number(network, label)
    outputs = {PICTURE: in_precision(X)}
    passed, caches = [], []
    for layer, Z, cache in network.forward_steps(outputs[PICTURE], training=rng is not None, rng=rng):
        position = len(passed)
        A_prev = pack_inputs(layer, [outputs[source][0] for source in network.sources[position]])
        passed.append(Passed(layer, A_prev, Z[0], cache))
        caches.append(cache)
        outputs[position] = Z
    loss = None
    if number is not None:
        loss, upstream = softmax_cross_entropy(outputs[len(passed) - 1], np.array([number]))
    elif dZ is not None:
        upstream = arguments.upstream(network, dZ)
    else:
        return Trace(network, passed)
    for i, (layer, dZ, dA_prev, gradients) in enumerate(network.backward_steps(upstream, caches), start=1):
        dA_prev = pack_inputs(layer, [d[0] for d in unpack_inputs(dA_prev)])
        passed[-i] = replace(passed[-i], dZ=dZ[0], dA_prev=dA_prev, gradients=gradients)
    return Trace(network, passed, number, loss, backward=True)


class Trace:
    """The result of `trace`. Arrays and positions have no batch axis; a position on one axis may be a number.

    `layers` are the layers' names, followed by "softmax" if the output is a row of logits. `probabilities`
    (classes,) is that softmax, and `loss` the cross-entropy, if a label was given; else None. `gradients` are
    those of the parameters, by name, "conv1.W".
    """

    def __init__(
        self,
        network: Network,
        passed: list[Passed],
        label: int | None = None,
        loss: float | None = None,
        *,
        backward: bool = False,
    ) -> None:
        self.network = network
        self.label, self.loss = label, loss
        self._passed = {p.layer.name: p for p in passed}
        self._backward = backward
        self._last = passed[-1]
        self.probabilities: np.ndarray | None = None
        if network.ends_in_classes:
            self.probabilities = functional.softmax(self._last.Z[np.newaxis])[0]

    @property
    def layers(self) -> list[str]:
        return [*self._passed, *([] if self.probabilities is None else [SOFTMAX])]

    @property
    def gradients(self) -> Mapping[str, np.ndarray]:
        self._needs_backward()
        gradients: Gradients = {
            f"{layer}.{name}": gradient
            for layer, passed in self._passed.items()
            for name, gradient in passed.gradients.items()
        }
        return MappingProxyType(gradients)

    # Whole arrays

    def A_prev(self, layer: str) -> np.ndarray:
        """The layer's input; a tuple of arrays if it merges several."""
        return self._last.Z if self._is_softmax(layer) else self._layer(layer).A_prev

    def A(self, layer: str) -> np.ndarray:
        """The layer's output; for a convolution or a dense layer that is Z."""
        if self._is_softmax(layer):
            assert self.probabilities is not None
            return self.probabilities
        return self._layer(layer).Z

    def dA(self, layer: str) -> np.ndarray:
        """The gradient of the layer's output; for a convolution or a dense layer that is dZ."""
        return self._layer(layer, backward=True).dZ

    def dA_prev(self, layer: str) -> np.ndarray:
        """The gradient of the layer's input; a tuple if it merges several."""
        self._needs_backward()
        return self._last.dZ if self._is_softmax(layer) else self._layer(layer).dA_prev

    # One value

    def forward(self, layer: str, at: int | tuple[int, ...]) -> Step:
        """The sum behind the layer's output at `at`: (h, w, c), or (u,) of a flat layer."""
        position = arguments.position(at, self.A(layer).shape, f"trace of {layer}", "its output")
        if self._is_softmax(layer):
            return self._softmax(position[0])
        passed = self._layer(layer)
        return _tracer(passed.layer).forward(passed, position)

    def backward_input(self, layer: str, at: int | tuple[int, ...]) -> Step:
        """The sum behind the gradient of the layer's input at `at`: (y, x, c), or (k,) of a flat layer.

        If it merges several inputs, the input's number, from 0, comes first: (i, y, x, c).
        """
        self._needs_backward()
        position = arguments.input_position(at, self.A_prev(layer), f"trace of {layer}")
        if self._is_softmax(layer):
            return self._softmax(position[0], backward=True)
        passed = self._layer(layer)
        return _tracer(passed.layer).backward_input(passed, position)

    def backward_weight(self, layer: str, parameter: str, at: int | tuple[int, ...]) -> Step:
        """The sum behind the gradient of a parameter at `at`, for a convolution's "W" (i, j, k, c)."""
        passed = self._layer(layer, backward=True)
        tracer = _tracer(passed.layer)
        if parameter not in passed.gradients or parameter not in tracer.parameters:
            has = ", ".join(passed.gradients) or "no parameters"
            raise ShapeError(mismatch(f"trace of {layer}", f"one of its parameters ({has})", repr(parameter)))
        shape = passed.gradients[parameter].shape
        return tracer.parameters[parameter](
            passed, arguments.position(at, shape, f"trace of {layer}", parameter)
        )

    def backward_bias(self, layer: str, at: int) -> Step:
        """The sum behind the gradient of a bias."""
        return self.backward_weight(layer, "b", at)

    def _softmax(self, k: int, backward: bool = False) -> Softmax:
        Z, A = self._last.Z, self.probabilities
        assert A is not None
        names = tuple(self.network.classes or map(str, range(len(Z))))
        if not backward:
            return values.softmax(Z, A, names, k)
        if self.label is None:
            remedy = "trace(network, image, label=…)"
            raise ShapeError(
                mismatch("trace of softmax", "a label", "dZ, the gradient of the logits", remedy)
            )
        return values.softmax_input(Z, A, self._last.dZ, self.label, names, k)

    def _is_softmax(self, layer: str) -> bool:
        return layer == SOFTMAX and self.probabilities is not None

    def _layer(self, layer: str, backward: bool = False) -> Passed:
        if layer not in self._passed:
            raise ShapeError(mismatch("trace", f"one of {', '.join(self.layers)}", repr(layer)))
        if backward:
            self._needs_backward()
        return self._passed[layer]

    def _needs_backward(self) -> None:
        if not self._backward:
            remedy = "trace(network, image, label=…) also runs backward"
            raise ShapeError(mismatch("trace", "a label or dZ for gradients", "neither", remedy))


def _tracer(layer: Layer) -> Tracer:
    if type(layer) not in TRACERS:
        known = ", ".join(kind.__name__ for kind in TRACERS)
        remedy = "add its tracer to fovea.tracing.TRACERS; A and dA give its whole arrays"
        raise ShapeError(mismatch(layer.who, f"a kind of layer with a tracer ({known})", "none", remedy))
    return TRACERS[type(layer)]
