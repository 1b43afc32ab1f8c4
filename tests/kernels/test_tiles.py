"""The division of a kernel's work into tiles and tasks."""

import math

import numpy as np
import pytest

from fovea import engine, functional
from fovea.geometry import Window
from fovea.kernels import algorithms, targets, tiles, winograd_tiles
from fovea.kernels.problem import ConvProblem


def problem(size, f, stride, C, K, padding="same", lanes=1):
    return ConvProblem(Window.of((size, size), f, stride, padding), C, K, lanes=lanes)


def tasks(size, f, stride, C, K, few):
    """The number of tasks: bands times the blocks of filters that the threads share."""
    own = problem(size, f, stride, C, K)
    tile = algorithms.forward(own, "exact", small_batch=few).tile
    return (-(-K // tile.filters) if tile.shared else 1) * -(-own.window.output[0] // tile.band)


@pytest.mark.parametrize(
    ("size", "f", "stride", "C", "K"),
    [
        (7, 1, 1, 320, 1280),
        (14, 1, 1, 576, 96),
        (112, 1, 1, 16, 96),
        (224, 3, 2, 3, 32),
        (14, 3, 2, 256, 512),
    ],
)
def test_one_picture_gives_all_threads_something_to_do(size, f, stride, C, K):
    assert tasks(size, f, stride, C, K, few=True) >= 4
    assert tasks(size, f, stride, C, K, few=True) >= tasks(size, f, stride, C, K, few=False)


def test_what_is_done_at_once_is_no_task_for_others():
    assert tasks(8, 3, 1, 8, 16, few=True) == 1
    assert tiles.tasks(0) == 1


def test_two_vectors_of_filters_share_what_they_load_even_if_the_second_is_not_full():
    v = tiles.vector()
    for K, vectors in ((v, 1), (v + 1, 2), (2 * v - v // 2, 2), (2 * v, 2), (3 * v, 1), (4 * v - 1, 2)):
        own = problem(28, 3, 1, K, K)
        assert winograd_tiles.tile(own, own.covered).filters == vectors * v
        assert winograd_tiles.weights_tile(own).filters == vectors * v


def test_the_direct_sum_fills_a_tile_of_two_vectors_too_whose_second_is_not_full():
    v = tiles.vector()
    for C, K in ((4 * v, 2 * v - v // 2), (2 * v - v // 2, 4 * v)):
        own = problem(56, 1, 1, C, K)
        assert algorithms.forward(own, "exact").tile.filters % (2 * v) == 0
        assert algorithms.inputs(own, "exact").tile.filters % (2 * v) == 0


def test_filters_that_come_from_the_second_level_meet_many_columns():
    columns = {}
    for near in (0, 1 << 40):
        with targets.trying(targets.current()._replace(l1_filter_bytes=near, l2_load_cost=6.0)):
            forward = algorithms.forward(problem(56, 1, 1, 256, 128), "exact").tile
            backward = algorithms.inputs(problem(56, 1, 1, 128, 256), "exact").tile
        columns[near] = forward.columns, backward.columns
    assert min(columns[0]) >= 6
    assert min(columns[0]) > max(columns[1 << 40])


@pytest.mark.parametrize(
    ("n_in", "n_out"), [(1, 1), (400, 120), (84, 10), (2048, 10), (784, 256), (9216, 4096)]
)
def test_a_dense_layer_of_some_size_has_work_for_four_threads(n_in, n_out):
    tile = tiles.dense(n_in)
    block, share = tiles.dense_weights(n_in, n_out, tile, 16)
    blocks, shares = -(-n_out // (16 * block)), -(-n_in // (tile * share))
    assert blocks * shares >= min(4, -(-n_in // tile))
    assert blocks <= 8  # all inputs are read for each


def test_a_sum_over_lanes_has_many_positions_and_whole_bands():
    for size, f, padding in ((28, 5, "same"), (14, 5, "valid"), (13, 3, "same"), (32, 3, "same")):
        own = problem(size, f, 1, 1, 6, padding, lanes=16)
        rows, (n_H, n_W) = tiles.conv_weights(own).band, own.window.output
        assert rows * n_W >= 100
        assert n_H % rows == 0


def test_a_tile_never_holds_more_sums_than_there_are_registers():
    for size, C, K in ((56, 64, 64), (7, 512, 512), (28, 24, 40)):
        for few in (False, True):
            tile = winograd_tiles.tile(problem(size, 3, 1, C, K), (size, size), few)
            assert tile.tiles * tile.filters // tile.vector <= tiles.accumulators()
            assert tile.tiles <= math.ceil(size / 4) ** 2 or not few


def test_pictures_lie_side_by_side_where_channels_leave_half_of_their_vectors_empty():
    v = tiles.vector()
    layouts = {C: tiles.lanes(C, 4 * v) for C in (v - 1, v, v + 1, v + v // 2, 2 * v - 1, 2 * v + 1)}
    assert layouts == {
        v - 1: v if v - 1 < targets.current().min_channels else 1,
        v: 1,
        v + 1: v if v > 4 else 1,
        v + v // 2: 1,
        2 * v - 1: 1,
        2 * v + 1: 1,
    }


def test_weights_that_do_not_stay_in_the_cache_meet_more_rows_at_once():
    with targets.trying(targets.current()._replace(l2_weight_bytes=2 << 20)):
        many, few = (algorithms.forward(problem(14, 1, 2, 1024, K), "exact").tile for K in (2048, 64))
        back = algorithms.inputs(problem(14, 1, 2, 1024, 2048), "exact").tile
    assert (many.band, many.shared, few.shared) == (7, True, False)
    assert many.band > few.band
    assert back.band == 7


@pytest.mark.parametrize(("size", "f", "stride"), [(9, 3, 2), (9, 1, 2), (7, 5, 1)])
def test_whatever_the_bands_the_sums_are_the_same(size, f, stride):
    rng = np.random.default_rng(0)
    A_prev = rng.standard_normal((3, size, size, 32), np.float32)
    W = rng.standard_normal((f, f, 32, 48), np.float32)
    results = []
    for kept in (1, 1 << 40):
        target = targets.current()._replace(l2_weight_bytes=kept, band_bytes=4000)
        with engine.use("halide"), targets.trying(target):
            Z = functional.conv2d(A_prev, W, None, stride=stride, padding="same")
            results.append((Z, *functional.conv2d_backward(Z, A_prev, W, stride=stride, padding="same")))
    for one, other in zip(*results, strict=True):
        assert np.array_equal(one, other)
