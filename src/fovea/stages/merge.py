"""Where several ways through a network meet."""

from collections.abc import Sequence
from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING, Any

from fovea.kernels import tiles
from fovea.kernels.specification import specify
from fovea.layers import Add, Concat, Layer
from fovea.stages.base import Stage, Step
from fovea.stages.calls import Array

if TYPE_CHECKING:
    from fovea.stages.plan import Plan


def sum_of(plan: "Plan", arrays: Sequence[Array], total: Array) -> Step:
    """The sum of `arrays`, or a copy where there is one."""
    specification = specify("elementwise.add", count=len(arrays), activation="", vector=tiles.vector())
    return plan.call(specification, [array.as_runs() for array in arrays], outputs=[total.as_runs()])


class AddStage(Stage):
    """A sum by itself."""

    leads = (Add,)
    reads = ()
    adds = True
    why = "no kernel before it can take it along"

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        return [sum_of(plan, [A_prev, *self.beside], A)]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        targets = zip((dA_prev, *self.dbeside), self.begun, strict=True)
        return [sum_of(plan, [begun, dA] if begun else [dA], t) for t, begun in targets if t is not None]


class ConcatStage(Stage):
    """Channels side by side: memory is copied, and nothing computed."""

    leads = (Concat,)
    reads = ()
    why = "memory is copied, by NumPy"

    def __init__(self, layers: Sequence[Layer], input_shape: Any, lanes: int, first: bool, few: bool) -> None:
        super().__init__(layers, input_shape, lanes, first, few)
        ends = list(accumulate(shape[-1] for shape in input_shape))
        self.parts = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        return [
            self._copy(plan, A, part, each, True)
            for part, each in zip(self.parts, (A_prev, *self.beside), strict=True)
        ]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        targets = zip(self.parts, (dA_prev, *self.dbeside), strict=True)
        return [self._copy(plan, dA, part, target, False) for part, target in targets if target is not None]

    def _copy(self, plan: "Plan", whole: Array, part: slice, own: Array, inwards: bool) -> Step:
        """From `own` to its part of the channels of `whole`, or back."""
        lanes = self.lanes
        places = prod(self.output_shape[:-1])
        of_whole = whole.seen_as(places, self.output_shape[-1]).array[:, :, part]
        of_own = own.seen_as(places, part.stop - part.start).array
        target, source = (of_whole, of_own) if inwards else (of_own, of_whole)

        def run() -> None:
            groups = -(-plan.count.value // lanes)
            target[:groups] = source[:groups]

        return run
