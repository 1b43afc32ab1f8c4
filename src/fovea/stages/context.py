"""The data shared by all stages of a plan: the network, the batch of the moment, and their calls."""

from collections.abc import Iterable, Mapping
from ctypes import c_int32
from math import prod
from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.geometry import Pair
from fovea.kernels import buffers
from fovea.kernels.choice import Choice, Prepacked
from fovea.kernels.kernel_cache import Kernel
from fovea.kernels.problem import ANY_SIZE
from fovea.kernels.specification import Specification
from fovea.network import Network
from fovea.network.parameters import by_layer, views_of
from fovea.stages.calls import Call, Input, View


class Context:
    """For batches of up to `batch_size` pictures. There is a backward pass in `training`, to the parameters,
    and with `by_input`, to the network's input; the latter needs a constant network. With `any_size`, kernels
    read the pictures' height and width at run time.

    `parameters`, `statistics` and `gradients` are the arrays of each layer: "conv1" → "W" → array. The
    gradients are views of `flat_gradients`, laid out as `network.flat`. Of the batch of the moment: `count`,
    its pictures; `in_step`, whether the network learns from it; and `rng`, for layers that draw.
    """

    def __init__(
        self,
        network: Network,
        batch_size: int,
        training: bool = False,
        by_input: bool = False,
        any_size: bool = False,
    ) -> None:
        self.network, self.batch_size, self.training, self.by_input = network, batch_size, training, by_input
        self.any_size = any_size
        self.constant = not network.memory.flags.writeable
        if training and self.constant:
            remedy = "train the network that it is a copy of"
            raise ShapeError(mismatch("plan", "a network that can learn", "a constant one", remedy))
        if by_input and (training or not self.constant):
            remedy = "make one by network.constant()"
            raise ShapeError(mismatch("plan: by_input", "a constant network", "one that can learn", remedy))
        if training and any_size:
            remedy = "train on pictures of one size"
            raise ShapeError(mismatch("plan: any_size", "predictions, or by_input", "training", remedy))
        self.parameters, self.statistics = by_layer(network.parameters), by_layer(network.statistics)
        self.flat_gradients = buffers.zeros(network.flat.shape if training else (0,))
        self.gradients = by_layer(views_of(self.flat_gradients, network.layout)) if training else {}
        self.count = c_int32(0)
        self.in_step = False
        self.rng: np.random.Generator | None = None
        self.calls: list[Call] = []
        self._precomputing: list[Call] = []
        self.prepared = 0  # bytes of the constant weights that kernels read
        self._packed: dict[Any, np.ndarray] = {}

    def call(
        self,
        operation: str | Choice,
        inputs: Mapping[str, Input | None],
        outputs: Mapping[str, View | np.ndarray | None],
        **arguments: object,
    ) -> Call:
        """A `Call` that follows the size of the batch; `bind` gives it its kernel."""
        self.calls.append(Call(operation, inputs, outputs, **arguments))
        return self.calls[-1]

    def size(self, height: int, width: int) -> tuple[Pair, dict[str, c_int32]]:
        """A picture's size in the specification of a kernel that reads it at run time with `any_size`, and
        the numbers that are then among the kernel's inputs."""
        if not self.any_size:
            return (height, width), {}
        return ANY_SIZE, {"height": c_int32(height), "width": c_int32(width)}

    def pixels(self, pixels: int) -> tuple[int, dict[str, c_int32]]:
        """The same for a kernel that only needs the number of pixels."""
        return (0, {"pixels": c_int32(pixels)}) if self.any_size else (pixels, {})

    def precompute(self, weights: np.ndarray, prepacked: Prepacked) -> np.ndarray:
        """Constant `weights` as a kernel reads them, float32; `bind` fills the array, unless another plan
        already has."""
        key = weights.ctypes.data, prepacked.operation, tuple(sorted(prepacked.arguments.items()))
        packed = self.network.prepacked.get(key)
        self.prepared += 4 * prod(prepacked.shape)
        if packed is not None:
            return packed
        packed = self._packed[key] = buffers.empty(prepacked.shape)
        given = {"W": weights.reshape(prepacked.filters_shape)}
        call = self.call(prepacked.operation, given, {"prepacked": packed}, **prepacked.arguments)
        self._precomputing.append(call)
        return packed

    @property
    def specifications(self) -> Iterable[Specification]:
        """Those of the kernels of all calls."""
        return [call.specification for call in self.calls]

    def bind(self, kernels: Mapping[Specification, Kernel]) -> None:
        """Give each call its kernel, and run those that precompute."""
        for call in self.calls:
            call.kernel = kernels[call.specification]
        for call in self._precomputing:
            call()
        self.network.prepacked.update(self._packed)

    def begin(self, count: int, in_step: bool) -> None:
        """Let all calls see a batch of `count` pictures."""
        self.in_step = in_step
        if count != self.count.value:
            self.count.value = count
            for call in self.calls:
                call.resize(count)
