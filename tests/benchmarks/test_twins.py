"""What networks are measured against computes the same."""

import numpy as np
import pytest

pytest.importorskip("halide")
pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from benchmarks import networks, onnx_twin, ours


@pytest.mark.parametrize("name", ["lenet5", "three-layers"])
def test_both_peers_give_fovea_s_logits(name):
    network = networks.NETWORKS[name][0]()
    data = networks.random_batches(network, 4)
    ours.check_prediction(network, data[0])
    np.testing.assert_allclose(
        onnx_twin.onnxruntime(network, data, 1)(), ours.predictor(network, data)(), rtol=1e-4, atol=1e-4
    )
