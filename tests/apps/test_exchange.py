"""fovea export and fovea import: from model files to ONNX files and back."""

import numpy as np
import pytest

import fovea
from fovea.errors import DataError
from tests import tiny

onnx = pytest.importorskip("onnx")


@pytest.fixture(autouse=True)
def place(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    monkeypatch.chdir(tmp_path)
    network = tiny.network()
    network.classes = tiny.CLASSES
    network.save("tiny.safetensors")


def test_out_and_in_again(call, tmp_path):
    code, out, _ = call("export", "tiny.safetensors", "--format", "onnx")
    assert (code, out) == (
        0,
        "tiny.onnx: input (N, 1, 8, 8), pixels from 0 to 255; output probabilities\n",
    )
    code, out, _ = call("import", "tiny.onnx", "--out", "again.safetensors")
    assert code == 0
    assert out.startswith("again.safetensors: 5 layers, ")
    pictures, _ = tiny.pictures(6)
    again, first = fovea.load("again.safetensors"), fovea.load("tiny.safetensors")
    assert again.classes == tiny.CLASSES
    assert np.allclose(again.predict(pictures), first.predict(pictures), atol=1e-6)


def test_numbers_and_logits(call):
    code, out, _ = call("export", "tiny.safetensors", "--numbers", "--logits", "--out", "bare.onnx")
    assert code == 0
    assert out == "bare.onnx: input (N, 1, 8, 8), preprocessed numbers; output logits\n"
    operators = [node.op_type for node in onnx.load("bare.onnx").graph.node]
    assert operators[0] == "Conv"
    assert "Softmax" not in operators


def test_what_a_file_does_not_say_can_be_said(call, tmp_path):
    call("export", "tiny.safetensors", "--numbers")
    (tmp_path / "names.txt").write_text("a\nb\n\nc\n")
    said = ("--classes", "names.txt", "--mean", "0.5", "--std", "0.25")
    code, out, _ = call("import", "tiny.onnx", "--out", "new.safetensors", *said)
    assert code == 0
    assert "from 0 to 1" not in out
    network = fovea.load("new.safetensors")
    assert network.classes == ["a", "b", "c"]
    assert (network.preprocessing.mean, network.preprocessing.std) == ((0.5,), (0.25,))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["export", "tiny.safetensors", "--format", "caffe"], 2, ["--format", "onnx", "'caffe'"]),
        (["export", "missing.safetensors"], 1, ["missing.safetensors", "no such file"]),
        (["export", "tiny.safetensors", "--out", "tiny.safetensors"], 1, ["already exists", "--out"]),
        (["import", "missing.onnx"], 1, ["missing.onnx", "no such file"]),
        (["import", "tiny.safetensors", "--out", "x.safetensors"], 1, ["expected an ONNX file"]),
        (["import", "tiny.onnx", "--mean", "grey"], 2, ["--mean", "'grey'"]),
        (["import", "tiny.onnx", "--input-shape", "8,8,0"], 2, ["--input-shape", "0"]),
    ],
)
def test_what_is_wrong_is_one_line(arguments, code, words, call, tmp_path):
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    got, _, err = call(*arguments)
    assert got == code
    assert len(err.splitlines()) == 1
    assert all(word in err for word in words), err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_class_names_that_occur_twice_get_their_numbers(call, tmp_path):
    call("export", "tiny.safetensors")
    (tmp_path / "names.txt").write_text("\ufeffcafe\u0301\n crane \ncaf\u00e9\n")
    code, out, _ = call("import", "tiny.onnx", "--out", "new.safetensors", "--classes", "names.txt")
    assert code == 0
    assert "names.txt repeats 'caf\u00e9' (0, 2): these names now end in their numbers" in out
    assert fovea.load("new.safetensors").classes == ["caf\u00e9 (0)", "crane", "caf\u00e9 (2)"]


def test_class_names_that_do_not_fit(call, tmp_path):
    from fovea.apps import exchange

    call("export", "tiny.safetensors")
    (tmp_path / "names.txt").write_text("a\nb\n")
    with pytest.raises(DataError, match=r"names\.txt: expected 3 class names, one per line, got 2"):
        exchange.import_onnx("tiny.onnx", "new.safetensors", classes="names.txt")
    with pytest.raises(DataError, match="cannot be read"):
        exchange.import_onnx("tiny.onnx", "new.safetensors", classes="missing.txt")
    assert not (tmp_path / "new.safetensors").exists()
