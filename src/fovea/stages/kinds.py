"""The kinds of stages. Each is built from neighbouring layers, and prepares the calls that run them.

A stage knows its shapes and its layout; `forward` and `backward` return functions without arguments, to be
called in order, on the arrays that the plan gives it:

    A_prev ──forward──▶ A            dA_prev ◀──backward── dA

`dA_prev` is None for the first stage that learns: nobody asks what the pictures' gradient is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fovea.kernels import algorithms, buffers, tiles
from fovea.kernels.specification import specify
from fovea.layers import AveragePool2D, Conv2D, Dense, GlobalAveragePool2D, Layer, MaxPool2D, ReLU
from fovea.layers.base import Shape
from fovea.stages.calls import Array, View

if TYPE_CHECKING:
    from fovea.stages.plan import Plan

Step = Callable[[], None]

_NHWC = 1
_WINDOW = 4  # a pooling window of more positions would not leave registers for the sums


class Stage:
    """Neighbouring `layers` that run as one; shapes are (H, W, C) or (n,)."""

    lanes: int  # the layout of both its arrays
    leads: ClassVar[tuple[type[Layer], ...]] = ()  # the layers that it can begin with

    def __init__(
        self, layers: Sequence[Layer], input_shape: Shape, lanes: int, first: bool, few: bool
    ) -> None:
        """`lanes` is the layout of what comes in; a stage that wants another says so in `self.lanes`. `first`
        says that nothing before it learns, `few` that there will be but few pictures at once."""
        self.layers, self.input_shape, self.lanes = layers, input_shape, lanes
        self.output_shape = input_shape
        for layer in layers:
            self.output_shape = layer.output_shape(self.output_shape)

    @classmethod
    def takes(cls, layers: Sequence[Layer], input_shape: Shape) -> int:
        """How many of `layers`, from the first, it can run as one; the first is one of `leads`."""
        return 1

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        raise NotImplementedError

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        raise NotImplementedError


def _follows(kind: type[Layer], layers: Sequence[Layer], place: int) -> bool:
    return place < len(layers) and type(layers[place]) is kind


def _parameters(layer: Layer, arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """A layer's W and, where it has one, b, out of arrays keyed "conv1.W"; W as the kernels see it."""
    return [arrays[key] for key in (f"{layer.name}.W", f"{layer.name}.b") if key in arrays]


class ConvStage(Stage):
    """Convolution, then perhaps ReLU, then perhaps max-pooling with windows side by side.

    Which algorithm computes each pass is chosen in kernels/algorithms.py.
    """

    leads = (Conv2D,)

    def __init__(
        self, layers: Sequence[Layer], input_shape: Shape, lanes: int, first: bool, few: bool
    ) -> None:
        super().__init__(layers, input_shape, lanes, first, few)
        conv = layers[0]
        assert isinstance(conv, Conv2D)
        self.H, self.W, self.C = input_shape
        self.K, self.window = conv.filters, conv.window(input_shape)
        lanes_of_many = tiles.lanes(self.K if first else self.C, self.K)
        self.lanes = _NHWC if few else lanes_of_many
        self.direct = lanes_of_many > 1  # then few pictures are, too, so that they get the same bits
        self.relu = any(type(layer) is ReLU for layer in layers)
        pool = layers[-1]
        self.pool = (
            pool.window(conv.output_shape(input_shape)).size if isinstance(pool, MaxPool2D) else (1, 1)
        )
        self.pooled = isinstance(pool, MaxPool2D)
        self.after = "+".join(name for name, has in (("relu", self.relu), ("pool", self.pooled)) if has)
        self.shape = {
            "window": astuple(self.window),
            "channels": self.C,
            "filters": self.K,
            "lanes": self.lanes,
        }
        self.bias = conv.bias
        self.winners: Array | None = None

    @classmethod
    def takes(cls, layers: Sequence[Layer], input_shape: Shape) -> int:
        count = 1 + _follows(ReLU, layers, 1)
        return count + (_follows(MaxPool2D, layers, count) and cls._can_pool(layers, input_shape, count))

    @staticmethod
    def _can_pool(layers: Sequence[Layer], input_shape: Shape, place: int) -> bool:
        pool = layers[place].window(layers[0].output_shape(input_shape))
        assert pool is not None
        return pool.size == pool.stride and not any(pool.pads) and pool.size[0] * pool.size[1] <= _WINDOW

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        outputs = [A.seen_as(*self.output_shape)]
        if plan.training and self.pooled:
            self.winners = Array(buffers.zeros(A.values.shape, np.uint8))
            outputs.append(self.winners.seen_as(*self.output_shape))
        chosen = algorithms.forward(self.window, self.K, self.C, self.pool, self.lanes, self._precision(plan))
        specification = specify(
            chosen.operation,
            **self.shape,
            bias=self.bias,
            relu=self.relu,
            pool=self.pool,
            winners=self.winners is not None,
            tile=tuple(chosen.tile),
        )
        weights, *b = _parameters(self.layers[0], plan.network.parameters)
        rows = A_prev.seen_as(self.H, self.W * self.C)
        return [plan.call(specification, [rows], [_seen_by(chosen, weights), *b], outputs=outputs)]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        W, dW = plan.network.parameters, plan.gradient_views
        weights, (dweights, *db) = _parameters(self.layers[0], W)[0], _parameters(self.layers[0], dW)
        upstream = [dA.seen_as(*self.output_shape)]
        if self.pooled:
            assert self.winners is not None
            upstream.append(self.winners.seen_as(*self.output_shape))
        elif self.relu:
            upstream.append(A.seen_as(*self.output_shape))
        shape = {**self.shape, "after": self.after, "pool": self.pool}
        asked = self.window, self.K, self.C, self.lanes, self._precision(plan)
        chosen = algorithms.weights(*asked)
        specification = specify(chosen.operation, **shape, bias=self.bias, tile=tuple(chosen.tile))
        rows = A_prev.seen_as(self.H, self.W * self.C)
        steps: list[Step] = [
            plan.call(specification, [rows, *upstream], gradients=[_seen_by(chosen, dweights), *db])
        ]
        if dA_prev is not None:
            chosen = algorithms.inputs(*asked)
            specification = specify(chosen.operation, **shape, tile=tuple(chosen.tile))
            steps.append(
                plan.call(specification, upstream, [weights], outputs=[dA_prev.seen_as(*self.input_shape)])
            )
        return steps

    def _precision(self, plan: "Plan") -> str:
        conv = self.layers[0]
        assert isinstance(conv, Conv2D)
        return "exact" if self.direct else conv.precision or plan.network.precision


