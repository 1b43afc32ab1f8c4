"""The description of a convolution, and its kernels' views and prepacking of filters."""

import numpy as np
import pytest

from fovea.geometry import Window
from fovea.kernels import algorithms
from fovea.kernels.problem import ConvProblem

PROBLEM = ConvProblem(Window.of((9, 12), (3, 5), (2, 1), "same"), 6, 10, 2, (2, 3), 4)


def test_its_sizes_follow_from_window_and_pooling():
    assert PROBLEM.window.output == (5, 12)
    assert (PROBLEM.pooled, PROBLEM.covered) == ((2, 4), (4, 12))
    assert (PROBLEM.row, PROBLEM.weights) == (5 * 3, 3 * 5 * 3)
    assert PROBLEM.multiply_adds == 5 * 12 * 10 * 45


def test_a_specification_takes_it_as_plain_numbers_and_gives_it_back():
    assert ConvProblem.of(PROBLEM.plain) == PROBLEM
    assert eval(repr(PROBLEM.plain), {}) == PROBLEM.plain


def test_swapped_it_sums_over_filters_for_channels():
    swapped = PROBLEM.swapped()
    assert (swapped.channels, swapped.filters) == (10, 6)
    assert (swapped.window, swapped.groups, swapped.lanes) == (PROBLEM.window, 2, 4)
    assert swapped.pool == (1, 1)
    assert swapped.swapped() == PROBLEM._replace(pool=(1, 1))


def test_it_is_depthwise_where_each_channel_has_one_filter_of_its_own():
    window = Window.of((8, 8), 3, 1, "same")
    assert ConvProblem(window, 32, 32, 32).depthwise
    assert not ConvProblem(window, 32, 64, 32).depthwise
    assert not ConvProblem(window, 32, 32).depthwise


@pytest.mark.parametrize(
    ("channels", "filters", "groups", "size", "operations", "rows"),
    [
        (64, 64, 1, 1, ("conv.forward", "conv_backward.inputs", "conv_panels.weights"), (True, False, False)),
        (960, 960, 960, 3, [f"depthwise.{p}" for p in ("forward", "inputs", "weights")], (False,) * 3),
        (
            128,
            128,
            2,
            3,
            ("conv.forward", "conv_backward.inputs", "conv_backward.weights"),
            (True, False, True),
        ),
    ],
)
def test_each_kernel_knows_its_name_and_how_it_sees_filters(
    channels, filters, groups, size, operations, rows
):
    problem = ConvProblem(Window.of((14, 14), size, 1, "same"), channels, filters, groups)
    W = np.zeros((size, size, channels // groups, filters), np.float32)
    passes = algorithms.forward, algorithms.inputs, algorithms.weights
    for choose, operation, in_rows in zip(passes, operations, rows, strict=True):
        choice = choose(problem, "exact")
        assert (choice.operation, choice.is_winograd) == (operation, False)
        assert choice.view(W).shape == ((size, size * W.shape[2], filters) if in_rows else W.shape)
        assert choice.arguments == {"problem": problem.plain, "tile": tuple(choice.tile)}


def test_constant_filters_are_packed_for_the_direct_sum_and_transformed_for_winograds():
    problem = ConvProblem(Window.of((56, 56), 3, 1, "same"), 64, 64)
    packed, transformed = (algorithms.forward(problem, how).prepacked() for how in ("exact", "fast"))
    assert packed.operation == "conv.packed"
    assert packed.filters_shape == (3, 3 * 64, 64)
    assert transformed.operation == "winograd.transformed"
    assert transformed.shape[:2] == (6, 6)
    side_by_side = problem._replace(lanes=16)
    assert algorithms.forward(side_by_side, "fast").prepacked() is None
    assert algorithms.inputs(problem, "exact").prepacked().operation == "conv_backward.packed"
    rotated = algorithms.inputs(problem, "fast").prepacked()
    assert (rotated.operation, rotated.arguments["rotated"]) == (transformed.operation, True)
