"""A network as stages with all their arrays, and the steps of each pass in order."""

from dataclasses import dataclass

import numpy as np

from fovea.kernels import tiles
from fovea.losses import Loss
from fovea.stages.base import Arrays, Gradients, Passes, Stage, Step
from fovea.stages.calls import Array
from fovea.stages.context import Context
from fovea.stages.input import image_size, load
from fovea.stages.join import join
from fovea.stages.loss import LossStage, stage_of
from fovea.stages.memory import lay_out
from fovea.stages.merge import sum_of


@dataclass(frozen=True)
class Part:
    """A stage, its arrays, and the steps that run it on them, in order.

    It has `gradients` and backward steps in training, if anything up to it learns.
    """

    stage: Stage
    arrays: Arrays
    gradients: Gradients | None
    forward: list[Step]
    backward: Passes

    @property
    def passes(self) -> Passes:
        """The steps of each pass that has any: "forward", "dW", "dA", "dW+dA"."""
        return {name: steps for name, steps in {"forward": self.forward, **self.backward}.items() if steps}


@dataclass(frozen=True)
class Program:
    """`inputs` has for uint8 and float32 pictures the array that a batch is copied to, and the steps that
    fill the first stage's input from it. `loss` is there if there is a backward pass, and `input_gradient` if
    it reaches the input. `memory` is in bytes."""

    inputs: dict[type, tuple[np.ndarray, list[Step]]]
    parts: list[Part]
    outputs: list[Array]
    loss: LossStage | None
    input_gradient: Array | None
    memory: int


def assemble(context: Context, loss: Loss | None = None) -> Program:
    """The program for the network of `context`, whose backward pass starts from `loss` if there is one. The
    context then has all its calls; they need their kernels to run."""
    network, training, by_input = context.network, context.training, context.by_input
    small_batch = context.any_size or (not training and tiles.is_small_batch(context.batch_size))
    schedule = join(network, small_batch, training, by_input)
    if loss is not None:
        lanes = stage_of(loss).lanes()
        schedule.outputs = [schedule.in_layout(output, lanes) for output in schedule.outputs]
    size = image_size(network, schedule.lanes[0])
    memory = lay_out(schedule, context.batch_size, size, training, by_input)
    parts = []
    for stage, arrays, gradients, sums in zip(
        schedule.stages, memory.arrays, memory.gradients, memory.sums, strict=True
    ):
        forward = stage.forward(context, arrays)
        backward = stage.backward(context, arrays, gradients) if gradients else {}
        for accumulated, part, total in sums:
            backward.setdefault("dA", []).append(sum_of(context, [accumulated, part], total))
        parts.append(Part(stage, arrays, gradients, forward, backward))
    return Program(
        {kind: load(context, memory.input, kind, memory.images) for kind in (np.uint8, np.float32)},
        parts,
        memory.outputs,
        loss and stage_of(loss)(context, loss, memory.outputs, memory.upstream),
        memory.input_gradient,
        memory.size + context.flat_gradients.nbytes,
    )
