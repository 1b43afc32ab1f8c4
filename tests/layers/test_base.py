"""Layers that users write."""

from dataclasses import dataclass

import numpy as np
import pytest

from fovea import check_layer
from fovea.errors import ShapeError
from fovea.layers import Layer
from fovea.layers.base import REGISTRY


@dataclass(eq=False)
class Scale(Layer):
    """Z = g · A_prev, one g a channel."""

    start: float = 1.0

    def parameter_shapes(self, input_shape):
        return {"g": input_shape[-1:]}

    def initialise(self, input_shape, rng):
        self.parameters["g"][...] = self.start

    def forward(self, A_prev, *, training=False, rng=None):
        return A_prev * self.parameter("g", A_prev), A_prev

    def backward(self, dZ, cache):
        A_prev = cache
        return dZ * self.parameter("g", dZ), {"g": (dZ * A_prev).sum(tuple(range(A_prev.ndim - 1)))}


class Square(Layer):
    kind = "act"

    def forward(self, A_prev, *, training=False, rng=None):
        return A_prev * A_prev, A_prev

    def backward(self, dZ, cache):
        return 2 * cache * dZ, {}


def test_a_users_layer_passes_the_check():
    check_layer(Scale(2.0), (4, 5, 3))
    check_layer(Scale(), (7,))
    check_layer(Square(), (4, 5, 3))


def test_it_is_known_by_its_name_from_then_on():
    assert REGISTRY["Scale"] is Scale
    assert (Scale.kind, Square.kind) == ("scale", "act")


def test_hyperparameters_are_its_configuration():
    assert Scale(3.0).configuration() == {"start": 3.0}
    assert Square().configuration() == {}


def test_built_alone_it_has_parameters_of_its_own():
    one, other = (Scale(2.0).build((4, 4, 3), np.random.default_rng(0)) for _ in "ab")
    one.parameters["g"][0] = 5
    assert one.parameters["g"].tolist() == [5, 2, 2]
    assert other.parameters["g"].tolist() == [2, 2, 2]


def test_a_layer_of_fovea_cannot_be_replaced_by_accident():
    with pytest.raises(ShapeError, match=r"^Layer: expected a class name of its own, got Conv2D"):
        type("Conv2D", (Layer,), {})
    assert REGISTRY["Conv2D"].__module__ == "fovea.layers.conv"


def test_what_is_missing_is_named():
    half = type("Half", (Layer,), {})()
    with pytest.raises(NotImplementedError, match=r"^Half has no forward pass"):
        half.forward(np.zeros((1, 2), np.float32))
