"""A network as stages with all their arrays, and the steps of each pass in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from fovea.kernels import tiles
from fovea.kernels.specification import Specification
from fovea.losses import Loss
from fovea.stages.base import Arrays, Gradients, Passes, Stage, Step
from fovea.stages.calls import Array
from fovea.stages.chunks import split
from fovea.stages.context import Context
from fovea.stages.input import image_size, load
from fovea.stages.join import Schedule, join
from fovea.stages.loss import LossStage, stage_of
from fovea.stages.memory import lay_out
from fovea.stages.merge import sum_of


@dataclass(frozen=True)
class Part:
    """A stage, its arrays, and the steps that run it on them, in order.

    It has `gradients` and backward steps in training, if anything up to it learns. A batch runs it `turns`
    times, once for each chunk of pictures.
    """

    stage: Stage
    arrays: Arrays
    gradients: Gradients | None
    forward: list[Step]
    backward: Passes
    turns: int = 1
    upstream: Sequence[Step] = ()  # of a late loss: they write gradients that `backward` reads

    @property
    def passes(self) -> Passes:
        """The steps of each pass that has any: "forward", "dW", "dA", "dW+dA"."""
        return {name: steps for name, steps in {"forward": self.forward, **self.backward}.items() if steps}


@dataclass(frozen=True)
class Program:
    """Stages that run together. `inputs` has for uint8 and float32 pictures the array that a batch is copied
    to, and the steps that fill `input` from it; it is empty if other stages come before. `loss` is there if
    there is a backward pass, and `input_gradient` if it reaches the input. `memory` is in bytes."""

    context: Context
    inputs: dict[type, tuple[np.ndarray, list[Step]]]
    input: Array
    parts: list[Part]
    outputs: list[Array]
    loss: LossStage | None
    input_gradient: Array | None
    memory: int

    def run(self, count: int, in_step: bool, load: Sequence[Step] = ()) -> None:
        """The forward pass for `count` pictures, after the steps that load them."""
        self.context.begin(count, in_step)
        for step in load:
            step()
        for step in self._forward:
            step()

    @cached_property
    def _forward(self) -> list[Step]:
        return [step for part in self.parts for step in part.forward]


def specifications(programs: Sequence[Program]) -> list[Specification]:
    """Those of the kernels of all calls."""
    return [specification for program in programs for specification in program.context.specifications]


def assemble(context: Context, loss: Loss | None = None) -> list[Program]:
    """The programs for the network of `context`, whose backward pass starts from `loss` if there is one.
    Predictions in chunks (chunks.py) have two: the output of the first is the input of the second. Each
    program's context then has all its calls; they need their kernels to run."""
    network, training, by_input = context.network, context.training, context.by_input
    small_batch = context.any_size or tiles.is_small_batch(context.batch_size)
    schedule = join(network, small_batch, training, by_input)
    if loss is not None:
        lanes = stage_of(loss).lanes()
        schedule.outputs = [schedule.in_layout(output, lanes) for output in schedule.outputs]
        return [_program(context, schedule, loss)]
    chunks = split(schedule, context.batch_size)
    if chunks is None:
        return [_program(context, schedule)]
    chunk = Context(network, chunks.size, any_size=context.any_size)
    turns = -(-context.batch_size // chunks.size)
    return [_program(chunk, chunks.first, turns=turns), _program(context, chunks.rest, pictures=False)]


def _program(
    context: Context, schedule: Schedule, loss: Loss | None = None, *, pictures: bool = True, turns: int = 1
) -> Program:
    """The program of `schedule`, which starts from `pictures` or from another program's output."""
    network, training, by_input = context.network, context.training, context.by_input
    size = image_size(network, schedule.lanes[0]) if pictures else 0
    late = loss is not None and by_input and stage_of(loss).late
    memory = lay_out(schedule, context.batch_size, size, training, by_input, late)
    ending = loss and stage_of(loss)(context, loss, memory.outputs, memory.upstream)
    kinds = (np.uint8, np.float32) if pictures else ()
    parts = []
    for stage, arrays, gradients, sums, late_ones in zip(
        schedule.stages, memory.arrays, memory.gradients, memory.sums, memory.late, strict=True
    ):
        forward = stage.forward(context, arrays)
        backward = stage.backward(context, arrays, gradients) if gradients else {}
        for accumulated, part, total in sums:
            backward.setdefault("dA", []).append(sum_of(context, [accumulated, part], total))
        upstream = [partial(ending.write, gradient) for gradient in late_ones] if ending else []
        parts.append(Part(stage, arrays, gradients, forward, backward, turns, upstream))
    return Program(
        context,
        {kind: load(context, memory.input, kind, memory.images) for kind in kinds},
        memory.input,
        parts,
        memory.outputs,
        ending,
        memory.input_gradient,
        memory.size + context.flat_gradients.nbytes,
    )
