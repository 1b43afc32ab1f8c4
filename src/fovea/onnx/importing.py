"""Import of an ONNX model as a network: each step becomes layers.

Steps with only constant inputs are computed, and so are expressions that exporters write to compute shapes.
During the import a batch has two pictures, unless the model fixes their number, so that steps that mix
pictures are detected. The network computes the same as the model, except that a last softmax is removed:
networks output logits, and `predict` computes the probabilities.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from fovea import engine
from fovea.errors import DataError, FoveaError, mismatch, reason
from fovea.layers.base import Shape
from fovea.network import Network
from fovea.network.graph import INPUT
from fovea.onnx import composites
from fovea.onnx.bounds import brief
from fovea.onnx.building import Builder, Value, usual
from fovea.onnx.file import read
from fovea.onnx.graph import Graph, Step, ordered
from fovea.onnx.importers import MOVES, add_step
from fovea.onnx.metadata import has_named_outputs, read_metadata
from fovea.onnx.operators import run
from fovea.ranges import MOST, short

BATCH = 2
CHANNELS = 2**20  # the most channels of pictures; each has its own preprocessing


def load(path: Path | str, *, input_shape: Sequence[int] | None = None) -> Network:
    """The network in the ONNX file at `path`; `input_shape` (H, W, C) is needed if the file leaves it open.

    Raises DataError, which names the operator that Fovea has no layer for.
    """
    try:
        return from_model(read(path), input_shape=input_shape)
    except FoveaError as error:
        raise DataError(f"{path}: {reason(error, path)}") from error


def from_model(model: onnx.ModelProto, *, input_shape: Sequence[int] | None = None) -> Network:
    """The network of an ONNX model in memory; arguments and errors as for `load`."""
    graph = Graph.of(model)
    name, shape, batch = _input(graph, input_shape)
    metadata = read_metadata(graph, name, _network_input(name, shape, graph.steps).shape)
    start = metadata.input
    if len(set(graph.outputs)) < len(graph.outputs):
        raise DataError(mismatch("the model", "different outputs", short(", ".join(graph.outputs), str)))
    others = [step for step in graph.steps if start not in step.outputs]
    kept = ordered(others, {start, *graph.inputs, *graph.constants}, graph.outputs)
    if start in graph.whole_numbers:
        _check_cast(kept, start)
    given = {start, *graph.inputs, *graph.constants}
    steps = ordered(composites.recognised(graph, kept), given, graph.outputs)
    builder = Builder(graph, batch, has_named_outputs(graph))
    first = _network_input(start, shape, steps)
    values = _walk(builder, steps, {start: first})
    try:
        outputs = {name: _output(builder, values[name], name) for name in graph.outputs}
        network = builder.network(outputs, first.shape)
        metadata.apply(network)
    except FoveaError as error:
        raise error if isinstance(error, DataError) else DataError(str(error)) from error
    return network


def _output(builder: Builder, value: Any, name: str) -> Value:
    """An output of the model, in the order of its layer's output. Raises DataError, which names the
    output."""
    builder.step = Step("output", name, (), (name,), {})
    who = builder.step.who
    if not isinstance(value, Value):
        raise DataError(mismatch(who, "one that depends on the model's input", "a constant"))
    if value.merged is not None:
        raise DataError(mismatch(who, "one part per picture, (N, …)", f"{value.merged.shape}"))
    try:
        value = builder.ready(value)
    except FoveaError as error:
        raise DataError(f"{who}: {error}") from error
    if value.moved is not None and not np.array_equal(
        value.places.reshape(-1), usual(value.shape).reshape(-1)
    ):
        remedy = "its last layer must be dense, or output pictures"
        raise DataError(mismatch(who, "numbers in the order of its last layer", "another", remedy))
    return value


def _walk(builder: Builder, steps: Sequence[Step], values: dict[str, Any]) -> dict[str, Any]:
    """Every tensor by name: a Value if the network computes it, an array if it is constant."""
    graph = builder.graph
    uses = Counter(name for step in steps for name in step.inputs) + Counter(graph.outputs)
    values = {"": None, **graph.constants, **values}
    for step in steps:
        builder.step = step
        inputs = [_input_of(step, values, name) for name in step.inputs]
        computed = [value for value in inputs if isinstance(value, Value)]
        if step.operator in ("Shape", "Size") and computed:  # needs only an array of that shape
            (value,) = computed
            separate = (builder.batch, *value.tensor_shape)
            shape = separate if value.merged is None else value.merged.shape
            inputs = [np.broadcast_to(np.float32(0), shape)]
            computed = []
        if computed:
            outputs = [
                replace(new, alone=uses[name] == 1 and all(v.alone for v in computed if v.layer == new.layer))
                for name, new in zip(step.outputs, add_step(builder, inputs), strict=False)
            ]
        else:
            with engine.use("reference"):
                outputs = run(step, inputs, graph.opset, builder.room)
        values.update(zip(step.outputs, outputs, strict=False))
    return values


def _input_of(step: Step, values: Mapping[str, Any], name: str) -> Any:
    if name not in values:
        raise DataError(
            mismatch(step.who, "inputs from the model's first one, and constants", f'"{brief(name)}"')
        )
    return values[name]


def _input(graph: Graph, given: Sequence[int] | None) -> tuple[str, Shape, int]:
    """The model's input: its name, its shape in the model without the batch axis, and the batch size."""
    used = {name for step in graph.steps for name in step.inputs}
    names = [name for name in graph.inputs if name in used]
    if len(names) != 1:
        raise DataError(
            mismatch("the model", "one input", short(", ".join(names), str) or "none that it uses")
        )
    shape = graph.inputs[names[0]]
    if given is not None and (shape is None or len(shape) == len(given) + 1):
        channels_first = (given[2], given[0], given[1]) if len(given) == 3 else tuple(given)
        shape = (shape[0] if shape else "N", *channels_first)
    if shape is None or len(shape) not in (2, 4) or not all(isinstance(n, int) and n > 0 for n in shape[1:]):
        remedy = "export it with fixed lengths, or give input_shape (H, W, C)"
        got = "no shape" if shape is None else brief(f"({', '.join(map(str, shape))})")
        expected = "(N, C, H, W) or (N, n), with numbers for all but N"
        raise DataError(mismatch(f'input "{brief(names[0])}"', expected, got, remedy))
    batch = shape[0] if isinstance(shape[0], int) and shape[0] > 0 else BATCH
    lengths = tuple(int(n) for n in shape[1:])
    if lengths[0] > CHANNELS or batch * prod(lengths) > MOST:
        expected = f"at most {MOST:,} numbers in at most {CHANNELS:,} channels or columns"
        got = short(f"({', '.join(map(str, shape))})", str)
        raise DataError(mismatch(f'input "{brief(names[0])}"', expected, got))
    return names[0], lengths, batch


def _check_cast(steps: Sequence[Step], name: str) -> None:
    """Raise DataError unless whole numbers are cast to floats before any computation: layers compute in
    float32, in which division does not truncate and sums do not overflow."""
    whole = {name}
    for step in steps:
        if not whole.isdisjoint(step.inputs) and step.operator not in ("Cast", "CastLike", "Shape", "Size"):
            if step.operator not in MOVES:
                remedy = "let a Cast to float come first"
                raise DataError(
                    mismatch(step.who, "an input of floats", "the model's, of whole numbers", remedy)
                )
            whole.update(step.outputs)


def _network_input(name: str, shape: Shape, steps: Sequence[Step]) -> Value:
    """The network's input: channels first, or last if the model starts by transposing channels-last
    pictures."""
    consumers = [step for step in steps if name in step.inputs]
    orders = {tuple(s.attributes.get("perm", ())) if s.operator == "Transpose" else () for s in consumers}
    if len(shape) == 3 and orders == {(0, 3, 1, 2)}:
        return Value(INPUT, shape, usual(shape).transpose(1, 2, 0))
    return Value(INPUT, (*shape[1:], shape[0]) if len(shape) == 3 else shape)
