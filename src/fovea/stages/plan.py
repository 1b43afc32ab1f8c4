"""A network made ready to run: its stages, all the memory they need, and their calls in order."""

from collections.abc import Mapping, Sequence
from ctypes import c_int32
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fovea.errors import ShapeError, mismatch
from fovea.kernels import buffers, kernel_cache, tiles
from fovea.kernels.choice import Prepacked
from fovea.kernels.kernel_cache import Progress
from fovea.kernels.specification import Specification
from fovea.losses import CrossEntropy, Loss
from fovea.network import Network
from fovea.network.outputs import joined, parted
from fovea.network.parameters import views_of
from fovea.stages.base import Stage, Step
from fovea.stages.calls import Array, Call
from fovea.stages.intake import image_size, intake
from fovea.stages.join import Row, join
from fovea.stages.loss import LossStage, stage_of
from fovea.stages.memory import Memory, lay_out
from fovea.stages.merge import sum_of


@dataclass
class Part:
    """One stage in a plan: its arrays, and the steps that run it on them, in order.

    Where the plan trains and something up to here learns, `dA` is A's gradient, and `dA_prev` is A_prev's, if
    anybody asks for it. What a stage takes in beside A_prev is in `stage.beside`.
    """

    stage: Stage
    A_prev: Array
    A: Array
    forward: list[Step]
    dA: Array | None = None
    dA_prev: Array | None = None
    backward: list[Step] = field(default_factory=list)

    def passes(self) -> dict[str, list[Step]]:
        """The steps of each pass: "forward", "dW" (the parameters' gradients), "dA" (the input's), and
        "dW+dA" where a step gives both."""
        passes = {"forward": self.forward}
        for step in self.backward:
            given = step.gives if isinstance(step, Call) else "dW+dA"
            passes.setdefault(given, []).append(step)
        return passes


