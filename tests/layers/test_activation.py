import re

import numpy as np
import pytest

import fovea
from fovea import engine
from fovea.errors import ShapeError
from fovea.layers import (
    CELU,
    ELU,
    GELU,
    SELU,
    Clip,
    Dense,
    HardSigmoid,
    HardSwish,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
    ThresholdedReLU,
)

Z = np.array([[-8, -2, -0.5, 0, 0.5, 2, 8]], np.float32)


def passes(layer):
    with engine.use("reference"):
        A, cache = layer.forward(Z)
        dZ, gradients = layer.backward(np.full_like(Z, 3), cache)
    assert gradients == {}
    return A[0].tolist(), dZ[0].tolist()


def test_negative_values_become_zero_and_pass_no_gradient_back():
    assert passes(ReLU()) == ([0, 0, 0, 0, 0.5, 2, 8], [0, 0, 0, 0, 3, 3, 3])


def test_a_leak_lets_a_share_of_them_through():
    assert passes(LeakyReLU(0.5)) == ([-4, -1, -0.25, 0, 0.5, 2, 8], [1.5, 1.5, 1.5, 1.5, 3, 3, 3])
    assert passes(LeakyReLU(-1)) == ([8, 2, 0.5, 0, 0.5, 2, 8], [-3, -3, -3, -3, 3, 3, 3])


def test_what_is_beyond_the_bounds_passes_no_gradient_back():
    assert passes(ReLU6()) == ([0, 0, 0, 0, 0.5, 2, 6], [0, 0, 0, 0, 3, 3, 0])
    assert passes(Clip(-2, 0.5)) == ([-2, -2, -0.5, 0, 0.5, 0.5, 0.5], [0, 0, 3, 3, 0, 0, 0])


def test_shares_of_the_channels_sum_to_one_at_every_pixel():
    A, _ = Softmax().forward(np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32))
    np.testing.assert_allclose(A.sum(axis=-1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("over", "axes"),
    [("channels", 3), ("height", 1), ("width", 2), ("pixels", (1, 2)), ("all", (1, 2, 3))],
)
def test_shares_sum_to_one_over_what_is_named(over, axes):
    Z = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32)
    A, _ = Softmax(over).forward(Z)
    np.testing.assert_allclose(A.sum(axis=axes), 1, rtol=1e-5)
    np.testing.assert_allclose(np.exp(LogSoftmax(over).forward(Z)[0]), A, rtol=1e-5)
    network = fovea.Network([Softmax(over), LogSoftmax(over)], (3, 4, 5))
    assert [layer.over for layer in network.layers] == [over, over]
    assert network.forward(Z)[0].shape == Z.shape


def test_what_softmax_cannot_sum_over_is_refused():
    with pytest.raises(ShapeError, match=r'Softmax: over: expected one of "channels", .*got 1'):
        Softmax(1)
    with pytest.raises(ShapeError, match=r'LogSoftmax: expected \(H, W, C\) for over="pixels", got \(7,\)'):
        LogSoftmax("pixels").output_shape((7,))


@pytest.mark.parametrize(
    "layer",
    [
        LeakyReLU(0.2),
        Clip(-1, 2.5),
        ReLU6(),
        Sigmoid(),
        Tanh(),
        SiLU(),
        LogSoftmax(),
        ELU(0.3),
        CELU(2),
        SELU(),
        HardSigmoid(0.2),
        HardSwish(),
        ThresholdedReLU(0.2),
        GELU("tanh"),
        Softplus(2, 9),
    ],
)
def test_a_model_file_has_them_with_their_numbers(layer, tmp_path):
    network = fovea.Network([Dense(4), layer], (3,), seed=1)
    network.save(tmp_path / "model.safetensors")
    again = fovea.load(tmp_path / "model.safetensors")
    assert repr(again.layers[1]) == repr(network.layers[1])
    X = np.random.default_rng(0).standard_normal((5, 3), np.float32)
    assert np.array_equal(again.forward(X)[0], network.forward(X)[0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LeakyReLU(float("nan")), "LeakyReLU: slope: expected a finite number, got nan"),
        (lambda: LeakyReLU(float("inf")), "LeakyReLU: slope: expected a finite number, got inf"),
        (lambda: LeakyReLU("steep"), "LeakyReLU: slope: expected a finite number, got 'steep'"),
        (lambda: Clip(1, 1), "Clip: expected low to be less than high, got 1 and 1"),
        (lambda: Clip(float("-inf"), 1), "Clip: low: expected a finite number, got -inf"),
        (lambda: CELU(0), "CELU: alpha: expected a number above 0, got 0"),
        (lambda: ELU("a"), "ELU: alpha: expected a finite number, got 'a'"),
        (lambda: GELU("erf"), """GELU: approximate: expected "none" or "tanh", got 'erf'"""),
        (lambda: Softplus(0), "Softplus: beta: expected a number other than 0, got 0"),
        (lambda: Clip(0, None), "Clip: high: expected a finite number, got None"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_numbers_without_sense_are_refused(make, message):
    with pytest.raises(ShapeError, match=re.escape(message)):
        make()
