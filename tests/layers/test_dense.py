import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fovea import check_layer
from fovea.errors import ShapeError
from fovea.layers import Dense


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 9), st.integers(1, 9), st.booleans(), st.integers(1, 4))
def test_any_size_passes_the_check(inputs, units, bias, batch):
    check_layer(Dense(units, bias), (inputs,), batch=batch, engines=("reference",), samples=12)


def test_it_has_as_many_connections_as_parameters():
    layer = Dense(120)
    assert layer.parameter_shapes((400,)) == {"W": (400, 120), "b": (120,)}
    assert layer.connections((400,)) == 400 * 120 + 120
    assert layer.multiply_adds((400,)) == 400 * 120


def test_a_picture_is_refused():
    layer = Dense(10)
    layer.name = "dense1"
    with pytest.raises(
        ShapeError, match=r'^Dense "dense1": expected a flat input .*\(5, 5, 16\): put Flatten'
    ):
        layer.output_shape((5, 5, 16))


@pytest.mark.parametrize("arguments", [(0,), ("10",), (10, True, "ones"), (10, True, None)])
def test_wrong_hyperparameters_are_refused(arguments):
    with pytest.raises(ShapeError, match=r"^Dense: .*: expected .*, got "):
        Dense(*arguments)
