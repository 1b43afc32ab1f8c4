import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fovea import check_layer, engine
from fovea.errors import ShapeError
from fovea.layers import Conv2D

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


def test_a_filter_is_as_deep_as_its_input():
    shapes = Conv2D(10, (5, 3)).parameter_shapes((39, 39, 3))
    assert shapes == {"W": (5, 3, 3, 10), "b": (10,)}
    assert Conv2D(10, 5, bias=False).parameter_shapes((9, 9, 3)) == {"W": (5, 5, 3, 10)}


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
