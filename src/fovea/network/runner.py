"""A network on the current engine: `stages.Plan` on Halide, `Layerwise` on the reference.

Both have

    loss, sums = plan.loss_and_gradients(images, targets, rng=None)    fills plan.gradients
    loss, dX = plan.loss_and_input_gradient(images, targets)
    Z = plan.predict(images)

for up to `batch_size` images (N, H, W, C), uint8 pixels or preprocessed floating-point numbers. Z is {name:
Z} if the network's outputs have names.
"""

from collections.abc import Callable, Mapping
from itertools import islice
from math import prod
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fovea import engine, losses
from fovea.layers import Layer

if TYPE_CHECKING:
    from fovea.network import Network


class Answering(Protocol):
    """Predicts: a plan, or `Mirrored`, which averages over mirror images."""

    def predict(self, images: np.ndarray) -> Any:
        """The output (N, …), in a new array."""
        ...


class Plan(Answering, Protocol):
    """Computes the losses, gradients and outputs of a network."""

    gradients: np.ndarray  # flat, in the network's layout

    def loss_and_gradients(
        self, images: np.ndarray, targets: Any, *, rng: np.random.Generator | None = None
    ) -> tuple[float, dict[str, float]]:
        """The loss of a batch, and its sums (`losses.Loss`)."""
        ...

    def loss_and_input_gradient(self, images: np.ndarray, targets: Any) -> tuple[float, np.ndarray]:
        """The loss of a batch of numbers, and its gradient dX by them."""
        ...

    def outputs(self, images: np.ndarray) -> Any:
        """As `predict`, in arrays that may be overwritten, also by the next run."""
        ...


def plan(
    network: "Network",
    batch_size: int,
    *,
    training: bool = False,
    by_input: bool = False,
    any_size: bool = False,
    loss: losses.Loss | None = None,
    progress: Callable[[int, int, str], object] | None = None,
) -> Plan:
    """The plan that runs `network` on the current engine, and computes gradients by its parameters in
    `training`, or `by_input`; with `any_size` by kernels that serve pictures of every size.
    `progress(done, total, what)` reports compiling."""
    if engine.current() == "reference":
        return Layerwise(network, loss, training=training)
    from fovea import stages

    how: dict[str, Any] = {"training": training, "by_input": by_input, "any_size": any_size}
    return stages.Plan(network, batch_size, loss=loss, progress=progress, **how)


def memory_of(
    network: "Network", *, by_input: bool = False, any_size: bool = False, loss: losses.Loss | None = None
) -> tuple[int, int]:
    """Bytes of a plan's arrays for one picture, and of the constant weights that it prepares; without making
    the plan."""
    if engine.current() == "reference":
        return 3 * 4 * sum(map(prod, network.shapes)), 0  # outputs, caches and gradients
    from fovea import stages

    return stages.memory_of(network, by_input=by_input, any_size=any_size, loss=loss)


def prediction_plan(network: "Network", batch_size: int, softmax: bool, kept: dict[bool, Any]) -> Plan:
    """The plan for predictions. On Halide it is looked up or stored in `kept`: one for small batches (True)
    and one for large ones (False).

    With `softmax`, its kernel is compiled in parallel with the plan's.
    """
    if engine.current() == "reference":
        return Layerwise(network, training=False)
    from fovea import stages
    from fovea.kernels import tiles
    from fovea.kernels.activation import softmax_of

    small = tiles.is_small_batch(batch_size)
    if small not in kept or kept[small].batch_size < batch_size:
        others = [softmax_of(network.output_shape[0])] if softmax else []
        kept[small] = stages.Plan(network, batch_size, other_kernels=others)
    return kept[small]


def compile_layers(network: "Network", progress: Callable[[int, int, str], object] | None = None) -> None:
    """Compile in parallel the missing kernels of `network.forward` and `network.backward`, which otherwise
    are compiled one by one when they are first called. `progress` is as for `plan`."""

    def both() -> None:
        Z, caches = network.forward(np.zeros((1, *network.input_shape), np.float32))
        network.backward(Z, caches)

    compile_operations(both, progress)


def compile_operations(
    calls: Callable[[], object], progress: Callable[[int, int, str], object] | None = None
) -> None:
    """Compile in parallel the missing kernels of the operations that `calls` calls; none of them runs, and
    their outputs are arbitrary."""
    if engine.current() == "reference":
        return
    from fovea.kernels import call, kernel_cache

    with call.listed() as specifications, np.errstate(all="ignore"):
        calls()
    kernel_cache.obtain(specifications, progress)


class Layerwise:
    """One layer after another, as `network.forward` and `network.backward` do."""

    def __init__(self, network: "Network", loss: losses.Loss | None = None, *, training: bool = True) -> None:
        self.network, self.loss = network, loss or losses.CrossEntropy()
        if training:
            self.loss.check(network.output_shape)
        self.gradients = np.zeros_like(network.flat) if training else np.empty(0, np.float32)

    def predict(self, images: np.ndarray) -> Any:
        Z, _ = self.network.forward(self._input(images))
        return Z

    outputs = predict

    def loss_and_gradients(
        self, images: np.ndarray, targets: Any, *, rng: np.random.Generator | None = None
    ) -> tuple[float, dict[str, float]]:
        Z, caches = self.network.forward(self._input(images), training=True, rng=rng)
        self.network.update(caches)
        loss, dZ = self.loss(Z, targets)
        lowest = min(
            (n for n, layer in enumerate(self.network.layers) if _learns(layer)), default=len(caches)
        )
        back = self.network.backward_steps(dZ, caches)
        for layer, _, _, own in islice(back, len(caches) - lowest):  # below, nothing learns
            if _learns(layer):
                for name, gradient in own.items():
                    offset, shape = self.network.layout[f"{layer.name}.{name}"]
                    self.gradients[offset : offset + prod(shape)] = gradient.reshape(-1)
        return float(loss), self.loss.sums(Z, targets)

    def loss_and_input_gradient(self, images: np.ndarray, targets: Any) -> tuple[float, np.ndarray]:
        Z, caches = self.network.forward(images)
        loss, dZ = self.loss(Z, targets)
        dX, _ = self.network.backward(dZ, caches)
        return float(loss), dX

    def _input(self, images: np.ndarray) -> np.ndarray:
        return self.network.preprocessing.apply(images) if images.dtype == np.uint8 else images


class Mirrored:
    """Predicts with `plan` the mean of the outputs for each picture and for its mirror image, left and right
    swapped. Where left and right mean nothing, it is a little more often right, in twice the time."""

    def __init__(self, plan: Answering) -> None:
        self.plan = plan

    def predict(self, images: np.ndarray) -> Any:
        Z, mirrored = self.plan.predict(images), self.plan.predict(np.ascontiguousarray(images[:, :, ::-1]))
        if isinstance(Z, Mapping):
            return {name: (Z[name] + mirrored[name]) / 2 for name in Z}
        return (Z + mirrored) / 2


def _learns(layer: Layer) -> bool:
    return bool(layer.parameters) and not layer.frozen
