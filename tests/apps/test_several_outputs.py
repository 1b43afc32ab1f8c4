"""Commands with a model of several outputs: those that need classes say so, all others work."""

import numpy as np
import pytest
from PIL import Image

import fovea
from fovea.apps.explain import explain
from fovea.apps.look.session import Look
from fovea.layers import Conv2D, MaxPool2D, ReLU
from tests.cases import halide


@pytest.fixture(autouse=True)
def place(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    monkeypatch.chdir(tmp_path)
    network().save("heads.safetensors")
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(pixels).save("picture.png")
    for part in ("train", "val"):
        for name in "ab":
            (tmp_path / "data" / part / name).mkdir(parents=True)
            Image.fromarray(pixels).save(tmp_path / "data" / part / name / "1.png")


def network():
    layers = {
        "stem": Conv2D(4, 3, padding="same"),
        "relu": ReLU(),
        "pool": MaxPool2D(2),
        "boxes": (Conv2D(4, 1), "pool"),
        "classes": (Conv2D(2, 1), "pool"),
    }
    return fovea.Network(layers, (8, 8, 3), outputs=("boxes", "classes"), classes=["cat", "dog"])


def test_summary(call):
    code, out, _ = call("summary", "heads.safetensors")
    assert code == 0
    assert out.endswith("outputs: boxes 4×4×4, classes 4×4×2\n")


@pytest.mark.parametrize(
    "command",
    [
        ("predict", "heads.safetensors", "picture.png"),
        ("evaluate", "heads.safetensors", "data"),
        ("inspect", "heads.safetensors", "picture.png", "--class", "cat"),
    ],
)
def test_what_needs_a_classifier_is_refused(call, command):
    code, _, err = call(*command)
    assert code == 1
    assert (
        "a network that ends in classes, got one that outputs boxes 4×4×4, classes 4×4×2 per pic"
        in err.replace("\n", " ")
    )


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--model", "train: expected a network that ends in classes, got boxes 4×4×4, classes 4×4×2"),
        ("--weights", "a last layer with one output per class, got outputs boxes, classes"),
    ],
)
def test_a_classifier_cannot_be_trained_from_it(call, option, words):
    code, _, err = call("train", "data", option, "heads.safetensors", "--epochs", "1")
    assert code == 1
    assert words in err


def test_inspect_shows_maps_and_fields(call, tmp_path):
    code, _, err = call("inspect", "heads.safetensors", "picture.png", "--out", "seen", "--layer", "boxes")
    assert (code, err) == (0, "")
    report = (tmp_path / "seen" / "report.html").read_text(encoding="utf-8")
    assert "to boxes 4×4×4, classes 4×4×2." in report


def test_look_shows_values_forward():
    look = Look("heads.safetensors")
    look.warm()
    described, _ = look.describe()
    assert described["classes"] == []
    assert all(layer["views"] == ["value"] for layer in described["layers"])


def test_export_and_import(call, tmp_path):
    pytest.importorskip("onnx")
    code, out, _ = call("export", "heads.safetensors", "--format", "onnx")
    assert (code, out.splitlines()) == (
        0,
        ["heads.onnx: input (N, 3, 8, 8), pixels from 0 to 255; output boxes 4×4×4, classes 4×4×2"],
    )
    (tmp_path / "names.txt").write_text("a\nb\nc\n")
    for more, classes in (((), ["cat", "dog"]), (("--classes", "names.txt"), ["a", "b", "c"])):
        code, *_ = call("import", "heads.onnx", "--out", f"{len(more)}.safetensors", *more)
        assert code == 0
        again = fovea.load(f"{len(more)}.safetensors")
        assert (again.outputs, again.classes) == (("boxes", "classes"), classes)


@halide
@pytest.mark.parametrize("training", [True, False])
def test_explain_kernels(training, monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "halide")
    found = explain(network(), "heads", batch_size=2, training=training)
    losses = [row for row in found.rows if row.phase == "loss"]
    assert [row.shapes for row in losses] == [
        "boxes 4×4×4, classes 4×4×2 → boxes 4×4×4, classes 4×4×2"
    ] * training
