"""A parsed ONNX model: operators in an order in which they can run, constants as arrays.

Everything else works on this, not on ONNX's own structures. Constants in half or double precision become
float32.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from fovea.errors import DataError, mismatch
from fovea.onnx import bounds, versions
from fovea.onnx.bounds import brief

OLDEST = 7  # the operator set of ONNX 1.2; earlier ones broadcast differently
FLOATS = (
    TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE, TensorProto.UNDEFINED
)  # fmt: skip
STANDARD = ("", "ai.onnx")  # names of the domain of ONNX's own operators


@dataclass(frozen=True)
class Step:
    """One operator in a model. `inputs` may have "" for an optional input that is left out."""

    operator: str  # "Conv"; for other domains than ONNX's own with the domain, "com.microsoft.FusedConv"
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    @property
    def who(self) -> str:
        """The step's name in errors: `Conv "/layer1/conv1"`; without a name that of its first output."""
        name = self.name or next(iter(self.outputs), "")
        return f'{brief(self.operator)} "{brief(name)}"'


@dataclass(frozen=True)
class Graph:
    inputs: dict[str, tuple[int | str, ...] | None]  # name → shape, with names for lengths that may vary
    outputs: list[str]
    constants: dict[str, np.ndarray]
    steps: list[Step]
    opset: int
    metadata: dict[str, str] = field(default_factory=dict)
    whole_numbers: frozenset[str] = frozenset()  # the inputs that are not floats

    @classmethod
    def of(cls, model: onnx.ModelProto) -> "Graph":
        """The graph of `model`. Raises DataError, which names the unsupported part."""
        opset = _opset(model)
        bounds.check(model)
        if model.functions:
            from onnx import inliner

            model = inliner.inline_local_functions(model)
        graph = model.graph
        if graph.sparse_initializer:
            raise DataError(mismatch("the model", "dense constants", "a sparse one"))
        constants = {tensor.name: array_of(tensor) for tensor in graph.initializer}
        inputs = {i.name: _shape(i) for i in graph.input if i.name not in constants}
        outputs = [output.name for output in graph.output]
        if not outputs:
            raise DataError(mismatch("the model", "an output", "none"))
        steps = ordered([step_of(node, opset) for node in graph.node], {*inputs, *constants}, outputs)
        metadata = {entry.key: entry.value for entry in model.metadata_props}
        whole = frozenset(i.name for i in graph.input if i.type.tensor_type.elem_type not in FLOATS)
        return cls(inputs, outputs, constants, steps, opset, metadata, whole)


def ordered(steps: Sequence[Step], given: Iterable[str], wanted: Sequence[str]) -> list[Step]:
    """The steps that compute `wanted`, each after its inputs. Raises DataError for a cycle, a value that no
    step computes, and one that two steps compute."""
    given, makers = set(given), {}
    for step in steps:
        for name in filter(None, step.outputs):
            if name in makers or name in given:
                raise DataError(mismatch(step.who, "new names for its outputs", f'"{brief(name)}" twice'))
            makers[name] = step
    result: list[Step] = []
    state: dict[int, str] = {}  # step → "open" while its inputs are visited, then "done"
    stack: list[tuple[str, str]] = [(name, "the model's output") for name in reversed(wanted)]
    while stack:
        name, reader = stack[-1]
        step = makers.get(name)
        if name in given or (step is not None and state.get(id(step)) == "done"):
            stack.pop()
        elif step is None:
            raise DataError(
                mismatch(reader, "inputs that a step computes", f'"{brief(name)}", which none does')
            )
        elif id(step) not in state:
            state[id(step)] = "open"
            needs = [
                n for n in step.inputs if n and n not in given and state.get(id(makers.get(n))) != "done"
            ]
            for need in needs:
                if need in makers and state.get(id(makers[need])) == "open":
                    raise DataError(
                        mismatch(step.who, "a graph without cycles", f'"{brief(need)}", which needs it')
                    )
            stack += [(need, step.who) for need in reversed(needs)]
        else:
            state[id(step)] = "done"
            result.append(step)
            stack.pop()
    return result


def array_of(tensor: TensorProto) -> np.ndarray:
    """The tensor as an array; floats of other precisions become float32. Raises DataError."""
    who = f'constant "{brief(tensor.name)}"'
    if tensor.data_location == TensorProto.EXTERNAL:
        raise DataError(mismatch(who, "its numbers", "a reference to another file", "load it from its file"))
    try:
        array = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, LookupError, ArithmeticError, MemoryError) as error:
        raise DataError(mismatch(who, "numbers of its shape", brief(error))) from error
    if array.shape != tuple(tensor.dims):
        raise DataError(mismatch(who, "lengths of at least 0", brief(tuple(tensor.dims))))
    floats = array.dtype.kind == "f" or array.dtype.name in ("bfloat16", "float8_e4m3fn", "float8_e5m2")
    return array.astype(np.float32) if floats else array


def _opset(model: onnx.ModelProto) -> int:
    versions = [entry.version for entry in model.opset_import if entry.domain in STANDARD]
    newest = onnx.defs.onnx_opset_version()
    if len(set(versions)) != 1 or not OLDEST <= versions[0] <= newest:
        got = f"opset {brief(' and '.join(map(str, versions)))}" if versions else "none of ONNX's own"
        remedy = "export it again with another opset, or upgrade the library onnx"
        raise DataError(mismatch("the model", f"operators of opset {OLDEST} to {newest}", got, remedy))
    return versions[0]


def _shape(value: onnx.ValueInfoProto) -> tuple[int | str, ...] | None:
    """Each axis's length, or its name if it may vary; None if the model gives no shape."""
    kind = value.type.tensor_type
    if not value.type.HasField("tensor_type") or not kind.HasField("shape"):
        return None
    return tuple(d.dim_value if d.HasField("dim_value") else d.dim_param or "?" for d in kind.shape.dim)


def step_of(node: onnx.NodeProto, opset: int) -> Step:
    """The node as a step, with its attributes in Python's and NumPy's types. Raises DataError for a standard
    operator that does not fit its version in `opset`."""
    operator = node.op_type if node.domain in STANDARD else f"{node.domain}.{node.op_type}"
    attributes = {attribute.name: _attribute(attribute) for attribute in node.attribute}
    step = Step(operator, node.name, tuple(node.input), tuple(node.output), attributes)
    if node.domain in STANDARD:
        versions.check(node, step.who, opset)
    return step


def _attribute(attribute: AttributeProto) -> Any:
    if attribute.type == AttributeProto.TENSOR:
        return array_of(attribute.t)
    value = helper.get_attribute_value(attribute)
    return value.decode(errors="replace") if isinstance(value, bytes) else value
