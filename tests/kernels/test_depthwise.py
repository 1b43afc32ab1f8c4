"""The kernels chosen for convolutions with groups, and their tiles."""

import pytest

from fovea.geometry import Window
from fovea.kernels import algorithms, targets, tiles
from fovea.kernels.problem import ConvProblem

PHASES = ("forward", "inputs", "weights")
MOBILENET = [(112, 32, 1), (112, 96, 2), (56, 144, 1), (28, 192, 2), (14, 576, 1), (7, 960, 1)]


@pytest.fixture(autouse=True, params=["avx512", "avx2", "sse", "neon"])
def _target(request):
    with targets.trying(targets.table()[request.param]):
        yield


def choices(size, channels, filters, groups, stride=1, f=3, dilation=1, lanes=1):
    window = Window.of((size, size), f, stride, "same", dilation=dilation)
    problem = ConvProblem(window, channels, filters, groups, lanes=lanes)
    passes = algorithms.forward, algorithms.inputs, algorithms.weights
    return tuple(choose(problem, "fast") for choose in passes)


@pytest.mark.parametrize(("size", "channels", "stride"), MOBILENET)
def test_a_channel_with_a_filter_of_its_own_has_kernels_of_its_own(size, channels, stride):
    for choice, phase in zip(choices(size, channels, channels, channels, stride), PHASES, strict=True):
        assert choice.operation == f"depthwise.{phase}"
        assert choice.why == "depthwise: a vector holds several channels, each with its own filter"


@pytest.mark.parametrize(("size", "channels", "stride"), MOBILENET)
@pytest.mark.parametrize("f", [3, 5, 7])
def test_tiles_fit_their_outputs_and_registers(size, channels, stride, f):
    forward, inputs, weights = choices(size, channels, channels, channels, stride, f)
    n = -(-size // stride)
    for choice, extent in ((forward, n), (inputs, n), (weights, n)):
        tile = choice.tile
        assert tile.vector <= channels
        assert 1 <= tile.columns <= extent
        assert 1 <= tile.rows <= tile.band <= extent
        assert tile.columns * tile.rows <= 14
    assert n % weights.tile.columns == 0


def test_groups_narrower_than_a_vector_say_how_wide_they_are():
    v = tiles.vector()
    forward, inputs, weights = choices(28, 32 * v, 16 * v, 32)
    assert forward.operation == "depthwise.forward"
    assert forward.why.startswith(
        f"32 groups of {v} input channels and {v // 2} filters, fewer than a vector"
    )
    assert inputs.operation == "conv_backward.inputs"  # whose groups of channels fill vectors
    assert weights.operation == "depthwise.weights"


def test_blocks_of_filters_lie_within_a_group():
    v = tiles.vector()
    for groups, wide in ((2, 2 * v), (3, v), (8, 4 * v)):
        forward, inputs, weights = choices(28, groups * wide, groups * wide, groups)
        assert [forward.operation, inputs.operation] == ["conv.forward", "conv_backward.inputs"]
        assert weights.operation == "conv_backward.weights"
        for choice in (forward, inputs, weights):
            assert choice.why == f"direct: {groups} groups, Winograd's algorithm needs one"
            assert wide % choice.tile.filters == 0


def test_where_pictures_lie_side_by_side_blocks_lie_within_a_group_too():
    for choice in choices(12, 6, 9, 3, lanes=tiles.vector()):
        assert not choice.operation.startswith("depthwise")
        assert choice.tile.filters in (1, 2, 3)


def test_what_is_dilated_is_left_to_the_direct_sum():
    for choice in choices(28, 128, 128, 1, dilation=2):
        assert not choice.is_winograd
        assert choice.why.startswith("direct: dilation 2×2")
