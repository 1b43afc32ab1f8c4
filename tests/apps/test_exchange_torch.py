"""fovea export --format torch: weights as torchvision has them, and what it does not have."""

import numpy as np
import pytest

import fovea
from fovea import models
from fovea.apps import exchange
from fovea.errors import DataError


@pytest.fixture(autouse=True)
def place(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    monkeypatch.chdir(tmp_path)


def test_what_goes_out_comes_in_again():
    network = models.squeezenet1_1((32, 32, 3), ["cat", "dog"])
    network.save("pets.safetensors")
    path, words = exchange.export("pets.safetensors", "torch")
    assert (path.name, "torchvision" in words) == ("pets.torch.safetensors", True)
    again = fovea.load(path, input_shape=(32, 32, 3))
    assert np.array_equal(again.memory, network.memory)
    exchange.export(str(path), "torch", "twice.safetensors")  # a file of theirs is a model, too
    assert (path.parent / "twice.safetensors").read_bytes() == path.read_bytes()


def test_a_model_that_torchvision_does_not_have_leaves_no_file(tmp_path):
    models.lenet5().save("lenet.safetensors")
    with pytest.raises(
        DataError, match=r"^export --format torch: expected a network that torchvision also has"
    ):
        exchange.export("lenet.safetensors", "torch", "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()
