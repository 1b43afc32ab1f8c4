import re

import numpy as np
import pytest
from hypothesis import given, settings

from fovea import Network, check_layer, engine, functional, seeing
from fovea.errors import ShapeError
from fovea.layers import Conv2D, ConvTranspose2D
from fovea.network import summary
from tests import cases


@settings(deadline=None, max_examples=25)
@given(cases.transposed())
def test_any_window_passes_the_check(case):
    layer = ConvTranspose2D(case.K, case.size, **case.onto)
    check_layer(layer, (case.H, case.W, case.C), batch=2, engines=("reference",), samples=12)


@pytest.mark.parametrize(
    ("layer", "input_shape", "output_shape"),
    [
        (ConvTranspose2D(8, 2, stride=2), (14, 14, 16), (28, 28, 8)),  # as U-Nets go up
        (ConvTranspose2D(8, 4, stride=2, padding=1), (14, 14, 16), (28, 28, 8)),  # as DCGANs do
        (ConvTranspose2D(8, 3, 2, 1, output_padding=1), (14, 14, 16), (28, 28, 8)),
        (ConvTranspose2D(8, 3, 2, "same"), (14, 9, 16), (28, 18, 8)),
        (ConvTranspose2D(8, 3), (5, 5, 1), (7, 7, 8)),
        (ConvTranspose2D(8, 3, dilation=2), (5, 5, 1), (9, 9, 8)),
    ],
)
def test_its_output_has_the_known_shape(layer, input_shape, output_shape):
    assert layer.output_shape(input_shape) == output_shape


@settings(deadline=None, max_examples=25)
@given(cases.transposed())
def test_it_is_the_adjoint_of_the_convolution_with_its_filters(case):
    """⟨conv(Z), A⟩ = ⟨Z, transposed(A)⟩."""
    A, W, _, Z = case.transposed_arrays(np.float64)
    pads = ConvTranspose2D(case.K, case.size, **case.onto).upward((case.H, case.W, case.C)).pads
    how = {"stride": case.stride, "padding": pads, "dilation": case.dilation, "groups": case.groups}
    with engine("reference"):
        there = functional.conv2d(Z, W, None, **how)
        back = functional.conv2d_transpose(A, W, None, **case.onto)
    assert (there * A).sum() == pytest.approx((Z * back).sum(), rel=1e-9, abs=1e-9)


def test_one_value_writes_the_filter_into_the_output():
    picture = np.zeros((1, 3, 3, 1))
    picture[0, 1, 1, 0] = 1
    W = np.arange(9.0).reshape(3, 3, 1, 1)
    with engine("reference"):
        Z = functional.conv2d_transpose(picture, W, None, stride=2)
    assert Z.shape == (1, 7, 7, 1)
    assert np.array_equal(Z[0, 2:5, 2:5, 0], W[:, :, 0, 0])
    assert np.count_nonzero(Z) == 8


def test_first_values_are_as_large_as_a_convolutions():
    rng = np.random.default_rng(0)
    layer = ConvTranspose2D(64, 3, groups=4, bias=False).build((5, 5, 32), rng)
    assert layer.parameters["W"].std() == pytest.approx(np.sqrt(2 / (9 * 8)), rel=0.05)


def test_what_a_value_sees_is_where_its_gradient_is():
    layers = [ConvTranspose2D(2, 3, 2, 1, 1), Conv2D(1, 3, padding=1), ConvTranspose2D(1, 2, 2)]
    with engine("reference"):
        network = Network(layers, (5, 6, 1), seed=0)
        network.flat[...] = np.abs(network.flat) + 0.1
        for layer, shape in zip(network.layers, network.shapes, strict=True):
            for position in np.ndindex(shape[:2]):
                picture = np.ones((5, 6, 1))
                field = seeing.receptive_field(network, layer.name, position)
                effective = seeing.effective_field(network, picture, layer.name, position)
                assert np.array_equal(field.pixels, effective > 0)
        middle = seeing.grid(network, "convtranspose2")
        assert middle == seeing.Grid((-0.125, -0.125), (0.25, 0.25))
        assert [row.receptive_field for row in summary.rows(network)] == [(2, 2), (3, 3), (3, 3)]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"groups": 4}, "ConvTranspose2D: expected groups that divide filters = 6, got 4: filters must"),
        (
            {"dilation": 0},
            "ConvTranspose2D: dilation: expected one or two whole numbers of at least 1, got 0",
        ),
        ({"output_padding": -1}, "ConvTranspose2D: output_padding: expected one or two whole numbers of at"),
        ({"padding": "full"}, 'ConvTranspose2D: padding: expected "valid", "same", a whole number, or four'),
        ({"precision": "low"}, 'ConvTranspose2D: precision: expected "fast" or "exact"'),
    ],
)
def test_wrong_hyperparameters_are_refused(arguments, sentence):
    with pytest.raises(ShapeError, match=f"^{re.escape(sentence)}"):
        ConvTranspose2D(6, 3, **arguments)


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (ConvTranspose2D(6, 3, groups=3), "expected groups that divide the input's channels = 4, got 3"),
        (ConvTranspose2D(6, 3, 2, 0, 2), "expected output_padding less than the stride 2×2, got (2, 2)"),
        (
            ConvTranspose2D(6, 3, 2, "same", 1),
            'expected output_padding 0, got (1, 1): with "same", the output',
        ),
        (ConvTranspose2D(6, 1, 1, 2), "expected an output of at least 1×1, got 0×0: pad less"),
    ],
)
def test_what_does_not_fit_its_input_is_refused(layer, sentence):
    layer.name = "up"
    with pytest.raises(ShapeError, match=f'^ConvTranspose2D "up": {re.escape(sentence)}'):
        layer.output_shape((4, 4, 4))
