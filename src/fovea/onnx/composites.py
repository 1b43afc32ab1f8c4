"""Layers that a model writes as several operators, recognised by running these on samples.

An exporter writes GELU as x · (1 + erf(x/√2)) · 0.5, in any order, and layer normalisation as means,
differences and a root. From an operator backwards, its inputs are followed through element-wise operators and
means until all paths start at one tensor x. The operators in between are run on samples of x, and replaced by
a layer that gives the same results.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import permutations
from typing import Any

import numpy as np

from fovea import engine
from fovea.errors import FoveaError
from fovea.layers import (
    CELU,
    ELU,
    GELU,
    SELU,
    Clip,
    HardSigmoid,
    HardSwish,
    Layer,
    LeakyReLU,
    LogSigmoid,
    Mish,
    ReLU,
    ReLU6,
    SiLU,
    Softplus,
    Softsign,
    Tanhshrink,
    ThresholdedReLU,
)  # fmt: skip
from fovea.onnx.bounds import Room
from fovea.onnx.graph import Graph, Step
from fovea.onnx.importers import ACTIVATION, IMPORTERS, NORMALISED
from fovea.onnx.operators import run

_MEANS = {"ReduceMean", "ReduceSum"}
_EACH = {
    "Abs", "Add", "Cast", "Clip", "Div", "Elu", "Erf", "Exp", "Greater", "GreaterOrEqual",
    "HardSigmoid", "Identity", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Min", "Mul", "Neg",
    "Pow", "Reciprocal", "Relu", "Sigmoid", "Softplus", "Sqrt", "Sub", "Tanh", "Where",
}  # fmt: skip
_LAYERS = {"Clip", "Elu", "HardSigmoid", "LeakyRelu", "Relu", "Sigmoid", "Softplus", "Tanh"}
_MOST = 16  # operators per layer
_TRIALS = 5000  # per model: a limit for malicious files
_FAR = [15.0, 20, 25, 40, 80, 1e3, 1e6]
_SAMPLES = np.array([*np.linspace(-10, 10, 2001), *_FAR, *(-far for far in _FAR)])
_PICTURES = np.random.default_rng(0).normal(1, 2, (2, 6, 4, 5))
_CLOSE = 2e-6


def recognised(graph: Graph, steps: Sequence[Step]) -> list[Step]:
    """The steps, where one step per recognised layer replaces its last operator; the others it covers
    remain."""
    search = _Search(graph, steps)
    result, covered = list(steps), set[int]()
    for place in reversed(range(len(steps))):
        if place not in covered and steps[place].operator in _EACH and search.expandable(steps[place]):
            inside, step = search.layer(place)
            if step is not None:
                result[place] = step
                covered |= inside
    return result


class _Search:
    """A model's steps, the step that computes each tensor, and the constants that can be part of a
    formula."""

    def __init__(self, graph: Graph, steps: Sequence[Step]) -> None:
        self.opset, self.steps, self.left = graph.opset, steps, _TRIALS
        self.makers = {step.outputs[0]: place for place, step in enumerate(steps) if len(step.outputs) == 1}
        self.constants = {"": np.zeros(0), **graph.constants}
        for step in steps:  # single numbers computed from others
            simple = step.operator in _EACH or step.operator == "Constant"
            if simple and all(n in self.constants and self.constants[n].size <= 1 for n in step.inputs):
                inputs = [self.constants[name] if name else None for name in step.inputs]
                try:
                    self.constants.update(
                        zip(step.outputs, run(step, inputs, self.opset, Room(8)), strict=False)
                    )
                except FoveaError:
                    continue

    def layer(self, place: int) -> tuple[set[int], Step | None]:
        """The steps of a layer that ends with the step at `place`, and the step that replaces them; (∅, None)
        if there is none."""
        inside, means, steps = {place}, False, self.steps
        while len(inside) <= _MOST and self.left:
            sources = {n for p in inside for n in steps[p].inputs if n not in self.constants}
            sources = {name for name in sources if self.makers.get(name) not in inside}
            if len(sources) == 1 and (len(inside) > 1 or steps[place].operator not in IMPORTERS):
                (source,) = sources
                some = [steps[p] for p in sorted(inside)]
                self.left -= 1
                step = self._normalisation(some, source) if means else self._activation(some, source)
                if step is not None:
                    return inside, step
            last = max((self.makers.get(name, -1) for name in sources), default=-1)
            if last < 0 or not self.expandable(steps[last]):
                break
            inside.add(last)
            means = means or steps[last].operator in _MEANS
        return set(), None

    def expandable(self, step: Step) -> bool:
        """True if a step can be part of a layer: its constants are single numbers, or the axes of a mean."""
        if step.operator in _MEANS:
            return True
        sizes = [self.constants[name].size for name in step.inputs if name in self.constants]
        return step.operator in _EACH and all(size <= 1 for size in sizes)

    def _computed(self, steps: Sequence[Step], source: str, X: np.ndarray) -> np.ndarray | None:
        """The result of the steps for X; None if they fail or change its shape."""
        values: dict[str, Any] = {source: X, "": None}
        try:
            with engine.use("reference"):
                for step in steps:
                    inputs = [values[n] if n in values else self.constants[n] for n in step.inputs]
                    values[step.outputs[0]] = run(step, inputs, self.opset, Room(8 * X.size))[0]
        except FoveaError:
            return None
        result = values[steps[-1].outputs[0]]
        return result if result.shape == X.shape and result.dtype.kind == "f" else None

    def _activation(self, steps: Sequence[Step], source: str) -> Step | None:
        got = None if self._row(steps) else self._computed(steps, source, _SAMPLES)
        if got is None or not np.isfinite(got[np.abs(_SAMPLES) <= 80]).all():
            return None
        counts = np.isfinite(got)  # further out, a formula may overflow
        for layer in _candidates(self._numbers(steps)):
            A = _values(type(layer), *layer.configuration().values())
            if (np.abs(got - A) <= _CLOSE * np.maximum(np.abs(A), 1))[counts].all():
                return replace(steps[-1], operator=ACTIVATION, inputs=(source,), attributes={"layer": layer})
        return None

    def _row(self, steps: Sequence[Step]) -> bool:
        """True if the steps are several layers in a row, each with an operator of its own."""
        alone = all(len({n for n in step.inputs if n not in self.constants}) == 1 for step in steps)
        return alone and sum(step.operator in _LAYERS for step in steps) > 1

    def _normalisation(self, steps: Sequence[Step], source: str) -> Step | None:
        axes = self._axes(next(step for step in steps if step.operator in _MEANS))
        got = self._computed(steps, source, _PICTURES) if axes else None
        if got is None or axes is None:
            return None
        centred = _PICTURES - _PICTURES.mean(axis=axes, keepdims=True)
        for epsilon in (n for n in self._numbers(steps) if 0 < n < 1):
            expected = centred / np.sqrt(np.square(centred).mean(axis=axes, keepdims=True) + epsilon)
            if np.abs(got - expected).max() <= _CLOSE:
                attributes = {"axes": axes, "epsilon": epsilon}
                return replace(steps[-1], operator=NORMALISED, inputs=(source,), attributes=attributes)
        return None

    def _axes(self, step: Step) -> tuple[int, ...] | None:
        axes = step.attributes.get("axes")
        if axes is None and len(step.inputs) > 1:
            axes = self.constants.get(step.inputs[1])
        if axes is None or not 0 < np.size(axes) <= 4:
            return None
        numbers = tuple(int(axis) for axis in np.asarray(axes).reshape(-1))
        distinct = len({axis % 4 for axis in numbers}) == len(numbers)
        return numbers if distinct and all(-4 <= axis < 4 for axis in numbers) else None

    def _numbers(self, steps: Sequence[Step]) -> list[float]:
        """The different single numbers that the steps compute with."""
        arrays = [self.constants[name] for step in steps for name in step.inputs if name in self.constants]
        arrays += [np.asarray(v) for step in steps for v in step.attributes.values() if isinstance(v, float)]
        floats = [round(array.item(), 12) for array in arrays if array.size == 1 and array.dtype.kind == "f"]
        return [n for n in dict.fromkeys(floats) if np.isfinite(n)][:6]


@lru_cache(1024)
def _values(kind: type[Layer], *configuration: Any) -> np.ndarray:
    """A layer's output for the samples."""
    with engine.use("reference"):
        return kind(*configuration).forward(_SAMPLES)[0]


def _candidates(numbers: Sequence[float]) -> Iterator[Layer]:
    """Element-wise layers, with their defaults and with the numbers of a formula."""
    yield from (SiLU(), GELU(), GELU("tanh"), HardSwish(), HardSigmoid(), Mish(), Softplus(), LogSigmoid())
    yield from (Softsign(), Tanhshrink(), ReLU(), ReLU6(), ELU(), SELU())
    for number in numbers:
        number = round(number, 7)
        yield from (LeakyReLU(number), ELU(number), ThresholdedReLU(number))
        yield from (CELU(number), Softplus(number)) if number > 1e-6 else ()
    for one, other in permutations(numbers, 2):
        yield HardSigmoid(one, other)
        yield from (Clip(one, other),) if one < other else ()
        yield from (Softplus(one, other),) if one else ()
