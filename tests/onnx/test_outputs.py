"""Models of several outputs: each is written by its name, and comes back by it."""

import json

import numpy as np
import pytest

import fovea
from fovea.layers import Add, BatchNorm, Conv2D, Dense, Dropout, Flatten, MaxPool2D, ReLU, Softmax

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper  # noqa: E402

from fovea.onnx.building import layer_names  # noqa: E402


@pytest.fixture(autouse=True)
def on_the_reference(monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")


def network(outputs, **more):
    layers = {
        "stem": Conv2D(8, 3, padding="same"),
        "relu": ReLU(),
        "pool": MaxPool2D(2),
        "conv": Conv2D(4, 3, padding="same"),
        "norm": BatchNorm(),
        "flat": Flatten(),
        "drop": Dropout(0.5),
        "dense": Dense(5),
        "soft": Softmax(),
        "side": (Conv2D(4, 1), "pool"),
        "sum": (Add(), "side", "norm"),
    }
    return fovea.Network(layers, (6, 4, 3), outputs=outputs, **more)


def pictures(n=3):
    return np.random.default_rng(1).normal(size=(n, 6, 4, 3)).astype(np.float32)


def check(own, model, numbers=True):
    """onnxruntime and the network that comes back give what `own` gives."""
    onnxruntime = pytest.importorskip("onnxruntime")
    onnx.checker.check_model(model, full_check=True)
    assert [output.name for output in model.graph.output] == list(own.outputs)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    X = pictures() if numbers else np.random.default_rng(2).integers(0, 256, (3, 6, 4, 3), np.uint8)
    expected = own.run(X)
    there = session.run(None, {session.get_inputs()[0].name: X.transpose(0, 3, 1, 2).astype(np.float32)})
    back = fovea.onnx.from_model(model)
    assert back.outputs == own.outputs
    assert back.output_shape == own.output_shape
    found = back.run(X)
    for Z, (name, wanted) in zip(there, expected.items(), strict=True):
        Z = Z.transpose(0, 2, 3, 1) if Z.ndim == 4 else Z
        assert np.allclose(Z, wanted, atol=1e-5), name
        assert np.allclose(found[name], wanted, atol=1e-5), name
    return back


@pytest.mark.parametrize(
    "outputs",
    [
        ("sum", "soft"),
        ("stem", "relu", "pool", "conv", "norm", "flat", "drop", "dense", "soft", "side", "sum"),
        ("drop", "sum", "flat", "soft"),
        ("soft", "drop", "sum"),
    ],
)
@pytest.mark.parametrize("numbers", [True, False])
def test_outputs_go_out_and_come_back_by_their_names(outputs, numbers):
    own = network(outputs, classes=["cat", "dog"])
    back = check(own, fovea.onnx.to_model(own, numbers=numbers), numbers)
    assert back.classes == ["cat", "dog"]


def test_one_output_with_a_name_comes_back_with_it():
    own = fovea.Network([Flatten(), Dense(3), Softmax()], (6, 4, 3), outputs=("softmax1",))
    back = check(own, fovea.onnx.to_model(own, numbers=True))
    assert isinstance(back.layers[-1], Softmax)


def test_metadata_do_not_name_what_is_not_there():
    own = fovea.Network([Flatten(), Dense(3)], (6, 4, 3), outputs=("dense1",))
    for text, names in (('["other"]', ()), ('"dense1"', ()), ('["dense1"]', ("dense1",))):
        model = fovea.onnx.to_model(own)
        (entry,) = (entry for entry in model.metadata_props if entry.key == "outputs")
        assert json.loads(entry.value) == ["dense1"]
        entry.value = text
        assert fovea.onnx.from_model(model).outputs == names


def test_layers_may_be_called_as_the_model_calls_its_own_tensors():
    own = fovea.Network(
        {"images": Conv2D(2, 1), "scaled": ReLU(), "numbers": Flatten(), "probabilities": Dense(3)},
        (6, 4, 3),
        outputs=("probabilities", "images"),
    )
    model = fovea.onnx.to_model(own)
    assert [i.name for i in model.graph.input] == ["images_"]
    check(own, model, numbers=False)
    single = fovea.Network({"logits": Flatten(), "probabilities": Dense(3)}, (2, 2, 1))
    names = [output.name for output in fovea.onnx.to_model(single).graph.output]
    assert names == ["probabilities_"]
    X = np.random.default_rng(0).integers(0, 256, (3, 2, 2, 1), np.uint8)
    assert np.allclose(
        fovea.onnx.from_model(fovea.onnx.to_model(single)).predict(X), single.predict(X), atol=1e-6
    )


def made(*nodes, outputs):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 4, 4])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph(list(nodes), "test", [x], ends)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_outputs_that_are_the_same_get_layers_of_their_own():
    nodes = [
        helper.make_node("Relu", ["x"], ["y"]),
        helper.make_node("Identity", ["y"], ["z"]),
        helper.make_node("GlobalAveragePool", ["y"], ["m"]),
        helper.make_node("Flatten", ["m"], ["f"]),
        helper.make_node("Identity", ["f"], ["g"]),
    ]
    back = fovea.onnx.from_model(made(*nodes, outputs=("g", "z", "x", "y", "f")))
    assert back.outputs == ("g", "z", "x", "y", "f")
    X = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype(np.float32)
    found = back.run(X)
    assert np.array_equal(found["x"], X)
    assert np.array_equal(found["y"], np.maximum(X, 0))
    assert np.array_equal(found["y"], found["z"])
    assert np.allclose(found["f"], found["y"].mean(axis=(1, 2)), atol=1e-6)
    assert np.array_equal(found["f"], found["g"])


def test_an_output_is_not_changed_by_what_takes_it_in():
    """A scale is folded into the convolution before it, but not where the convolution's own output counts."""
    W = helper.make_tensor("W", TensorProto.FLOAT, (2, 3, 1, 1), np.arange(6, dtype=np.float32))
    s = helper.make_tensor("s", TensorProto.FLOAT, (), [2.0])
    nodes = [helper.make_node("Conv", ["x", "W"], ["y"]), helper.make_node("Mul", ["y", "s"], ["z"])]
    model = made(*nodes, outputs=("y", "z"))
    model.graph.initializer.extend([W, s])
    found = fovea.onnx.from_model(model).run(np.ones((1, 4, 4, 3), np.float32))
    assert np.array_equal(found["y"][0, 0, 0], [3, 12])
    assert np.array_equal(found["z"][0, 0, 0], [6, 24])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["boxes", "_x", "a-b"], ["boxes", "_x", "a-b"]),
        (
            ["/head/Conv_output_0", "742", "input", ""],
            ["head_Conv_output_0", "output_742", "output_input", "output"],
        ),
        (["a.b", "a/b", "a_b"], ["a_b", "a_b_2", "a_b_3"]),
        (["a_b_2", "a.b", "a/b"], ["a_b_2", "a_b", "a_b_3"]),
    ],
)
def test_names_that_no_layer_can_have_are_made_fit(names, expected):
    assert layer_names(names) == expected


def test_an_output_may_have_the_name_of_another_layer():
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Relu", ["a"], ["relu1"]),
        helper.make_node("Tanh", ["a"], ["relu1_"]),
    ]
    back = fovea.onnx.from_model(made(*nodes, outputs=("relu1", "relu1_")))
    assert [layer.name for layer in back.layers] == ["relu1__", "relu1", "relu1_"]
