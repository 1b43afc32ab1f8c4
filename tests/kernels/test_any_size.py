"""Convolutions of pictures of any size by one compiled kernel, against the formulas in float64."""

from ctypes import c_int32
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fovea import reference
from fovea.geometry import Window
from tests.cases import (
    FORWARD,
    GRADIENT,
    WINOGRAD_FORWARD,
    WINOGRAD_GRADIENT,
    assert_close,
    drawn,
    halide,
)

pytestmark = halide

C, K = 32, 48
sizes = st.tuples(st.integers(1, 60), st.integers(1, 60))


def problem(size, pool=(1, 1), channels=(C, K)):
    from fovea.kernels.problem import ConvProblem

    return ConvProblem(Window.of(size, 3, 1, 1), *channels, pool=pool)


def choices(precision, together=False):
    """The choices of both passes for a problem."""
    from fovea.kernels import algorithms

    def chosen(problem):
        both = [f(problem, precision, any_size=True) for f in (algorithms.forward, algorithms.inputs)]
        if together:
            both = [replace(c, tile=c.tile._replace(together=True)) for c in both]
        return both

    return chosen


KERNELS = {"direct": ("exact", False), "own blocks": ("fast", False), "shared blocks": ("fast", True)}


def poisoned(*shape):
    from fovea.kernels import buffers

    array = buffers.empty(shape)
    array[...] = np.nan
    return array


def run(choice, inputs, outputs, **options):
    """Run it, and return its specification's arguments."""
    from fovea.kernels import call

    numbers = {name: c_int32(number) for name, number in choice.numbers.items()}
    call.run(choice.operation, {**inputs, **numbers}, outputs, **choice.arguments, **options)
    return choice.arguments


def rows(A):
    N, H, W, channels = A.shape
    return A.reshape(N, H, W * channels, 1)


def upstream(rng, N, size, pool):
    """dA, the memory of ReLU, perhaps of pooling, and dZ."""
    n_H, n_W = (n // p for n, p in zip(size, pool, strict=True))
    dA = rng.normal(size=(N, n_H, n_W, K)).astype(np.float32)
    if pool == (1, 1):
        memory = rng.normal(size=dA.shape).astype(np.float32)
        return dA, memory, np.where(memory > 0, dA, 0)
    memory = rng.choice(np.array([0, 1, 2, 3, 255], np.uint8), size=dA.shape)
    dZ = np.zeros((N, *size, K), np.float32)
    for position in range(4):
        window = dZ[:, position // 2 : 2 * n_H : 2, position % 2 : 2 * n_W : 2]
        window[...] = np.where(memory == position, dA, 0)
    return dA, memory, dZ


@pytest.mark.parametrize("pool", [(1, 1), (2, 2)])
@pytest.mark.parametrize("kernel", KERNELS)
@given(size=sizes, N=st.integers(1, 2))
@drawn
def test_one_kernel_convolves_pictures_of_every_size(kernel, pool, size, N):
    size = tuple(map(max, size, pool))
    rng = np.random.default_rng([*size, N])
    A_prev = rng.normal(size=(N, *size, C)).astype(np.float32)
    W = (rng.normal(size=(3, 3, C, K)) / 9).astype(np.float32)
    b = rng.normal(size=K).astype(np.float32)
    dA, memory, dZ = upstream(rng, N, size, pool)
    forward, inputs = choices(*KERNELS[kernel])(problem(size, pool))
    assert forward.is_winograd == inputs.is_winograd == (kernel != "direct")

    A, saved = poisoned(*dA.shape), None
    if pool != (1, 1):
        from fovea.kernels import buffers

        saved = buffers.empty(dA.shape, np.uint8)
    given_ = {"A_prev": rows(A_prev), "W": forward.view(W), "b": b}
    outputs = {"A": A[..., None], "saved": saved if saved is None else saved[..., None]}
    kept = run(forward, given_, outputs, bias=True, activation="relu", saved=saved is not None)
    Z = reference.conv2d(*(x.astype(np.float64) for x in (A_prev, W, b)), padding=1)
    expected = np.maximum(Z, 0)
    if saved is not None:
        expected = reference.max_pool2d(expected, 2, stride=2)
        assert set(np.unique(saved)) <= {0, 1, 2, 3, 255}
        assert np.array_equal(saved == 255, A <= 0)
    assert_close(A, expected, FORWARD if kernel == "direct" else WINOGRAD_FORWARD)

    dA_prev, so_far = poisoned(*A_prev.shape), rng.normal(size=A_prev.shape).astype(np.float32)
    after = "relu" if saved is None else "relu+pool"
    given_ = {"dA": dA[..., None], "memory": memory[..., None], "accumulated": so_far[..., None], "W": W}
    same = run(inputs, given_, {"dA_prev": dA_prev[..., None]}, after=after, accumulated=True)
    back, _, _ = reference.conv2d_backward(*(x.astype(np.float64) for x in (dZ, A_prev, W)), padding=1)
    assert_close(dA_prev, so_far + back, GRADIENT if kernel == "direct" else WINOGRAD_GRADIENT)

    others = choices(*KERNELS[kernel])(problem((24, 24), pool))
    assert [kept, same] == [other.arguments for other in others]


def test_the_algorithm_depends_on_channels_and_filters_alone():
    from fovea.kernels import algorithms, tiles

    v = tiles.vector()
    for channels in ((4 * v, 4 * v), (16 * v, 32 * v), (3, 4 * v), (4 * v + 1, 4 * v)):
        for choose in (algorithms.forward, algorithms.inputs):
            found = [
                choose(problem(size, channels=channels), "fast", any_size=True)
                for size in ((1, 1), (9, 200), (512, 341), (2000, 1500))
            ]
            assert len({(c.operation, c.plain_tile, c.why) for c in found}) == 1
            assert all(c.is_winograd == (channels[0] % v == 0) for c in found)


def test_a_block_of_tiles_fills_its_register_tiles_and_its_cache():
    from fovea.kernels import targets, tiles, winograd_tiles

    v = tiles.vector()
    for size in ((1, 1), (30, 40), (341, 512), (2000, 9)):
        for channels in (2 * v, 8 * v, 32 * v):
            p = problem(size, channels=(channels, channels))
            tile, block = winograd_tiles.tile_any_size(p, size)
            count = block["rows"] * -(-size[1] // 4)
            assert block["tiles"] in winograd_tiles.run_lengths(tile.tiles)
            assert 0 <= block["runs"] * block["tiles"] - count < block["tiles"]
            limit = targets.current().llc_tile_bytes if tile.together else targets.current().l2_tile_bytes
            assert block["rows"] == 1 or 144 * channels * count <= limit
