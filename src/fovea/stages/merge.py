"""Layers that merge several inputs."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import prod
from typing import Any

from fovea.kernels import tiles
from fovea.kernels.merge import Extents, extents, numbered
from fovea.layers import Add, Concat, Multiply
from fovea.stages.base import Arrays, Gradients, Passes, Site, Stage, Step
from fovea.stages.calls import Array
from fovea.stages.context import Context


def sum_of(context: Context, arrays: Sequence[Array], total: Array) -> Step:
    """The sum of `arrays`, or a copy of a single one."""
    inputs = numbered([array.as_runs() for array in arrays])
    options = {"count": len(arrays), "activation": "", "vector": tiles.vector()}
    return context.call("elementwise.add", inputs, {"A": total.as_runs()}, **options)


class MergeStage(Stage):
    """A sum or a product by itself."""

    starts_with = (Add, Multiply)
    why = "a stage of its own: no layer before it can fuse it"

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.operation = "add" if isinstance(self.layers[0], Add) else "multiply"
        self.reads = () if self.operation == "add" else ("A_prev", "other_inputs")
        self.shapes = [extents(shape) for shape in site.input_shape]
        self.whole = extents(self.output_shape)
        self.adds = self.operation == "add" and set(self.shapes) == {self.whole}

    def forward(self, context: Context, arrays: Arrays) -> list[Step]:
        if self.adds:
            return [sum_of(context, arrays.inputs, arrays.A)]
        inputs = list(zip(arrays.inputs, self.shapes, strict=True))
        return [self._call(context, self.operation, inputs, arrays.A, self.whole)]

    def backward(self, context: Context, arrays: Arrays, gradients: Gradients) -> Passes:
        dA, steps = gradients.dA, list[Step]()
        inputs = list(zip(arrays.inputs, self.shapes, strict=True))
        for i, (target, accumulated) in enumerate(zip(gradients.inputs, gradients.accumulated, strict=True)):
            if target is None:
                continue
            if self.adds:
                steps.append(sum_of(context, [accumulated, dA] if accumulated else [dA], target))
                continue
            others = inputs[:i] + inputs[i + 1 :] if self.operation == "multiply" else []
            steps.append(self._call(context, "gradient", [(dA, self.whole), *others], target, self.shapes[i]))
        return {"dA": steps} if steps else {}

    def _call(
        self,
        context: Context,
        operation: str,
        arrays: Sequence[tuple[Array, Extents]],
        target: Array,
        shape: Extents,
    ) -> Step:
        """`operation` of arrays with their shapes, into `target`, which has `shape`."""
        if all(extent == shape for _, extent in arrays):
            if len(arrays) == 1:
                return sum_of(context, [arrays[0][0]], target)
            inputs, outputs = numbered([array.as_runs() for array, _ in arrays]), {"A": target.as_runs()}
            options: dict[str, Any] = {"count": len(arrays), "vector": tiles.vector()}
            return context.call("elementwise.multiply", inputs, outputs, **options)
        options = {"sizes": tuple(extent for _, extent in arrays), "lanes": self.lanes}
        options |= {"size": shape} if operation == "gradient" else {}
        inputs = numbered([array.seen_as(*extent) for array, extent in arrays])
        outputs = {"A": target.seen_as(*shape)}
        return context.call(f"merge.{operation}", inputs, outputs, **options, vector=tiles.vector())


class ConcatStage(Stage):
    """Channels of several inputs one behind the other: copied by NumPy."""

    starts_with = (Concat,)
    reads = ()
    why = "memory is copied, by NumPy"

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        ends = accumulate((shape[-1] for shape in site.input_shape), initial=0)
        self.channels = [slice(start, end) for start, end in pairwise(ends)]  # of A, for each input

    def forward(self, context: Context, arrays: Arrays) -> list[Step]:
        pairs = zip(self.channels, arrays.inputs, strict=True)
        return [self._copy(context, arrays.A, channels, array, True) for channels, array in pairs]

    def backward(self, context: Context, arrays: Arrays, gradients: Gradients) -> Passes:
        pairs, dA = zip(self.channels, gradients.inputs, strict=True), gradients.dA
        return {"dA": [self._copy(context, dA, channels, array, False) for channels, array in pairs if array]}

    def _copy(self, context: Context, whole: Array, channels: slice, part: Array, inwards: bool) -> Step:
        """From `part` to those `channels` of `whole`, or back."""
        lanes, places = self.lanes, prod(self.output_shape[:-1])
        of_whole = whole.seen_as(places, self.output_shape[-1]).array[:, :, channels]
        of_part = part.seen_as(places, channels.stop - channels.start).array
        target, source = (of_whole, of_part) if inwards else (of_part, of_whole)

        def run() -> None:
            groups = -(-context.count.value // lanes)
            target[:groups] = source[:groups]

        return run
