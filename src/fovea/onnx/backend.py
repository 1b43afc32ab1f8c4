"""ONNX's backend interface: runs a model operator by operator on the current engine.

    rep = fovea.onnx.Backend.prepare(onnx.load("model.onnx"))
    (y,) = rep.run([x])

It runs any graph of operators that `operators` has, in ONNX's layout.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx.backend.base import Backend as _Backend
from onnx.backend.base import BackendRep, namedtupledict

from fovea.errors import DataError, mismatch
from fovea.onnx.bounds import Room, brief
from fovea.onnx.graph import Graph, Step, step_of
from fovea.onnx.operators import OPERATORS, run
from fovea.onnx.versions import function_of


class Prepared(BackendRep):
    """A model that is ready to run."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        unknown = [s for s in graph.steps if function_of(OPERATORS, s.operator, graph.opset) is None]
        if unknown:
            raise DataError(
                mismatch(unknown[0].who, "an operator that Fovea knows", brief(unknown[0].operator))
            )
        self._constants, self._steps = _folded(graph)

    def run(self, inputs: Sequence[np.ndarray] | Mapping[str, np.ndarray], **_: Any) -> tuple[Any, ...]:
        """The model's outputs, a named tuple; `inputs` are in the model's order or by name. Raises
        DataError."""
        names = list(self.graph.inputs)
        if not isinstance(inputs, Mapping):
            inputs = dict(zip(names, inputs, strict=False)) if len(inputs) == len(names) else {}
        if set(inputs) != set(names):
            raise DataError(
                mismatch("Backend", f"the inputs {brief(', '.join(names))}", f"{len(inputs)} others")
            )
        given = {n: np.asarray(a) for n, a in inputs.items()}
        values: dict[str, Any] = {"": None, **self._constants, **given}
        room = Room.beside(self.graph.constants.values(), given.values())
        readers = Counter(name for step in self._steps for name in step.inputs) + Counter(self.graph.outputs)
        held = dict.fromkeys(values, 0)  # the sizes of computed values that are still needed
        for step in self._steps:
            outputs = run(
                step, [values[n] for n in step.inputs], self.graph.opset, Room(room.left - sum(held.values()))
            )
            wanted = {
                name: array for name, array in zip(step.outputs, outputs, strict=False) if readers[name]
            }
            values.update(wanted)
            held.update({name: array.size for name, array in wanted.items()})
            readers.subtract(filter(None, step.inputs))
            for name in {name for name in step.inputs if name and not readers[name]}:
                del values[name], held[name]
        return namedtupledict("Outputs", self.graph.outputs)(*(values[name] for name in self.graph.outputs))


def _folded(graph: Graph) -> tuple[dict[str, np.ndarray], list[Step]]:
    """All constants, including those that steps compute from constants; and the remaining steps."""
    constants, others = dict(graph.constants), []
    room = Room.beside(graph.constants.values())
    for step in graph.steps:
        if any(name and name not in constants for name in step.inputs):
            others.append(step)
        else:
            inputs = [constants[name] if name else None for name in step.inputs]
            constants.update(zip(step.outputs, run(step, inputs, graph.opset, room), strict=False))
    return constants, others


class Backend(_Backend):
    """`onnx.backend.base.Backend`; the device is always the processor."""

    @classmethod
    def prepare(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> Prepared:
        """Prepare `model` to run. Raises DataError if it cannot run."""
        return Prepared(Graph.of(model))

    @classmethod
    def run_node(
        cls, node: onnx.NodeProto, inputs: Any, device: str = "CPU", outputs_info: Any = None, **kwargs: Any
    ):
        """Run a single operator, from the operator set `opset_version`, by default the newest."""
        opset = kwargs.get("opset_version", onnx.defs.onnx_opset_version())
        arrays = [None if x is None else np.asarray(x) for x in inputs]
        room = Room.beside(filter(lambda x: x is not None, arrays))
        outputs = run(step_of(node, opset), arrays, opset, room)
        return namedtupledict("Outputs", list(node.output))(*outputs)

    @classmethod
    def is_compatible(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> bool:
        """True if every operator of the model is known."""
        try:
            cls.prepare(model, device)
        except DataError:
            return False
        return True

    @classmethod
    def supports_device(cls, device: str) -> bool:
        return device == "CPU"
