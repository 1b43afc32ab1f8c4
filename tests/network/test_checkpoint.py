"""Model files: what is saved comes back, and what is no whole model file gets an error that says why."""

import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
import safetensors.numpy

import fovea
from fovea import Network
from fovea.errors import DataError, FoveaError
from fovea.layers import (
    AveragePool2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    Layer,
    MaxPool2D,
    ReLU,
)
from fovea.layers.base import REGISTRY
from fovea.models import lenet5
from fovea.network.preprocessing import Preprocessing

CLASSES = ["Ähre", "a/b", "猫", "", " "]


def small():
    layers = [Conv2D(3, 3, padding="same"), ReLU(), MaxPool2D(2), Flatten(), Dense(5)]
    return Network(
        layers, (6, 6, 2), seed=1, classes=CLASSES, preprocessing=Preprocessing((0.4, 0.5), (0.2, 0.3))
    )


@pytest.fixture(autouse=True)
def on_the_reference(monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.safetensors"
    small().save(path)
    return path


# What is saved comes back


def test_everything_comes_back(path):
    network, again = small(), fovea.load(path)
    assert again.architecture() == network.architecture()
    assert again.classes == CLASSES
    assert again.preprocessing == network.preprocessing
    assert np.array_equal(again.flat, network.flat)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 6, 2), dtype=np.uint8)
    assert np.array_equal(again.predict(pixels), network.predict(pixels))


def test_every_layer_and_hyperparameter_comes_back(tmp_path):
    layers = [
        Conv2D(4, (3, 5), (1, 2), (1, 0, 2, 2), bias=False, initializer="glorot_uniform"),
        MaxPool2D(2, 1, "same"),
        AveragePool2D((2, 3), padding=1, count_include_pad=True),
        Dropout(0.3),
        GlobalAveragePool2D(),
        Dense(7, bias=False, initializer="he_uniform"),
    ]
    network = Network(layers, (20, 22, 3))
    network.save(tmp_path / "all")
    again = fovea.load(tmp_path / "all")
    assert again.shapes == network.shapes
    for layer, before in zip(again.layers, network.layers, strict=True):
        assert type(layer) is type(before)
        assert layer.configuration() == before.configuration()
    assert again.classes is None


def test_it_is_a_safetensors_file_with_its_mark(path):
    tensors = safetensors.numpy.load_file(path)
    network = small()
    assert set(tensors) == set(network.parameters)
    assert all(np.array_equal(tensors[name], array) for name, array in network.parameters.items())
    with safetensors.safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    assert metadata["fovea_format"] == "1"
    assert json.loads(metadata["input_size"]) == [6, 6]
    assert json.loads(metadata["classes"]) == CLASSES


def test_the_same_network_gives_the_same_bytes(path, tmp_path):
    small().save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_a_users_layer_comes_back_once_it_is_imported(tmp_path):
    @dataclass(eq=False)
    class Offset(Layer):
        by: float

        def forward(self, A_prev, *, training=False, rng=None):
            return A_prev + np.float32(self.by), None

    path = tmp_path / "model"
    Network([Offset(2.5), Flatten()], (2, 2, 1)).save(path)
    assert fovea.load(path).layers[0].by == 2.5
    del REGISTRY["Offset"]
    with pytest.raises(
        DataError, match=r"model: Network: .* the layer 'Offset': import the module that defines"
    ):
        fovea.load(path)


def test_a_layer_that_could_not_come_back_is_refused_before_anything_is_written(tmp_path):
    class Hidden(Layer):
        def __init__(self, array):
            self.array = array

    with pytest.raises(
        FoveaError, match=r'^Hidden "hidden1": expected hyperparameters that it can be built from'
    ):
        Network([Hidden(np.zeros(3))], (2, 2, 1)).save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_loading_imports_nothing_heavy(path):
    code = (
        "import sys, fovea; network = fovea.load(sys.argv[1]); "
        "heavy = {'halide', 'llvmlite', 'matplotlib', 'rich', 'PIL', 'typer', 'yaml', 'unittest'}; "
        "heavy &= set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code, path], check=True)


# What is no whole model file


def metadata_of(path):
    with safetensors.safe_open(path, framework="numpy") as file:
        return file.metadata()


def rewritten(path, metadata=None, tensors=None):
    """The file with some of its metadata and tensors replaced; None leaves one out."""

    def changed(old, new):
        return {k: v for k, v in (old | (new or {})).items() if v is not None}

    metadata = changed(metadata_of(path), metadata)
    tensors = changed(safetensors.numpy.load_file(path), tensors)
    path.write_bytes(safetensors.numpy.save(tensors, metadata=metadata))
    return path


def test_a_file_cut_short_anywhere_is_refused(path):
    content = path.read_bytes()
    for length in [0, 1, 7, 8, 9, 100, len(content) // 2, len(content) - 4, len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(
            DataError, match=r"model\.safetensors: expected a whole safetensors file, got .*: it is"
        ):
            fovea.load(path)


def test_a_file_with_more_at_its_end_is_refused(path):
    path.write_bytes(path.read_bytes() + b"\0\0\0\0")
    with pytest.raises(DataError, match=r"expected a whole safetensors file"):
        fovea.load(path)


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"hello",
        b"\xff" * 64,
        (2).to_bytes(8, "little") + b"[]",
        (8).to_bytes(8, "little") + b'{"a": 1}',
        (64).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}         ',
    ],
)
def test_a_file_of_another_kind_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"model\.safetensors: expected a whole safetensors file"):
        fovea.load(path)