def _seen_by(chosen: algorithms.Choice, W: np.ndarray) -> np.ndarray:
    """Filters or their gradient: the direct kernels see a window's row as one run of numbers."""
    f_H, f_W, C, K = W.shape
    return W if chosen.is_winograd else W.reshape(f_H, f_W * C, K)


class DenseStage(Stage):
    """A fully connected layer, then perhaps ReLU; with pictures side by side unless they are few."""

    leads = (Dense,)

    def __init__(
        self, layers: Sequence[Layer], input_shape: Shape, lanes: int, first: bool, few: bool
    ) -> None:
        super().__init__(layers, input_shape, lanes, first, few)
        dense = layers[0]
        assert isinstance(dense, Dense)
        self.lanes, self.relu, self.bias = _NHWC if few else tiles.vector(), len(layers) > 1, dense.bias
        (self.n_in,), (self.n_out,) = input_shape, self.output_shape
        self.shape = {"n_in": self.n_in, "n_out": self.n_out, "lanes": self.lanes}

    @classmethod
    def takes(cls, layers: Sequence[Layer], input_shape: Shape) -> int:
        return 1 + _follows(ReLU, layers, 1)

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        tile = tiles.dense(self.n_out)
        vector = tiles.vector()
        specification = specify(
            "dense.forward", **self.shape, bias=self.bias, relu=self.relu, tile=tile, vector=vector
        )
        parameters = _parameters(self.layers[0], plan.network.parameters)
        return [
            plan.call(specification, [A_prev.seen_as(self.n_in)], parameters, outputs=[A.seen_as(self.n_out)])
        ]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        upstream = [array.seen_as(1, 1, self.n_out) for array in ((dA, A) if self.relu else (dA,))]
        shape = {**self.shape, "after": "relu" if self.relu else "", "tile": tiles.dense(self.n_in)}
        specification = specify("dense.weights", **shape, bias=self.bias, vector=tiles.vector())
        gradients = _parameters(self.layers[0], plan.gradient_views)
        steps: list[Step] = [
            plan.call(specification, [A_prev.seen_as(self.n_in), *upstream], gradients=gradients)
        ]
        if dA_prev is not None:
            W = _parameters(self.layers[0], plan.network.parameters)[0]
            specification = specify("dense.inputs", **shape)
            steps.append(plan.call(specification, upstream, [W], outputs=[dA_prev.seen_as(self.n_in)]))
        return steps


class ReluStage(Stage):
    """ReLU where it follows something that cannot take it along."""

    leads = (ReLU,)

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        specification = specify("elementwise.relu", vector=tiles.vector())
        return [plan.call(specification, [A_prev.as_runs()], outputs=[A.as_runs()])]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        if dA_prev is None:
            return []
        specification = specify("elementwise.relu_backward", vector=tiles.vector())
        return [plan.call(specification, [dA.as_runs(), A.as_runs()], outputs=[dA_prev.as_runs()])]


