import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fovea import Network, engine, seeing
from fovea.errors import ShapeError
from fovea.layers import AveragePool2D, Conv2D, Dense, Flatten, GlobalAveragePool2D, MaxPool2D, ReLU
from tests.cases import drawn


@pytest.fixture(autouse=True)
def on_the_reference(monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")


@st.composite
def networks(draw, pools=(AveragePool2D, MaxPool2D), padded=True):
    """A network of up to four layers with rectangular windows, strides beyond them, and every padding, in
    which every weight is positive: what a value can depend on, it does depend on."""
    H, W, C = draw(st.integers(4, 13)), draw(st.integers(4, 13)), draw(st.integers(1, 2))
    layers, shape = [], (H, W, C)
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from([Conv2D, ReLU, *pools]))
        size = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
        stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
        pads = [draw(st.integers(0, f - 1)) for f in (size[0], size[0], size[1], size[1])]
        padding = draw(st.sampled_from(["valid", "same", tuple(pads)])) if padded else "valid"
        layer = ReLU() if kind is ReLU else kind(*([2] if kind is Conv2D else []), size, stride, padding)
        if kind is Conv2D:
            layer.dilation = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
        try:
            shape = layer.output_shape(shape)
        except ShapeError:
            continue  # the window does not fit there
        layers.append(layer)
    network = Network(layers or [ReLU()], (H, W, C), seed=0)
    network.flat[...] = np.abs(network.flat) + 0.1
    return network


@given(networks(pools=(AveragePool2D,)), st.data())
@drawn
def test_the_field_is_where_the_gradient_is_not_zero(network, data):
    layer = data.draw(st.sampled_from(network.layers)).name
    n_H, n_W, _ = network.shapes[[own.name for own in network.layers].index(layer)]
    position = data.draw(st.tuples(st.integers(0, n_H - 1), st.integers(0, n_W - 1)))
    picture = np.random.default_rng(0).random(network.input_shape) + 0.5
    field = seeing.receptive_field(network, layer, position)
    assert np.array_equal(field.pixels, seeing.effective_field(network, picture, layer, position) > 0)


@given(networks(), st.data())
@drawn
def test_only_pixels_of_the_field_change_the_value_and_each_of_them_can(network, data):
    n_H, n_W, _ = network.output_shape
    at = data.draw(st.tuples(st.integers(0, n_H - 1), st.integers(0, n_W - 1)))
    field = seeing.receptive_field(network, network.layers[-1].name, at)
    H, W, C = network.input_shape
    X = np.ones((H * W + 1, H, W, C))
    X[np.arange(H * W), *np.divmod(np.arange(H * W), W)] = 1000  # one pixel in each picture
    Z = network.forward(X)[0][:, *at].sum(axis=-1)
    assert np.array_equal((Z[:-1] != Z[-1]).reshape(H, W), field.pixels)


@given(networks(padded=False), st.data())
@drawn
def test_the_grid_holds_the_middles_of_the_fields(network, data):
    layer, (n_H, n_W, _) = network.layers[-1].name, network.output_shape
    i, j = data.draw(st.tuples(st.integers(0, n_H - 1), st.integers(0, n_W - 1)))
    places = seeing.grid(network, layer)
    top, left, bottom, right = seeing.receptive_field(network, layer, (i, j)).box
    assert places.first[0] + i * places.jump[0] == (top + bottom - 1) / 2
    assert places.first[1] + j * places.jump[1] == (left + right - 1) / 2


def test_padding_shifts_the_grid():
    network = Network(
        [Conv2D(1, 5, padding=2), MaxPool2D(2), Conv2D(1, 3, padding=(1, 0, 0, 0))], (14, 14, 1)
    )
    assert seeing.grid(network, "conv1") == seeing.Grid((0, 0), (1, 1))
    assert seeing.grid(network, "pool1") == seeing.Grid((0.5, 0.5), (2, 2))
    assert seeing.grid(network, "conv2") == seeing.Grid((0.5, 2.5), (2, 2))


def lenet():
    from fovea import models

    return models.lenet5()


