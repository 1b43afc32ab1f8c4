"""The versions of operators, whose meaning changes from one operator set to the next.

A table of operators has one function for all versions of an operator, or one for each operator set that
changed its meaning. The library's own schemas check that a node has the inputs, outputs and attributes of its
version.

Versions: https://onnx.ai/onnx/operators/
"""

from collections.abc import Callable, Mapping
from typing import Any

import onnx
from onnx import checker

from fovea.errors import DataError, mismatch
from fovea.onnx.bounds import brief

Function = Callable[..., Any]
Table = Mapping[str, Function | Mapping[int, Function]]


def function_of(table: Table, operator: str, opset: int) -> Function | None:
    """The table's function for `operator` in that operator set, if there is one."""
    entry = table.get(operator)
    if not isinstance(entry, Mapping):
        return entry
    since = max((version for version in entry if version <= opset), default=None)
    return None if since is None else entry[since]


def check(node: onnx.NodeProto, who: str, opset: int) -> None:
    """Raise DataError for a node whose operator is deprecated in that operator set, or has other inputs,
    outputs or attributes there."""
    if not onnx.defs.has(node.op_type) or any(a.HasField("g") or a.graphs for a in node.attribute):
        return  # unknown operators, and those with graphs inside, are refused later
    context = checker.C.CheckerContext()
    context.ir_version, context.opset_imports = onnx.IR_VERSION, {"": opset, "ai.onnx": opset}
    try:
        checker.check_node(node, context)
    except (checker.ValidationError, UnicodeDecodeError, TypeError) as error:
        expected = f"inputs and attributes of {node.op_type} in opset {opset}"
        raise DataError(mismatch(who, expected, brief(str(error).partition("\n")[0].rstrip(".")))) from error