class Plan:
    """Runs `network` on batches of up to `batch_size` pictures; nothing is allocated in a step.

    `training` makes room for what the backward pass needs; what it makes small is `loss`, by default softmax
    and cross-entropy. `progress(done, total, what)` hears of kernels that had to be compiled; those of
    `beside` are compiled along with the plan's own. The network's
    parameters are read where they lie: change them in place, and the next step sees it; unless it is a
    `network.constant()`, of whose weights the plan makes once what kernels would make of them at each call.
    `gradients` is flat, as `network.flat` is.

    `parts` shows the stages, `inputs` what takes in a batch of either type, and `loss` what follows the last
    stage in training. `memory` counts bytes: all arrays of the stages, of which those not needed at the same
    time share memory (memory.py), and the gradients.
    """

    loss: LossStage

    def __init__(
        self,
        network: Network,
        batch_size: int,
        *,
        training: bool = False,
        loss: Loss | None = None,
        progress: Progress | None = None,
        beside: Sequence[Specification] = (),
    ) -> None:
        self._loss = loss or CrossEntropy()
        self._lay_out(network, batch_size, training)
        wanted = [*self._specifications(), *beside]
        if training:  # so that predicting a picture with what was learned needs no other kernel
            single = Plan.__new__(Plan)
            single._lay_out(network, 1, training=False)
            wanted += [*single._specifications(), *self.loss.kernels]
        kernels = kernel_cache.obtain(wanted, progress)
        for call, kernel in zip(self._calls, kernels, strict=False):
            call.kernel = kernel
        for call in self._once:
            call()

    def _lay_out(self, network: Network, batch_size: int, training: bool) -> None:
        self.network, self.batch_size, self.training = network, batch_size, training
        self.constant = not network.memory.flags.writeable
        if training and self.constant:
            remedy = "train the network that it is a copy of"
            raise ShapeError(mismatch("plan", "a network that can learn", "a constant one", remedy))
        self.gradients = buffers.zeros(network.flat.shape if training else (0,))
        self.gradient_views = views_of(self.gradients, network.layout) if training else {}
        self.count = c_int32(0)  # pictures in the batch
        self.in_step = False  # whether the batch is learned from
        self.rng: np.random.Generator | None = None
        self._calls: list[Call] = []
        self._once: list[Call] = []

        row = join(network, not training and tiles.is_small_batch(batch_size), training)
        if training:
            row.outputs = [row.in_layout(j, stage_of(self._loss).lanes()) for j in row.outputs]
        learning = row.learning()
        learning[-1] = True  # the loss has a gradient, whoever asks for it
        memory = lay_out(
            row,
            batch_size,
            image_size(network, row.lanes[0]),
            learning if training else [False] * len(learning),
        )
        self.memory = memory.size + self.gradients.nbytes
        arrays = memory.activations
        self.inputs = {kind: intake(self, arrays[0], kind, memory.images) for kind in (np.uint8, np.float32)}
        self.parts = []
        for stage, sources, A, notes in zip(row.stages, row.sources, arrays[1:], memory.notes, strict=True):
            A_prev, *beside = (arrays[source] for source in sources)
            stage.noted, stage.beside = notes, tuple(beside)
            self.parts.append(Part(stage, A_prev, A, stage.forward(self, A_prev, A)))
        self._forward = [step for part in self.parts for step in part.forward]
        self._outputs = [arrays[j] for j in row.outputs]
        if training:
            self._backward = self._backwards(row, memory)

    def _specifications(self) -> list[Specification]:
        return [call.specification for call in self._calls]

    def predict(self, images: np.ndarray) -> Any:
        """The logits (N, …) float32 of images (N, H, W, C): uint8 pixels, or float32 as the network
        takes it; {name: …} where its outputs have names."""
        self._begin(images, in_step=False)
        names, count = self.network.outputs, len(images)
        shapes = parted(names, self.network.output_shape)
        found = [
            array.pictures(count).reshape(count, *shape).astype(np.float32)
            for array, shape in zip(self._outputs, shapes, strict=True)
        ]
        return joined(names, found)

    def loss_and_gradients(
        self, images: np.ndarray, targets: Any, *, rng: np.random.Generator | None = None
    ) -> tuple[float, dict[str, float]]:
        """One step's forward and backward pass: the loss and its sums. Fills `gradients`. Layers that draw
        do so from `rng`.

        `targets` are what the loss takes: for cross-entropy labels (N,), with −1 for a picture to leave out,
        or float32 (N, classes), the share of each class.
        """
        self.rng = rng
        self.loss.set_targets(targets, len(images))
        self._begin(images, in_step=True)
        self.loss.run()
        for step in self._backward:
            step()
        return self.loss.result(len(images))

    def call(self, operation: str, inputs: Mapping, outputs: Mapping, **more) -> Call:
        """A `Call` that follows the size of the batch; its kernel is compiled with all the others."""
        call = Call(operation, inputs, outputs, **more)
        self._calls.append(call)
        return call

    def made_once(self, weights: np.ndarray, prepacked: Prepacked) -> np.ndarray:
        """What a kernel will have made of constant `weights` when the plan is ready: float32."""
        made = buffers.empty(prepacked.shape)
        given = {"W": weights.reshape(prepacked.takes)}
        self._once.append(self.call(prepacked.operation, given, {"prepacked": made}, **prepacked.arguments))
        return made

    def _begin(self, images: np.ndarray, in_step: bool) -> None:
        """Take in a batch and run it forward."""
        count = len(images)
        if images.shape[1:] != self.network.input_shape or not 0 < count <= self.batch_size:
            shape = ", ".join(map(str, self.network.input_shape))
            expected = f"images (N, {shape}) with N from 1 to {self.batch_size}"
            raise ShapeError(mismatch("plan", expected, images.shape))
        pixels, load = self.inputs[np.uint8 if images.dtype == np.uint8 else np.float32]
        pixels[:count] = images
        self.in_step = in_step
        if count != self.count.value:
            self.count.value = count
            for call in self._calls:
                call.resize(count)
        for step in load:
            step()
        for step in self._forward:
            step()

    def _backwards(self, row: Row, memory: Memory) -> list[Step]:
        """The steps of the backward pass, from the loss to the first stage that learns."""
        upstream = [memory.upstream.get(j) for j in row.outputs]
        self.loss = stage_of(self._loss)(self, self._loss, self._outputs, upstream)
        steps: list[Step] = []
        for i, part in reversed(list(enumerate(self.parts))):
            dA = memory.gradients[i + 1]
            if dA is None:
                continue
            slots = [(i, slot) for slot in range(len(row.sources[i]))]
            own = [memory.parts.get(slot) or memory.targets.get(slot) for slot in slots]
            part.stage.begun = tuple(memory.begun.get(slot) for slot in slots)
            part.dA, part.dA_prev, part.stage.dbeside = dA, own[0], tuple(own[1:])
            back = part.stage.backward(self, part.A_prev, part.A, dA, part.dA_prev)
            frozen = all(layer.frozen for layer in part.stage.layers if layer.parameters)
            part.backward = [step for step in back if not (frozen and _of_parameters(step))]
            for slot in slots:
                if slot in memory.parts:
                    begun, target = memory.begun[slot], memory.targets[slot]
                    part.backward.append(sum_of(self, [begun, memory.parts[slot]], target))
            steps += part.backward
        return steps


def _of_parameters(step: Step) -> bool:
    """Whether it computes nothing but the gradients of parameters."""
    return isinstance(step, Call) and step.gives == "dW"
