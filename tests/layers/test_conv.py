import re
from copy import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fovea import check_layer, engine, functional
from fovea.errors import ShapeError
from fovea.layers import Conv2D, Dense
from tests.cases import GRADIENT, assert_close, halide

pads = st.one_of(st.sampled_from(["valid", "same"]), st.integers(0, 3), st.tuples(*[st.integers(0, 3)] * 4))
pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))


@settings(deadline=None, max_examples=25)
@given(
    pairs,
    pairs,
    pads,
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(0, 4),
    st.integers(0, 4),
    st.booleans(),
)
def test_any_window_passes_the_check(size, stride, padding, channels, filters, more_rows, more_columns, bias):
    layer = Conv2D(filters, size, stride, padding, bias)
    input_shape = (size[0] + more_rows, size[1] + more_columns, channels)
    check_layer(layer, input_shape, batch=2, engines=("reference",), samples=12)


@settings(deadline=None, max_examples=25)
@given(pairs, pairs, pads, pairs, st.integers(1, 4), pairs, st.integers(0, 4), st.booleans())
def test_so_does_any_dilation_and_any_number_of_groups(
    size, stride, padding, dilation, groups, widths, more, bias
):
    layer = Conv2D(widths[0] * groups, size, stride, padding, bias, dilation=dilation, groups=groups)
    extent = [(f - 1) * d + 1 + more for f, d in zip(size, dilation, strict=True)]
    check_layer(layer, (*extent, widths[1] * groups), batch=2, engines=("reference",), samples=12)


@pytest.mark.parametrize(
    ("layer", "input_shape", "output_shape"),
    [
        (Conv2D(10, 3), (39, 39, 3), (37, 37, 10)),
        (Conv2D(20, 5, stride=2), (37, 37, 10), (17, 17, 20)),
        (Conv2D(40, 5, stride=2), (17, 17, 20), (7, 7, 40)),
        (Conv2D(6, 5, padding=2), (28, 28, 1), (28, 28, 6)),
        (Conv2D(8, 3, padding="same"), (13, 7, 4), (13, 7, 8)),
        (Conv2D(8, 3, stride=2, padding="same"), (13, 7, 4), (7, 4, 8)),
        (Conv2D(1, (3, 1)), (3, 1, 1), (1, 1, 1)),
    ],
)
def test_its_output_has_the_notes_shape(layer, input_shape, output_shape):
    assert layer.output_shape(input_shape) == output_shape


@pytest.mark.parametrize("name", ["reference", pytest.param("halide", marks=halide)])
def test_mirroring_padding_is_the_picture_padded_first(name):
    rng = np.random.default_rng(0)
    A_prev, W = rng.standard_normal((2, 7, 6, 3), np.float32), rng.standard_normal((3, 3, 3, 4), np.float32)
    with engine(name):
        padded = functional.pad2d(A_prev, (1, 2, 3, 0), mode="mirror")
        expected = functional.conv2d(padded, W, None, stride=2)
        Z = functional.conv2d(A_prev, W, None, stride=2, padding=(1, 2, 3, 0), padding_mode="mirror")
    assert np.array_equal(Z, expected)


@pytest.mark.parametrize("name", ["reference", pytest.param("halide", marks=halide)])
@pytest.mark.parametrize(
    "layer",
    [
        Conv2D(4, 3, 2, (1, 2, 0, 3), groups=2),
        Conv2D(4, (3, 2), 1, 2, dilation=(1, 2)),
        Conv2D(4, 3, (2, 3), 2, padding_mode="mirror"),
        Dense(4),
    ],
    ids=repr,
)
def test_a_frozen_layer_has_the_input_s_gradient_alone(layer, name):
    shape = (6,) if isinstance(layer, Dense) else (7, 9, 6)
    layer, rng = copy(layer).build(shape, np.random.default_rng(0)), np.random.default_rng(1)
    with engine(name):
        Z, cache = layer.forward(rng.standard_normal((2, *shape), np.float32))
        dZ = rng.standard_normal(Z.shape, np.float32)
        expected, _ = layer.backward(dZ, cache)
        layer.frozen = True
        dA_prev, gradients = layer.backward(dZ, cache)
    assert gradients == {}
    assert_close(dA_prev, expected, GRADIENT)


def test_a_padding_mode_is_named_as_in_Pad2D():
    message = (
        'Conv2D: padding_mode: expected "zeros" or "mirror", got '
        '\'reflect\': "mirror" is PyTorch\'s "reflect"; Pad2D has other modes'
    )
    with pytest.raises(ShapeError, match=re.escape(message)):
        Conv2D(4, 3, padding="same", padding_mode="reflect")


def test_a_border_is_mirrored_only_once():
    message = "expected mirroring padding of at most 4 rows and 2 columns, got (top, bottom, left, right) = "
    with pytest.raises(ShapeError, match=re.escape(message)):
        Conv2D(4, 7, padding="same", padding_mode="mirror").output_shape((5, 3, 1))
    assert Conv2D(4, 5, padding="same", padding_mode="mirror").output_shape((5, 3, 1)) == (5, 3, 4)


def test_a_filter_is_as_deep_as_its_input():
    shapes = Conv2D(10, (5, 3)).parameter_shapes((39, 39, 3))
    assert shapes == {"W": (5, 3, 3, 10), "b": (10,)}
    assert Conv2D(10, 5, bias=False).parameter_shapes((9, 9, 3)) == {"W": (5, 5, 3, 10)}