def test_a_zip_file_that_pytorch_did_not_write_is_refused(path):
    path.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(DataError, match=r"model\.safetensors: expected a whole PyTorch file, got a zip file"):
        fovea.load(path)


@pytest.mark.parametrize("byte", range(8, 80, 7))
def test_a_damaged_header_never_ends_in_anything_but_a_dataerror(path, byte):
    content = bytearray(path.read_bytes())
    content[byte] ^= 0x15
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"model\.safetensors"):
        fovea.load(path)


def test_a_file_from_elsewhere_is_refused(path):
    path.write_bytes(safetensors.numpy.save({"conv1.weight": np.zeros((6, 1, 5, 5), np.float32)}))
    with pytest.raises(
        DataError, match=r"expected a model file of Fovea .*, or weights of .*, got 1 tensor of neither"
    ):
        fovea.load(path)


def test_a_tensor_of_a_type_that_numpy_lacks_is_refused(path):
    header = json.dumps({"w": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(DataError, match=r"model\.safetensors"):
        fovea.load(path)


def test_a_later_format_asks_for_a_newer_fovea(path):
    with pytest.raises(
        DataError, match=r"expected fovea_format 1, got 2: a newer Fovea wrote it: pip install -U fovea-cnn"
    ):
        fovea.load(rewritten(path, {"fovea_format": "2"}))


@pytest.mark.parametrize("key", ["architecture", "classes", "preprocessing"])
def test_metadata_that_is_missing_or_no_json_is_named(path, key):
    content = path.read_bytes()
    with pytest.raises(DataError, match=rf"expected {key} in its metadata, got none"):
        fovea.load(rewritten(path, {key: None}))
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"model\.safetensors: {key}: expected JSON, got "):
        fovea.load(rewritten(path, {key: "{oops"}))
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"model\.safetensors: {key}: expected JSON, got "):
        fovea.load(rewritten(path, {key: "[" * 100_000}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("architecture", None),
        ("architecture", []),
        ("architecture", {"layers": 3, "input_shape": [6, 6, 2]}),
        ("architecture", {"layers": [], "input_shape": [6, 6, 2]}),
        ("architecture", {"layers": [3], "input_shape": [6, 6, 2]}),
        ("architecture", {"layers": [{"type": "ReLU"}], "input_shape": [6, 6, 2]}),
        ("architecture", {"layers": [{"type": ["ReLU"], "hyperparameters": {}}], "input_shape": [6, 6, 2]}),
        ("architecture", {"layers": [{"type": "Layer", "hyperparameters": {}}], "input_shape": [6, 6, 2]}),
        (
            "architecture",
            {"layers": [{"type": "ReLU", "hyperparameters": {"a": 1}}], "input_shape": [6, 6, 2]},
        ),
        ("architecture", {"layers": [{"type": "Dense", "hyperparameters": {}}], "input_shape": [6, 6, 2]}),
        (
            "architecture",
            {"layers": [{"type": "Dense", "hyperparameters": {"units": "5"}}], "input_shape": [6]},
        ),
        (
            "architecture",
            {"layers": [{"type": "Dense", "hyperparameters": {"units": 10**13}}], "input_shape": [9]},
        ),
        (
            "architecture",
            {"layers": [{"type": "Dense", "hyperparameters": {"units": 10**40}}], "input_shape": [9]},
        ),
        ("architecture", {"layers": [{"type": "ReLU", "hyperparameters": {}}], "input_shape": 6}),
        ("architecture", {"layers": [{"type": "ReLU", "hyperparameters": {}}], "input_shape": []}),
        ("architecture", {"layers": [{"type": "ReLU", "hyperparameters": {}}], "input_shape": ["6", 6, 2]}),
        ("classes", 5),
        ("classes", "abcde"),
        ("classes", ["a", "b"]),
        ("classes", [1, 2, 3, 4, 5]),
        ("classes", [["a"], "b", "c", "d", "e"]),
        ("preprocessing", None),
        ("preprocessing", {"mean": [0, 0]}),
        ("preprocessing", {"mean": [0], "std": [1]}),
        ("preprocessing", {"mean": [0, 0], "std": [0, 0]}),
        ("preprocessing", {"mean": ["a", 0], "std": [1, 1]}),
    ],
)
def test_metadata_that_makes_no_network_is_a_dataerror(path, key, value):
    with pytest.raises(DataError, match=r"model\.safetensors: .*expected .*, got "):
        fovea.load(rewritten(path, {key: json.dumps(value)}))


