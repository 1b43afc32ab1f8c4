"""In a file that Fovea wrote and somebody changed, the graph counts; what contradicts it is named."""

import json

import numpy as np
import pytest

import fovea
from fovea.cli import main
from fovea.errors import FoveaWarning
from fovea.layers import Conv2D, Dense, Flatten
from fovea.network.preprocessing import Preprocessing

onnx = pytest.importorskip("onnx")

from onnx import helper, numpy_helper  # noqa: E402

OWN = Preprocessing((0.4, 0.5, 0.6), (0.2, 0.3, 0.25))
PICTURES = np.random.default_rng(0).integers(0, 256, (3, 6, 5, 3), np.uint8)


def exported(**how):
    network = fovea.Network([Conv2D(4, 3), Flatten(), Dense(3)], (6, 5, 3), seed=1)
    network.preprocessing, network.classes = OWN, ["a", "b", "c"]
    return fovea.onnx.to_model(network, **how)


def metadata(model, **changes):
    for key, value in changes.items():
        (entry,) = [entry for entry in model.metadata_props if entry.key == key]
        entry.value = value if isinstance(value, str) else json.dumps(value)
    return model


def constant(model, name, change):
    (tensor,) = [tensor for tensor in model.graph.initializer if tensor.name == name]
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)), name))


def other_scale(model):
    constant(model, "preprocessing.scale", lambda scale: scale * np.float32(2))


def other_offset(model):
    constant(model, "preprocessing.offset", lambda offset: offset + np.float32(1))


def of_one_number(model):
    constant(model, "preprocessing.scale", lambda scale: scale.reshape(-1)[0])


def negative(model):
    constant(model, "preprocessing.scale", lambda scale: -scale)


def exchanged(model):
    """(u + offset) · scale."""
    model.graph.node[0].op_type, model.graph.node[1].op_type = "Add", "Mul"


def one_gone(model):
    del model.graph.node[0]
    model.graph.node[0].input[0] = "images"


def both_gone(model):
    del model.graph.node[:2]
    model.graph.node[0].input[0] = "images"


def one_more(model):
    first = helper.make_node("Relu", ["images"], ["lit"])
    model.graph.node.insert(0, first)
    model.graph.node[1].input[0] = "lit"


def renamed(model):
    metadata(model, fovea_numbers="conv1")


def other_numbers(model):
    metadata(model, preprocessing=Preprocessing((0.1,) * 3, (0.7,) * 3).to_dict())


CHANGES = [
    other_scale, other_offset, of_one_number, negative, exchanged, one_gone, both_gone, one_more, renamed,
    other_numbers,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_predicts_what_its_graph_computes_of_pixels(change):
    model = exported()
    change(model)
    with pytest.warns(FoveaWarning, match="metadata (preprocessing|fovea_numbers) not used") as said:
        network = fovea.onnx.from_model(model)
    assert len(said) == 1
    with fovea.engine("reference"):
        (expected,) = fovea.onnx.Backend.run_model(model, [PICTURES.transpose(0, 3, 1, 2).astype(np.float32)])
        assert np.allclose(network.predict(PICTURES), expected, atol=1e-5)
    assert network.classes == ["a", "b", "c"]


@pytest.mark.parametrize("numbers", [False, True])
def test_a_file_as_it_was_written_is_no_reason_to_warn(numbers):
    network = fovea.onnx.from_model(exported(numbers=numbers))
    assert network.preprocessing == OWN
    assert network.classes == ["a", "b", "c"]


def test_a_changed_layer_contradicts_nothing():
    model = exported()
    constant(model, "dense1.b", lambda b: b + np.float32(3))
    assert fovea.onnx.from_model(model).preprocessing == OWN


NESTED = "[" * 100_000


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("classes", ["a", "b"], "3 different class names"),
        ("classes", ["a", "a", "b"], "different class names"),
        ("classes", {"a": 1, "b": 2, "c": 3}, "class names"),
        ("classes", [1, 2, 3], "class names"),
        ("classes", 7, "class names"),
        ("classes", ["a", "b", "\ud800"], "class names in Unicode"),
        ("classes", NESTED, "JSON"),
        ("classes", "no JSON", "JSON"),
        ("preprocessing", NESTED, "JSON"),
        ("preprocessing", '{"mean": [1' + "0" * 5000 + ', 1, 1], "std": [1, 1, 1]}', "JSON"),
        ("preprocessing", {"mean": [0, 0, 0], "std": [0, 1, 1]}, "positive std"),
        ("preprocessing", {"mean": [0], "std": [1]}, "3, one for each channel"),
        ("preprocessing", [1, 2], "mean and std"),
        ("fovea_format", "2", "upgrade Fovea"),
    ],
)
def test_metadata_that_say_nothing_of_use_are_named(key, value, words):
    with pytest.warns(FoveaWarning, match=f"metadata {key} not used: .*{words}"):
        network = fovea.onnx.from_model(metadata(exported(), **{key: value}))
    if key == "classes":
        assert network.classes is None
    if key == "preprocessing":  # the graph says it as well
        assert np.allclose(network.preprocessing.mean, OWN.mean, atol=1e-6)


def test_the_command_line_says_it_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    model = exported()
    other_scale(model)
    onnx.save(model, "changed.onnx")
    with pytest.raises(SystemExit) as end:
        main(["import", "changed.onnx"])
    assert end.value.code == 0
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith(
        "fovea: metadata preprocessing not used: its numbers: expected those of the graph"
    )