class PoolStage(Stage):
    """Pooling of any kind that a convolution does not take along."""

    leads = (MaxPool2D, AveragePool2D, GlobalAveragePool2D)

    def __init__(
        self, layers: Sequence[Layer], input_shape: Shape, lanes: int, first: bool, few: bool
    ) -> None:
        super().__init__(layers, input_shape, lanes, first, few)
        (layer,) = layers
        window = layer.window(input_shape)
        assert window is not None
        self.C = input_shape[2]
        self.shape_A = (*window.output, self.C)
        self.kind = "maximum" if isinstance(layer, MaxPool2D) else "average"
        count = {"count_include_pad": getattr(layer, "count_include_pad", False)}
        self.shape = {"window": astuple(window), "channels": self.C, "vector": tiles.vector()}
        self.shape |= count if self.kind == "average" else {}

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        specification = specify(f"pool.{self.kind}", **self.shape, lanes=self.lanes)
        inputs, outputs = [A_prev.seen_as(*self.input_shape)], [A.seen_as(*self.shape_A)]
        return [plan.call(specification, inputs, outputs=outputs)]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        if dA_prev is None:
            return []
        specification = specify(f"pool.{self.kind}_backward", **self.shape, lanes=self.lanes)
        inputs = [dA.seen_as(*self.shape_A)]
        if self.kind == "maximum":
            inputs.append(A_prev.seen_as(*self.input_shape))
        return [plan.call(specification, inputs, outputs=[dA_prev.seen_as(*self.input_shape)])]


class RelayoutStage(Stage):
    """From one layout to another, and the gradient back."""

    def __init__(self, input_shape: Shape, lanes_in: int, lanes: int) -> None:
        super().__init__((), input_shape, lanes, first=False, few=False)
        self.lanes_in = lanes_in

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        return [_relayout(plan, self.input_shape, A_prev, A)]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        return [] if dA_prev is None else [_relayout(plan, self.input_shape, dA, dA_prev)]


def _relayout(plan: "Plan", shape: Shape, source: Array, target: Array) -> Step:
    H, W, C = shape if len(shape) == 3 else (1, 1, *shape)
    size = {"channels": C, "width": W, "height": H}
    inputs, outputs = [source.seen_as(H, W, C)], [target.seen_as(H, W, C)]
    if source.lanes > 1:
        return plan.call(specify("layout.unpack", **size, lanes=source.lanes), inputs, outputs=outputs)
    specification = specify("layout.pack", **size, lanes=target.lanes, kind="f32", vector=tiles.vector())
    return plan.call(specification, inputs, numbers=[plan.count], outputs=outputs)


class LayerStage(Stage):
    """Any other layer, run as it is on NHWC arrays: Dropout, and the layers that people write."""

    def __init__(
        self, layers: Sequence[Layer], input_shape: Shape, lanes: int, first: bool, few: bool
    ) -> None:
        super().__init__(layers, input_shape, lanes, first, few)
        self.lanes = _NHWC
        (self.layer,) = layers
        self._cache: object = None

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        def run() -> None:
            X = A_prev.pictures(plan.count.value).reshape(-1, *self.input_shape)
            Z, self._cache = self.layer.forward(X, training=plan.in_step, rng=plan.rng)
            A.pictures(plan.count.value)[...] = Z.reshape(len(X), -1)

        return [run]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        def run() -> None:
            dZ = dA.pictures(plan.count.value).reshape(-1, *self.output_shape)
            dX, gradients = self.layer.backward(dZ, self._cache)
            self._cache = None
            for name, gradient in gradients.items():
                plan.gradient_views[f"{self.layer.name}.{name}"][...] = gradient
            if dA_prev is not None:
                dA_prev.pictures(plan.count.value)[...] = dX.reshape(len(dX), -1)

        return [run]


class LossStage:
    """Softmax and cross-entropy: the logits in, their gradient out, and each picture's loss and hit."""

    def __init__(self, plan: "Plan", classes: int, Z: Array, dZ: Array) -> None:
        L, groups = tiles.vector(), len(Z.values)
        self._labels = buffers.empty((groups, L), np.int32)
        self._losses, self._hits = buffers.zeros((groups, L)), buffers.zeros((groups, L), np.int32)
        outputs = [dZ.seen_as(classes), View(self._losses, L), View(self._hits, L)]
        inputs = [Z.seen_as(classes), View(self._labels, L)]
        specification = specify("classes.cross_entropy", classes=classes, lanes=L)
        self.run = plan.call(specification, inputs, numbers=[plan.inverse_count], outputs=outputs)

    def set_labels(self, labels: np.ndarray) -> None:
        flat = self._labels.reshape(-1)
        flat[: len(labels)] = labels
        flat[len(labels) :] = -1  # the last group's empty places

    def result(self, count: int, labelled: int) -> tuple[float, int]:
        """The mean loss over the labelled pictures, and how many of them were right."""
        losses, hits = self._losses.reshape(-1)[:count], self._hits.reshape(-1)[:count]
        return float(losses.sum(dtype=np.float64)) / max(labelled, 1), int(hits.sum())


KINDS: tuple[type[Stage], ...] = (ConvStage, DenseStage, ReluStage, PoolStage)
