import re

import numpy as np
import pytest

import fovea
from fovea import engine
from fovea.errors import ShapeError
from fovea.layers import Add, Concat, GlobalAveragePool2D, Multiply, Sigmoid
from fovea.seeing import receptive_field
from tests.cases import ENGINES


@pytest.fixture(params=ENGINES, autouse=True)
def _engine(request):
    with engine.use(request.param):
        yield


@pytest.mark.parametrize("gate", [(1, 1, 3), (3,)], ids=str)
def test_a_gate_multiplies_whole_channels(gate):
    A_prev = np.ones((2, 4, 5, 3), np.float32)
    g = np.arange(6, dtype=np.float32).reshape(2, *gate)
    Z, cache = Multiply().forward((A_prev, g))
    assert np.array_equal(Z, np.broadcast_to(g.reshape(2, 1, 1, 3), A_prev.shape))
    (dA_prev, dg), gradients = Multiply().backward(np.ones_like(Z), cache)
    assert np.array_equal(dA_prev, Z)
    assert np.array_equal(dg, np.full(g.shape, 20))  # 4 · 5 pixels
    assert gradients == {}


def test_the_gradient_of_what_was_added_to_all_pixels_is_the_sum_of_theirs():
    A_prev, v = np.zeros((2, 3, 4, 5), np.float32), np.zeros((2, 5), np.float32)
    Z, cache = Add().forward((A_prev, v))
    assert Z.shape == A_prev.shape
    (dA_prev, dv), _ = Add().backward(np.ones_like(Z), cache)
    assert np.array_equal(dA_prev, np.ones_like(Z))
    assert np.array_equal(dv, np.full((2, 5), 12))


def test_a_nan_spoils_what_it_meets_and_nothing_else():
    A_prev, gate = np.ones((2, 3, 3, 20), np.float32), np.ones((2, 20), np.float32)
    A_prev[0, 1, 1, 4], gate[1, 3] = np.nan, np.inf
    A_prev[1, 0, 0, 3] = 0
    Z, cache = Multiply().forward((A_prev, gate))
    assert np.argwhere(np.isnan(Z)).tolist() == [[0, 1, 1, 4], [1, 0, 0, 3]]  # and 0 · ∞
    (dA_prev, dgate), _ = Multiply().backward(np.ones_like(Z), cache)
    assert np.argwhere(np.isnan(dgate)).tolist() == [[0, 4]]
    assert np.isinf(dA_prev[1, ..., 3]).all()


@pytest.mark.parametrize("layer", [Add(), Multiply()], ids=["sum", "product"])
@pytest.mark.parametrize("shapes", [((4, 4, 3), (2,)), ((4, 4, 3), (4, 3, 3)), ((4, 4, 3),)], ids=str)
def test_shapes_that_do_not_broadcast_are_refused(layer, shapes):
    expected = f"{type(layer).__name__}: expected two inputs or more of shapes that broadcast, got (4, 4, 3)"
    with pytest.raises(ShapeError, match=re.escape(expected)):
        layer.output_shape(shapes)


def test_pictures_of_different_sizes_do_not_lie_side_by_side():
    with pytest.raises(ShapeError, match="two inputs or more of the same rows and columns"):
        Concat().output_shape(((4, 4, 3), (4, 3, 3)))


def test_a_value_behind_a_gate_sees_the_whole_picture():
    graph = {"mean": GlobalAveragePool2D(), "gate": Sigmoid(), "gated": (Multiply(), "gate", "input")}
    network = fovea.Network(graph, (5, 4, 2))
    assert receptive_field(network, "gated", (2, 2)).pixels.all()