def test_with_groups_a_filter_is_as_deep_as_its_group():
    assert Conv2D(32, 3, groups=32).parameter_shapes((9, 9, 32))["W"] == (3, 3, 1, 32)  # depthwise
    assert Conv2D(64, 3, groups=4).parameter_shapes((9, 9, 32))["W"] == (3, 3, 8, 64)
    assert Conv2D(32, 3, groups=32).multiply_adds((9, 9, 32)) == 7 * 7 * 32 * 9


@pytest.mark.parametrize("name", ["reference", pytest.param("halide", marks=halide)])
def test_groups_are_convolutions_side_by_side(name):
    rng = np.random.default_rng(0)
    A_prev, W = rng.standard_normal((2, 7, 6, 6), np.float32), rng.standard_normal((3, 3, 2, 9), np.float32)
    with engine(name):
        Z = functional.conv2d(A_prev, W, None, groups=3)
        apart = [
            functional.conv2d(np.ascontiguousarray(a), np.ascontiguousarray(w), None)
            for a, w in zip(np.split(A_prev, 3, -1), np.split(W, 3, -1), strict=True)
        ]
    np.testing.assert_allclose(Z, np.concatenate(apart, -1), atol=1e-5)


def test_a_dilated_filter_is_a_larger_one_with_zeros_between():
    rng = np.random.default_rng(0)
    A_prev, W = rng.standard_normal((2, 9, 8, 3)), rng.standard_normal((3, 2, 3, 4))
    wide = np.zeros((5, 4, 3, 4))
    wide[::2, ::3] = W
    with engine("reference"):
        Z = functional.conv2d(A_prev, W, None, dilation=(2, 3), padding=1)
        np.testing.assert_allclose(Z, functional.conv2d(A_prev, wide, None, padding=1))


@pytest.mark.parametrize(
    ("layer", "channels", "sentence"),
    [
        (
            Conv2D(6, 3, groups=3),
            4,
            'Conv2D "conv1": expected groups that divide the input\'s channels = 4, got 3',
        ),
        (
            Conv2D(6, 3, dilation=4),
            3,
            'Conv2D "conv1": expected an input of at least 9×9 with its padding, got 8×8',
        ),
    ],
)
def test_an_input_that_does_not_fit_groups_or_dilation_is_refused(layer, channels, sentence):
    layer.name = "conv1"
    with pytest.raises(ShapeError, match=f"^{re.escape(sentence)}"):
        layer.output_shape((8, 8, channels))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"groups": 4}, "Conv2D: expected groups that divide filters = 6, got 4: filters must be a multiple"),
        ({"groups": 0}, "Conv2D: groups: expected a whole number of at least 1, got 0"),
        ({"dilation": 0}, "Conv2D: dilation: expected one or two whole numbers of at least 1, got 0"),
        ({"dilation": (1, 2, 3)}, "Conv2D: dilation: expected one or two whole numbers of at least 1"),
    ],
)
def test_wrong_groups_and_dilations_are_refused(arguments, sentence):
    with pytest.raises(ShapeError, match=f"^{re.escape(sentence)}"):
        Conv2D(6, 3, **arguments)


def test_filters_are_not_turned_round():
    layer = Conv2D(1, (1, 2)).build((1, 3, 1), np.random.default_rng(0))
    layer.parameters["W"][...] = np.array([-1, 1], np.float32).reshape(1, 2, 1, 1)
    picture = np.array([1, 4, 6], np.float32).reshape(1, 1, 3, 1)
    with engine.use("reference"):
        Z, _ = layer.forward(picture)
    assert Z.ravel().tolist() == [3, 2]


def test_connections_over_parameters_is_the_number_of_positions():
    layer, input_shape = Conv2D(6, 5, padding=2), (28, 28, 1)
    assert layer.connections(input_shape) == 122_304  # LeCun and others, 1998, layer C1
    assert layer.connections(input_shape) / (5 * 5 * 6 + 6) == 28 * 28


@pytest.mark.parametrize(
    "arguments",
    [
        (0, 3),
        (2.5, 3),
        (True, 3),
        (4, 0),
        (4, (3, 3, 3)),
        (4, "3"),
        (4, 3, 0),
        (4, 3, 1, "full"),
        (4, 3, 1, -1),
        (4, 3, 1, (1, 1)),
        (4, 3, 1, "valid", True, "zeros"),
    ],
)
def test_wrong_hyperparameters_are_refused(arguments):
    with pytest.raises(ShapeError, match=r"^Conv2D.*: expected .*, got "):
        Conv2D(*arguments)


def test_a_filter_larger_than_its_input_is_refused():
    layer = Conv2D(6, 5)
    layer.name = "conv2"
    with pytest.raises(ShapeError, match=r'^Conv2D "conv2": expected an input of at least 5×5.*, got 4×4'):
        layer.output_shape((4, 4, 1))


def test_a_flat_input_is_refused():
    with pytest.raises(ShapeError, match=r"expected an input of \(H, W, C\), got \(7,\): .*Flatten"):
        Conv2D(6, 5).output_shape((7,))


def test_without_parameters_it_says_how_to_make_them():
    with pytest.raises(ShapeError, match=r"^Conv2D: expected a parameter W, got none: .*build"):
        Conv2D(6, 5).forward(np.zeros((1, 8, 8, 1), np.float32))
