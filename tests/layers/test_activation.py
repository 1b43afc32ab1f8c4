import numpy as np

from fovea import engine
from fovea.layers import ReLU


def test_negative_values_become_zero_and_pass_no_gradient_back():
    Z = np.array([[-2, -0.5, 0, 0.5, 2]], np.float32)
    with engine.use("reference"):
        A, cache = ReLU().forward(Z)
        dZ, gradients = ReLU().backward(np.full_like(Z, 3), cache)
    assert A.tolist() == [[0, 0, 0, 0.5, 2]]
    assert dZ.tolist() == [[0, 0, 0, 3, 3]]
    assert gradients == {}
