"""A network made ready to run: a program with its kernels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.kernels import kernel_cache
from fovea.kernels.kernel_cache import Progress
from fovea.kernels.specification import Specification
from fovea.losses import CrossEntropy, Loss
from fovea.network import Network
from fovea.network.outputs import pack_outputs, unpack_outputs
from fovea.network.parameters import Views, views_of
from fovea.stages.base import Step
from fovea.stages.context import Context
from fovea.stages.loss import LossStage
from fovea.stages.program import assemble, specifications


class Plan:
    """Runs `network` on batches of up to `batch_size` pictures; nothing is allocated in a step.

    `training` makes room for the backward pass, which minimises `loss`, by default softmax and cross-entropy.
    `by_input` does so for the gradient of `loss` by the pictures, through a `network.constant()`: as in
    predictions, nothing is drawn and running statistics are used.
    With `any_size`, kernels read the height and width of the pictures at run time, so that a plan for the
    same layers and another size compiles nothing; layers without such kernels are specialised as always.
    `progress(done, total, what)` is called for kernels that have to be compiled; those of `other_kernels`
    are compiled along with the plan's own.

    The network's parameters are read where they lie: change them in place, and the next step sees it. Those
    of a `network.constant()` cannot change, so the plan prepares them for its kernels once. `gradients` is
    flat, as `network.flat` is; `gradient_views` are its
    parts, keyed "conv1.W".

    `parts` are the stages, `inputs` the arrays and steps that load a batch of either type, and `loss` is the
    loss in training. `memory` counts bytes: all arrays of the stages, of which those not needed at the same
    time share memory (memory.py), and the gradients.
    """

    loss: LossStage

    def __init__(
        self,
        network: Network,
        batch_size: int,
        *,
        training: bool = False,
        by_input: bool = False,
        any_size: bool = False,
        loss: Loss | None = None,
        progress: Progress | None = None,
        other_kernels: Sequence[Specification] = (),
    ) -> None:
        self.network, self.batch_size = network, batch_size
        self.context = context = Context(network, batch_size, training, by_input, any_size)
        self.gradients = context.flat_gradients
        programs = assemble(context, (loss or CrossEntropy()) if training or by_input else None)
        self._first, self._last = programs[0], programs[-1]
        self.parts = [part for program in programs for part in program.parts]
        self.inputs, self.memory = self._first.inputs, sum(program.memory for program in programs)
        wanted = [*specifications(programs), *other_kernels]
        if self._last.loss is not None:
            self.loss = self._last.loss
        if training:
            # so that the trained network predicts a picture without compiling
            wanted += [*specifications(assemble(Context(network, 1))), *self.loss.kernels]
        kernels = dict(zip(wanted, kernel_cache.obtain(wanted, progress), strict=True))
        for program in programs:
            program.context.bind(kernels)
        self._backward: list[Step] = [
            step
            for part in reversed(self.parts)
            for steps in (part.upstream, *part.backward.values())
            for step in steps
        ]

    @property
    def gradient_views(self) -> Views:
        return views_of(self.gradients, self.network.layout)

    def predict(self, images: np.ndarray) -> Any:
        """The outputs (N, …) float32 of images (N, H, W, C), uint8 pixels or float32 numbers for the first
        layer; {name: …} if the network's outputs have names."""
        names = self.network.outputs
        outputs = unpack_outputs(names, self.outputs(images))
        return pack_outputs(names, [Z.astype(np.float32) for Z in outputs])

    def outputs(self, images: np.ndarray) -> Any:
        """As `predict`, without copies: the arrays may be overwritten, also by the next run."""
        self._run_forward(images, in_step=False)
        names, count = self.network.outputs, len(images)
        shapes = unpack_outputs(names, self.network.output_shape)
        parts = zip(self._last.outputs, shapes, strict=True)
        return pack_outputs(names, [array.pictures(count).reshape(count, *shape) for array, shape in parts])

    def loss_and_gradients(
        self, images: np.ndarray, targets: Any, *, rng: np.random.Generator | None = None
    ) -> tuple[float, dict[str, float]]:
        """The forward and backward pass of one step: the loss and its sums. Fills `gradients`. Layers that
        draw do so from `rng`.

        `targets` are those of the loss: for cross-entropy labels (N,), −1 for a picture to ignore, or float32
        (N, classes), the share of each class.
        """
        self.context.rng = rng
        return self._forward_and_backward(images, targets, in_step=True)

    def loss_and_input_gradient(self, images: np.ndarray, targets: Any) -> tuple[float, np.ndarray]:
        """The loss and dX (N, H, W, C), its gradient by `images`, which are float32 numbers for the first
        layer. It needs a plan with `by_input`; `targets` are those of the loss."""
        gradient = self._last.input_gradient
        if gradient is None:
            raise ShapeError(mismatch("loss_and_input_gradient", "a plan with by_input", "one without"))
        loss, _ = self._forward_and_backward(images, targets, in_step=False)
        return loss, gradient.pictures(len(images)).reshape(images.shape).copy()

    def _forward_and_backward(
        self, images: np.ndarray, targets: Any, in_step: bool
    ) -> tuple[float, dict[str, float]]:
        self.loss.set_targets(targets, len(images))
        self._run_forward(images, in_step)
        self.loss.run()
        for step in self._backward:
            step()
        return self.loss.result(len(images))

    def _run_forward(self, images: np.ndarray, in_step: bool) -> None:
        count = len(images)
        if images.shape[1:] != self.network.input_shape or not 0 < count <= self.batch_size:
            shape = ", ".join(map(str, self.network.input_shape))
            expected = f"images (N, {shape}) with N from 1 to {self.batch_size}"
            raise ShapeError(mismatch("plan", expected, images.shape))
        first, last, size = self._first, self._last, self._first.context.batch_size
        pixels, load = self.inputs[np.uint8 if images.dtype == np.uint8 else np.float32]
        for start in range(0, count, size):
            chunk = images[start : start + size]
            pixels[: len(chunk)] = chunk
            first.run(len(chunk), in_step, load)
            if first is not last:
                (output,), lanes = first.outputs, last.input.lanes
                groups = -(-len(chunk) // lanes)
                last.input.values[start // lanes :][:groups] = output.values[:groups]
        if first is not last:
            last.run(count, in_step)


def memory_of(
    network: Network, *, by_input: bool = False, any_size: bool = False, loss: Loss | None = None
) -> tuple[int, int]:
    """Bytes of the arrays of a plan for one picture, and of the constant weights that it prepares."""
    context = Context(network, 1, by_input=by_input, any_size=any_size)
    programs = assemble(context, loss)
    return sum(program.memory for program in programs), context.prepared
