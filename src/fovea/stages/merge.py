"""Where several ways through a network meet."""

from collections.abc import Sequence
from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING, Any

from fovea.kernels import tiles
from fovea.kernels.merge import Extents, extents, numbered
from fovea.layers import Add, Concat, Layer, Multiply
from fovea.stages.base import Stage, Step
from fovea.stages.calls import Array

if TYPE_CHECKING:
    from fovea.stages.plan import Plan


def sum_of(plan: "Plan", arrays: Sequence[Array], total: Array) -> Step:
    """The sum of `arrays`, or a copy where there is one."""
    inputs, how = (
        numbered([array.as_runs() for array in arrays]),
        {"activation": "", "vector": tiles.vector()},
    )
    return plan.call("elementwise.add", inputs, {"A": total.as_runs()}, count=len(arrays), **how)


class MergeStage(Stage):
    """A sum or a product by itself."""

    leads = (Add, Multiply)
    why = "no kernel before it can take it along"

    def __init__(self, layers: Sequence[Layer], input_shape: Any, lanes: int, first: bool, few: bool) -> None:
        super().__init__(layers, input_shape, lanes, first, few)
        self.operation = "add" if isinstance(layers[0], Add) else "multiply"
        self.reads = () if self.operation == "add" else ("A_prev", "beside")
        self.shapes = [extents(shape) for shape in input_shape]
        self.whole = extents(self.output_shape)
        self.adds = self.operation == "add" and set(self.shapes) == {self.whole}

    def forward(self, plan: "Plan", A_prev: Array, A: Array) -> list[Step]:
        arrays = list(zip([A_prev, *self.beside], self.shapes, strict=True))
        if self.adds:
            return [sum_of(plan, [array for array, _ in arrays], A)]
        return [self._call(plan, self.operation, arrays, A, self.whole)]

    def backward(self, plan: "Plan", A_prev: Array, A: Array, dA: Array, dA_prev: Array | None) -> list[Step]:
        targets = list(zip((dA_prev, *self.dbeside), self.begun, self.shapes, strict=True))
        if self.adds:
            return [
                sum_of(plan, [begun, dA] if begun else [dA], t) for t, begun, _ in targets if t is not None
            ]
        arrays = list(zip([A_prev, *self.beside], self.shapes, strict=True))
        steps: list[Step] = []
        for i, (target, _, shape) in enumerate(targets):
            others = arrays[:i] + arrays[i + 1 :] if self.operation == "multiply" else []
            if target is not None:
                steps.append(self._call(plan, "gradient", [(dA, self.whole), *others], target, shape))
        return steps

    def _call(
        self,
        plan: "Plan",
        operation: str,
        arrays: Sequence[tuple[Array, Extents]],
        target: Array,
        shape: Extents,
    ) -> Step:
        """`operation` of arrays with their shapes; what comes of it has `shape`."""
        if all(own == shape for _, own in arrays):
            if len(arrays) == 1:
                return sum_of(plan, [arrays[0][0]], target)
            inputs, how = numbered([a.as_runs() for a, _ in arrays]), {"count": len(arrays)}
            outputs = {"A": target.as_runs()}
            return plan.call("elementwise.multiply", inputs, outputs, **how, vector=tiles.vector())
        how: dict[str, Any] = {"sizes": tuple(own for _, own in arrays), "lanes": self.lanes}
        how |= {"size": shape} if operation == "gradient" else {}
        inputs = numbered([array.seen_as(*own) for array, own in arrays])
        outputs = {"A": target.seen_as(*shape)}
        return plan.call(f"merge.{operation}", inputs, outputs, **how, vector=tiles.vector())


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
