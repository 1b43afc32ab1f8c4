"""ONNX's own tests of its operators, in both engines, and what the backend says of what it cannot run."""

import numpy as np
import pytest

import fovea
from fovea.errors import DataError

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper  # noqa: E402

from benchmarks.onnx_conformance import SCOPE, cases  # noqa: E402

IN_SCOPE = [case for case in cases() if not case.left_out]


@pytest.mark.parametrize("engine", ["halide", "reference"])
@pytest.mark.parametrize("case", IN_SCOPE, ids=lambda case: case.name)
def test_the_operator_does_what_its_own_test_says(case, engine):
    if engine == "halide" and not fovea.engine.available():
        pytest.skip("Halide is not installed")
    assert case.run(engine) == ""


def test_every_operator_has_tests():
    assert {case.operator for case in IN_SCOPE} == set(SCOPE)


def test_a_test_is_left_out_for_its_types_its_axes_or_its_mode_alone():
    reasons = {case.left_out for case in cases()} - {""}
    words = ("not float32", "axes, not 2", "cubic", "not tensors")
    assert all(any(word in reason for word in words) for reason in reasons)


def model(*nodes, opset=17, inputs=(("x", [1, 2]),), outputs=("y",)):
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph(list(nodes), "test", values, results)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


ROW = np.array([[-1.0, 2.0]], np.float32)


def test_outputs_have_places_and_names():
    found = fovea.onnx.Backend.run_model(model(helper.make_node("Relu", ["x"], ["y"])), [ROW])
    assert found[0].tolist() == found["y"].tolist() == [[0, 2]]


def test_inputs_go_by_place_or_by_name():
    prepared = fovea.onnx.Backend.prepare(model(helper.make_node("Relu", ["x"], ["y"])))
    assert np.array_equal(prepared.run([ROW])[0], prepared.run({"x": ROW})[0])
    for wrong in ([], [ROW, ROW], {"z": ROW}):
        with pytest.raises(DataError, match="expected the inputs x"):
            prepared.run(wrong)


def test_a_single_operator_runs():
    node = helper.make_node("Clip", ["x", "low"], ["y"])
    assert fovea.onnx.Backend.run_node(node, [ROW, np.float32(0.5)])[0].tolist() == [[0.5, 2]]


def test_operators_run_in_the_order_that_they_need_each_other():
    nodes = [helper.make_node("Neg", ["h"], ["y"]), helper.make_node("Relu", ["x"], ["h"])]
    assert fovea.onnx.Backend.run_model(model(*nodes), [ROW])[0].tolist() == [[0, -2]]


def test_there_is_one_device():
    assert fovea.onnx.Backend.supports_device("CPU")
    assert not fovea.onnx.Backend.supports_device("CUDA")


def test_softmax_was_over_all_that_follows_before_opset_13():
    x = np.zeros((1, 2, 3), np.float32)
    node = helper.make_node("Softmax", ["x"], ["y"], axis=1)
    for opset, share in ((12, 1 / 6), (13, 1 / 2)):
        found = fovea.onnx.Backend.run_model(model(node, opset=opset, inputs=[("x", [1, 2, 3])]), [x])
        assert np.allclose(found[0], share)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (model(helper.make_node("Det", ["x"], ["y"], name="act")), 'Det "act"'),
        (model(helper.make_node("Relu", ["x"], ["y"], domain="com.microsoft")), 'com.microsoft.Relu "y"'),
        (
            model(helper.make_node("Add", ["x", "b"], ["a"]), helper.make_node("Relu", ["a"], ["b"]),
                  helper.make_node("Relu", ["b"], ["y"])),
            "without cycles",
        ),
        (model(helper.make_node("Relu", ["z"], ["y"])), 'Relu "y": .*got "z", which none does'),
        (model(helper.make_node("Relu", ["x"], ["x"])), '"x" twice'),
        (model(helper.make_node("Relu", ["x"], ["y"]), opset=6), "opset 7 to .*, got opset 6"),
        (model(helper.make_node("Relu", ["x"], ["y"]), opset=999), "opset 7 to .*, got opset 999"),
    ],
)  # fmt: skip
def test_a_model_that_cannot_run_is_named(broken, words):
    with pytest.raises(DataError, match=words):
        fovea.onnx.Backend.prepare(broken)
    assert not fovea.onnx.Backend.is_compatible(broken)


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (helper.make_node("Relu", ["x"], ["y"], name="act", slope=2.0), 'Relu "act": .*slope'),
        (helper.make_node("Conv", ["x", "x"], ["y"]), 'Conv "y"'),
        (helper.make_node("Reshape", ["x", "shape"], ["y"]), 'Reshape "y"'),
    ],
)
def test_inputs_and_attributes_that_do_not_fit_name_the_operator(node, words):
    values = [("x", [1, 2]), *([("shape", [1])] if "shape" in node.input else [])]
    inputs = [ROW, np.array([7])][: len(values)]
    with pytest.raises(DataError, match=words):
        fovea.onnx.Backend.run_model(model(node, inputs=values), inputs)