def test_fields_grow_from_layer_to_layer():
    boxes = [seeing.receptive_field(lenet(), layer, (5, 5)).box for layer in ("conv1", "pool1", "conv2")]
    assert boxes == [(3, 3, 8, 8), (8, 8, 14, 14), (8, 8, 22, 22)]


def test_padding_is_no_part_of_the_picture():
    assert seeing.receptive_field(lenet(), "conv1", (0, 27)).box == (0, 25, 3, 28)


def test_a_stride_beyond_the_window_leaves_gaps():
    network = Network([Conv2D(1, 1, stride=2), Conv2D(1, 2)], (5, 5, 1))
    field = seeing.receptive_field(network, "conv2", (0, 1))
    assert np.flatnonzero(field.rows).tolist() == [0, 2]
    assert np.flatnonzero(field.columns).tolist() == [2, 4]


def test_a_value_behind_flatten_sees_what_it_saw_before():
    network = Network([Conv2D(3, 3), Flatten(), ReLU(), Dense(4)], (6, 7, 1))
    one, other = (
        seeing.receptive_field(network, *where)
        for where in (("conv1", (2, 4)), ("relu1", 2 * 5 * 3 + 4 * 3 + 1))
    )
    assert one.box == other.box == (2, 4, 5, 7)
    assert seeing.receptive_field(network, "dense1", 3).pixels.all()


def test_a_global_average_sees_all_that_its_maps_see():
    network = Network([Conv2D(2, 2, stride=3), GlobalAveragePool2D()], (8, 8, 1))
    assert seeing.receptive_field(network, "pool1").box == (0, 0, 8, 8)
    assert np.flatnonzero(seeing.receptive_field(network, "pool1").rows).tolist() == [0, 1, 3, 4, 6, 7]


def test_a_value_of_padding_alone_sees_nothing():
    network = Network([Conv2D(1, 1, padding=1)], (3, 3, 1))
    assert seeing.receptive_field(network, "conv1", (0, 0)).box == (0, 0, 0, 0)


def test_one_channel_depends_on_what_its_own_filter_weighs():
    network = Network([Conv2D(2, 3, bias=False)], (5, 5, 1))
    network.parameters["conv1.W"][...] = 0
    network.parameters["conv1.W"][0, 1, 0, 1] = -2
    E = seeing.effective_field(network, np.ones((5, 5, 1)), "conv1", (1, 1), channel=1)
    assert np.argwhere(E).tolist() == [[1, 2]]
    assert E[1, 2] == 2
    assert not seeing.effective_field(network, np.ones((5, 5, 1)), "conv1", (1, 1), channel=0).any()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("conv9",), "one of conv1, relu1, pool1"),
        (("conv1", (28, 0)), r"position in conv1: expected \(row, column\) within 28 rows and 28 columns"),
        (("conv1", 3), r"expected \(row, column\) within"),
        (("conv1", (0, -1)), r"got \(0, -1\)"),
        (("dense1", 120), "a number from 0 to 119, got 120"),
        (("dense1", "x"), "a number from 0 to 119"),
    ],
)
def test_a_place_that_there_is_not_is_refused(arguments, words):
    with pytest.raises(ShapeError, match=words):
        seeing.receptive_field(lenet(), *arguments)


def test_other_wrong_arguments_are_refused():
    with pytest.raises(ShapeError, match=r"channel: expected a number from 0 to 5, got 6"):
        seeing.effective_field(lenet(), np.zeros((28, 28, 1)), "conv1", channel=6)
    with pytest.raises(ShapeError, match=r"a network with an input of \(H, W, C\), got \(4,\)"):
        seeing.receptive_field(Network([Dense(2)], (4,)), "dense1")


@pytest.mark.skipif(not engine.available(), reason="Halide is not installed")
def test_halide_gives_the_same_field():
    picture = np.random.default_rng(0).random((28, 28, 1), np.float32)
    with engine.use("halide"):
        seen = seeing.effective_field(lenet(), picture, "conv1", (5, 5)) > 0
    assert np.array_equal(seen, seeing.receptive_field(lenet(), "conv1", (5, 5)).pixels)
