import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fovea import check_layer, engine
from fovea.errors import ShapeError
from fovea.layers import AveragePool2D, ChannelPool, GlobalAveragePool2D, GlobalMaxPool2D, MaxPool2D
from tests import cases
from tests.cases import ENGINES

pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))


@st.composite
def windows(draw):
    """A size, a stride, and a padding that is smaller than the window."""
    size = draw(pairs)
    most = st.tuples(*[st.integers(0, size[0] - 1)] * 2, *[st.integers(0, size[1] - 1)] * 2)
    padding = draw(st.one_of(st.sampled_from(["valid", "same"]), st.integers(0, min(size) - 1), most))
    return size, draw(st.one_of(st.none(), pairs)), padding


@settings(deadline=None, max_examples=25)
@given(
    windows(), st.integers(1, 3), st.integers(0, 4), st.integers(0, 4), st.sampled_from([None, False, True])
)
def test_any_window_passes_the_check(window, channels, more_rows, more_columns, count):
    layer = MaxPool2D(*window) if count is None else AveragePool2D(*window, count_include_pad=count)
    input_shape = (window[0][0] + more_rows, window[0][1] + more_columns, channels)
    check_layer(layer, input_shape, batch=2, engines=("reference",), samples=12)


@settings(deadline=None, max_examples=25)
@given(cases.varied_pools(), st.sampled_from([None, False, True]))
def test_so_does_any_dilation_and_ceil_mode(case, count):
    layer = MaxPool2D(case.size, **case.pooling)
    if count is not None:
        layer = AveragePool2D(case.size, **case.pooling, count_include_pad=count)
    check_layer(layer, (case.H, case.W, case.C), batch=2, engines=("reference",), samples=12)


def test_ceil_mode_keeps_what_is_left_over():
    assert MaxPool2D(3, 2).output_shape((56, 56, 64)) == (27, 27, 64)
    assert MaxPool2D(3, 2, ceil_mode=True).output_shape((56, 56, 64)) == (28, 28, 64)


def test_what_ceil_mode_adds_is_never_averaged():
    A_prev = np.arange(1, 5, dtype=np.float64).reshape(1, 1, 4, 1)
    with engine.use("reference"):
        for count in (False, True):
            layer = AveragePool2D((1, 3), 3, ceil_mode=True, count_include_pad=count)
            assert layer.forward(A_prev)[0].ravel().tolist() == [2, 4]


@pytest.mark.parametrize("layer", [MaxPool2D, AveragePool2D])
def test_wrong_dilations_and_modes_are_refused(layer):
    name = layer.__name__
    with pytest.raises(ShapeError, match=f"^{name}: dilation: expected one or two whole numbers.*, got 0"):
        layer(2, dilation=0)
    with pytest.raises(ShapeError, match=f"^{name}: ceil_mode: expected True or False, got 1"):
        layer(2, ceil_mode=1)
    with pytest.raises(ShapeError, match=f"^{name}: expected a padding smaller than the window of 2×2, its"):
        layer(2, 1, 1, dilation=2).output_shape((1, 1, 3))


@pytest.mark.parametrize("layer", [MaxPool2D, AveragePool2D])
def test_the_stride_is_the_window_unless_given(layer):
    assert layer(2).output_shape((28, 28, 6)) == (14, 14, 6)
    assert layer((2, 3)).output_shape((28, 28, 6)) == (14, 9, 6)
    assert layer(3, 2).output_shape((28, 28, 6)) == (13, 13, 6)
    assert layer(3, 2, "same").output_shape((27, 28, 6)) == (14, 14, 6)


@pytest.mark.parametrize("layer", [MaxPool2D(2), AveragePool2D(2), GlobalAveragePool2D()])
def test_nothing_is_learned(layer):
    assert layer.parameter_shapes((4, 4, 3)) == {}


@pytest.mark.parametrize("layer", [MaxPool2D, AveragePool2D])
def test_a_window_of_nothing_but_padding_is_refused(layer):
    with pytest.raises(ShapeError, match=f"^{layer.__name__}: padding: expected less than .*2, 2.*, got 2"):
        layer(2, padding=2)


def test_a_window_larger_than_its_input_is_refused():
    with pytest.raises(ShapeError, match=r"^MaxPool2D: expected an input of at least 2×2"):
        MaxPool2D(2).output_shape((1, 5, 3))


def test_global_average_pooling_leaves_a_number_a_channel():
    layer = GlobalAveragePool2D()
    A_prev = np.arange(24, dtype=np.float32).reshape(2, 2, 3, 2)
    with engine.use("reference"):
        Z, _ = layer.forward(A_prev)
    assert layer.output_shape((2, 3, 2)) == (2,)
    assert np.array_equal(Z, A_prev.mean((1, 2)))


@pytest.mark.parametrize("name", ENGINES)
def test_over_channels_and_over_all_pixels(name):
    A_prev = np.random.default_rng(0).standard_normal((2, 3, 4, 20)).astype(np.float32)
    with engine.use(name):
        for layer, expected in (
            (ChannelPool("max"), A_prev.max(3, keepdims=True)),
            (ChannelPool("average"), A_prev.mean(3, keepdims=True)),
            (GlobalMaxPool2D(), A_prev.max((1, 2))),
        ):
            Z, cache = layer.forward(A_prev)
            assert np.allclose(Z, expected, atol=1e-6)
            assert layer.backward(np.ones_like(Z), cache)[0].sum() == pytest.approx(Z.size, rel=1e-5)
        A_prev[0, 1, 2, 17] = np.nan
        for layer in (ChannelPool("max"), ChannelPool("average"), GlobalMaxPool2D()):
            assert np.isnan(layer.forward(A_prev)[0]).sum() == 1
    with pytest.raises(ShapeError, match="ChannelPool: mode: expected 'average' or 'max', got 'mean'"):
        ChannelPool("mean")