def test_a_missing_tensor_is_named(path):
    with pytest.raises(DataError, match=r"model\.safetensors: expected a tensor conv1\.b \(3,\), got none"):
        fovea.load(rewritten(path, tensors={"conv1.b": None}))


def test_an_extra_tensor_is_named(path):
    with pytest.raises(DataError, match=r"expected the tensors of its architecture, got conv9\.W as well"):
        fovea.load(rewritten(path, tensors={"conv9.W": np.zeros(3, np.float32)}))


@pytest.mark.parametrize(
    ("tensor", "got"),
    [
        (np.zeros((3, 3, 3, 2), np.float32), r"float32 \(3, 3, 3, 2\)"),
        (np.zeros((3, 3, 2, 3), np.float64), r"float64 \(3, 3, 2, 3\)"),
        (np.zeros((), np.float32), r"float32 \(\)"),
    ],
)
def test_a_tensor_of_another_shape_or_type_is_named(path, tensor, got):
    expected = r"model\.safetensors: tensor conv1\.W: expected float32 \(3, 3, 2, 3\), got "
    with pytest.raises(DataError, match=expected + got):
        fovea.load(rewritten(path, tensors={"conv1.W": tensor}))


def test_no_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(DataError, match=r"nothing\.safetensors: there is no such file"):
        fovea.load(tmp_path / "nothing.safetensors")
    with pytest.raises(DataError, match=r"expected a model file, got a folder"):
        fovea.load(tmp_path)


# Saving that fails leaves what was there


def test_a_full_disk_leaves_the_old_file(path, monkeypatch):
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match=r"model\.safetensors: cannot be written \(No space left on device\)"):
        small().save(path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]  # noqa: PTH208


def _in_another_process(code, path, **how):
    program = f"import sys\nfrom fovea.models import lenet5\npath = sys.argv[1]\n{code}"
    return subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, timeout=60, **how
    )


def test_a_disk_that_fills_while_the_file_is_written_leaves_the_old_one(path):
    before = path.read_bytes()
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))\n"
    result = _in_another_process(limit + "lenet5().save(path)", path)  # LeNet-5 has 247 kB
    assert "fovea.errors.DataError" in result.stderr
    assert "cannot be written (File too large)" in result.stderr
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_kill_while_saving_leaves_the_old_file(path, moment):
    before = path.read_bytes()
    module = {"fsync": "os.fsync", "replace": "pathlib.Path.replace"}[moment]
    kill = f"import os, pathlib, signal\n{module} = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
    result = _in_another_process(kill + "lenet5().save(path)", path)
    assert result.returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    assert np.array_equal(fovea.load(path).flat, small().flat)


def test_a_kill_right_after_saving_leaves_the_new_file(path):
    kill = "import os, signal\nlenet5(seed=5).save(path)\nos.kill(os.getpid(), signal.SIGKILL)"
    assert _in_another_process(kill, path).returncode == -signal.SIGKILL
    assert np.array_equal(fovea.load(path).flat, lenet5(seed=5).flat)


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no/model: cannot be written \(No such file or directory\)"):
        small().save(tmp_path / "no" / "model")


def test_a_folder_in_place_of_the_file_is_left_alone(tmp_path):
    with pytest.raises(DataError, match=r"cannot be written"):
        small().save(tmp_path)
    assert tmp_path.is_dir()


def test_an_onnx_file_is_told_how_to_become_a_model(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"no tensors")
    words = "expected a model file, got an ONNX file: convert it with fovea import .*net.onnx"
    with pytest.raises(DataError, match=words):
        fovea.load(path)
