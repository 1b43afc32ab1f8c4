"""What networks are measured against computes the same."""

import numpy as np
import pytest

pytest.importorskip("halide")
pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from benchmarks import networks, onnx_twin, ours
from fovea.layers import BatchNorm, Conv2D, Dense, GlobalAveragePool2D, ReLU6
from fovea.network import Network


@pytest.mark.parametrize("name", ["lenet5", "three-layers"])
def test_both_peers_give_fovea_s_logits(name):
    network = networks.NETWORKS[name][0]()
    data = networks.random_batches(network, 4)
    ours.check_prediction(network, data[0])
    np.testing.assert_allclose(
        onnx_twin.onnxruntime(network, data, 1)(), ours.predictor(network, data)(), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("side", [16, 15])  # zeros after the pixels only, and on both sides
def test_peers_pad_as_tensorflow_does(side):
    """The kinds of layers in EfficientNet-Lite0."""
    layers = [
        Conv2D(4, 3, 2, "same", bias=False), BatchNorm(epsilon=1e-3), ReLU6(),
        Conv2D(4, 5, 2, "same", groups=4, bias=False), BatchNorm(epsilon=1e-3), ReLU6(),
        GlobalAveragePool2D(), Dense(3),
    ]  # fmt: skip
    network = Network(layers, (side, side, 3), 0)
    data = networks.random_batches(network, 2)
    ours.check_prediction(network, data[0])
    np.testing.assert_allclose(
        onnx_twin.onnxruntime(network, data, 1)(), ours.predictor(network, data)(), rtol=1e-4, atol=1e-4
    )
