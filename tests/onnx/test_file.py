"""ONNX files, and the numbers that they may keep in others; whatever is wrong with them is one sentence."""

import numpy as np
import pytest

import fovea
from fovea.errors import DataError
from fovea.layers import Conv2D, Dense, Flatten

onnx = pytest.importorskip("onnx")

from onnx import TensorProto  # noqa: E402


@pytest.fixture
def network():
    return fovea.Network([Conv2D(4, 3), Flatten(), Dense(3)], (8, 8, 1))


@pytest.fixture
def beside(network, tmp_path):
    """A model whose numbers lie in another file: beside(**changes) changes where one of them says it lies."""

    def write(**changes):
        model = fovea.onnx.to_model(network)
        path = tmp_path / "model.onnx"
        onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
        model = onnx.load(path, load_external_data=False)
        (tensor,) = [t for t in model.graph.initializer if t.name == "dense1.W"]
        assert tensor.data_location == TensorProto.EXTERNAL
        for entry in tensor.external_data:
            entry.value = str(changes.get(entry.key, entry.value))
        path.write_bytes(model.SerializeToString())
        return path

    return write


def test_numbers_may_lie_in_another_file(beside, network):
    pictures = np.zeros((1, 8, 8, 1), np.uint8)
    with fovea.engine("reference"):
        assert np.allclose(fovea.onnx.load(beside()).predict(pictures), network.predict(pictures))


@pytest.mark.parametrize(
    "away", ["../weights.bin", "/etc/hostname", "a/../../weights.bin", "", "a\0b", "/proc/self/mem"]
)
def test_numbers_outside_the_models_folder_are_not_read(beside, away):
    with pytest.raises(DataError, match=r'"dense1\.W": expected its numbers in the model'):
        fovea.onnx.load(beside(location=away))


def test_a_link_does_not_lead_out_of_the_folder(beside, tmp_path_factory, tmp_path):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "secret.bin"
    elsewhere.write_bytes(bytes(100_000))
    (tmp_path / "link.bin").symlink_to(elsewhere)
    with pytest.raises(DataError, match="in the model's folder"):
        fovea.onnx.load(beside(location="link.bin"))


def test_links_in_a_circle_lead_nowhere(beside, tmp_path):
    (tmp_path / "one.bin").symlink_to("other.bin")
    (tmp_path / "other.bin").symlink_to("one.bin")
    with pytest.raises(DataError, match=r'"dense1\.W"'):
        fovea.onnx.load(beside(location="one.bin"))


def test_a_file_of_numbers_is_not_read_without_end(beside, tmp_path):
    path = beside()
    model = onnx.load(path, load_external_data=False)
    (shared,) = [t for t in model.graph.initializer if t.name == "dense1.W"]
    for number in range(40):
        model.graph.initializer.add().CopyFrom(shared)
        model.graph.initializer[-1].name = f"again{number}"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(DataError, match=r"weights\.bin: expected its bytes at most 16 times"):
        fovea.onnx.load(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"location": "missing.bin"}, "missing.bin cannot be read"),
        ({"offset": 10**6}, "cut short"),
        ({"length": 10**6}, "cut short"),
        ({"length": 8}, "numbers of its shape"),
        ({"offset": "first"}, "whole number"),
        ({"offset": -4}, "from 0 to"),
        ({"length": -5}, "from 0 to"),
        ({"length": "1" * 5000}, "from 0 to"),
        ({"length": "1_0"}, "from 0 to"),
        ({"offset": 10**17}, "cut short"),
        ({"location": "x" * 5000}, "in the model's folder|cannot be read"),
    ],
)
def test_numbers_that_are_missing_or_too_short(beside, changes, words):
    with pytest.raises(DataError, match=f'"dense1.W".*{words}'):
        fovea.onnx.load(beside(**changes))


@pytest.mark.parametrize("content", [b"", b"not a network", bytes(1000), b"\x08\x08"])
def test_a_file_of_another_kind(content, tmp_path):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(DataError, match=r"model\.onnx: expected an ONNX file"):
        fovea.onnx.load(tmp_path / "model.onnx")


def test_a_file_that_is_cut_short(network, tmp_path):
    whole = fovea.onnx.to_model(network).SerializeToString()
    for end in range(0, len(whole) - 1, 97):
        (tmp_path / "model.onnx").write_bytes(whole[:end])
        with pytest.raises(DataError, match=r"model\.onnx"):
            fovea.onnx.load(tmp_path / "model.onnx")


def test_a_folder_and_a_missing_file(tmp_path):
    with pytest.raises(DataError, match="a folder"):
        fovea.onnx.load(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        fovea.onnx.load(tmp_path / "model.onnx")
