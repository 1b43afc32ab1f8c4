"""Winograd's convolution against the direct formula in float64: any size, padding and number of channels."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fovea import reference
from fovea.geometry import Window
from tests.cases import WINOGRAD_FORWARD, WINOGRAD_GRADIENT, Case, assert_close, halide

pytestmark = halide


def case(N, H, W, C, K, padding):
    return Case(N, H, W, C, K, (3, 3), (1, 1), padding)


CASES = [
    case(2, 8, 8, 16, 16, "same"),
    case(1, 7, 7, 64, 64, "same"),  # a single picture, of which several fit a block
    case(9, 7, 7, 64, 64, "same"),
    case(2, 13, 14, 17, 24, (0, 1, 2, 3)),
    case(3, 3, 3, 16, 16, "valid"),  # one window
    case(4, 1, 1, 24, 17, "same"),  # hardly more than padding
    case(2, 9, 5, 24, 64, (4, 0, 0, 4)),  # more padding than filter
    case(3, 17, 6, 16, 3, 0),
    case(25, 4, 21, 3, 16, "valid"),
    case(1, 30, 30, 40, 48, "same"),
    case(7, 14, 14, 128, 96, "same"),  # the threads share the sum of dW
]

# The two schedules: blocks within a picture, and blocks of several pictures that transform filters in chunks.
BLOCKS = {"chunk": 0, "on_the_fly": False, "rows": 2, "pictures": 1}
SHARED = {"chunk": 16, "on_the_fly": True, "rows": 3, "pictures": 2}


class Kernels:
    """Winograd's three passes for a case, even if the model would not choose them; `changes` apply to the
    tile of the forward pass and of the gradient of the input, `weights_tile` replaces that of the third
    pass."""

    def __init__(self, case, pool=(1, 1), after="", weights_tile=None, **changes):
        from fovea.kernels.problem import ConvProblem

        self.case, self.pool, self.after, self.changes = case, pool, after, changes
        self.weights_tile = weights_tile
        self.problem = ConvProblem(case.window, case.C, case.K, pool=pool)

    def forward(self, A_prev, W, b):
        from fovea.kernels import buffers, winograd_tiles
        from fovea.kernels.call import run

        N, H, width, C = A_prev.shape
        A = poisoned((N, *self.problem.pooled, self.case.K))
        tile = winograd_tiles.tile(self.problem, self.problem.covered)._replace(**self.changes)
        winners = buffers.empty(A.shape, np.uint8)
        run(
            "winograd.forward",
            {"A_prev": A_prev.reshape(N, H, width * C, 1), "W": W, "b": b},
            {"A": A[..., None], "saved": winners[..., None] if "pool" in self.after else None},
            problem=self.problem.plain, tile=tuple(tile), bias=b is not None,
            activation="relu" if "relu" in self.after else "", saved="pool" in self.after,
        )  # fmt: skip
        return A, winners

    def inputs(self, upstream, W):
        from fovea.kernels import winograd_tiles
        from fovea.kernels.call import run

        case = self.case
        dA_prev = poisoned((len(upstream[0]), case.H, case.W, case.C))
        tile = winograd_tiles.tile(self.problem.swapped(), (case.H, case.W))._replace(**self.changes)
        inputs, outputs = {**named(upstream), "W": W}, {"dA_prev": dA_prev[..., None]}
        how = {"after": self.after, "tile": tuple(tile)}
        run("winograd.inputs", inputs, outputs, problem=self.problem.plain, **how)
        return dA_prev

    def weights(self, A_prev, upstream):
        from fovea.kernels import winograd_tiles
        from fovea.kernels.call import run

        (N, H, width, C), K = A_prev.shape, self.case.K
        dW, db = poisoned((3, 3, C, K)), poisoned((K,))
        tile = self.weights_tile or winograd_tiles.weights_tile(self.problem)
        in_chunks = isinstance(tile, winograd_tiles.WinogradChunksTile)
        run(
            "winograd_chunks.weights" if in_chunks else "winograd_weights.weights",
            {"A_prev": A_prev.reshape(N, H, width * C, 1), **named(upstream)}, {"dW": dW, "db": db},
            problem=self.problem.plain, tile=tuple(tile), bias=True, after=self.after,
        )  # fmt: skip
        return dW, db


def named(upstream):
    """The gradient that enters and, if there is one, the memory of the forward pass."""
    return {name: a[..., None] for name, a in zip(("dA", "memory"), upstream, strict=False)}


def square(n, C, K, size=3, stride=1, **more):
    """A convolution of n × n pixels."""
    from fovea.kernels.problem import ConvProblem

    return ConvProblem(Window.of((n, n), size, stride, "same"), C, K, **more)


def in_chunks(rows):
    """A tile for the gradient of the weights."""
    from fovea.kernels import tiles, winograd_tiles

    return winograd_tiles.WinogradChunksTile(tiles.vector(), tiles.vector(), 8, rows, 2, tiles.vector())


def poisoned(shape):
    from fovea.kernels import buffers

    array = buffers.empty(shape)
    array[...] = np.nan
    return array


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_three_passes_agree_with_the_formula(case):
    A_prev, W, b, dZ, _ = case.arrays()
    exact = case.arrays(np.float64)
    kernels = Kernels(case)
    Z = reference.conv2d(*exact[:3], padding=case.padding)
    assert_close(kernels.forward(A_prev, W, b)[0], Z, WINOGRAD_FORWARD)
    dA_prev, dW, db = reference.conv2d_backward(exact[3], *exact[:2], padding=case.padding)
    assert_close(kernels.inputs([dZ], W), dA_prev, WINOGRAD_GRADIENT)
    got_dW, got_db = kernels.weights(A_prev, [dZ])
    assert_close(got_dW, dW, WINOGRAD_GRADIENT)
    assert_close(got_db, db, WINOGRAD_GRADIENT)


@given(
    N=st.integers(1, 5), H=st.integers(1, 14), W=st.integers(1, 14),
    C=st.integers(1, 50), K=st.integers(1, 50), pads=st.tuples(*[st.integers(0, 3)] * 4), data=st.data(),
)  # fmt: skip
@settings(max_examples=12, deadline=None)
def test_all_schedules_agree_with_the_formula_however_they_cut_their_work(N, H, W, C, K, pads, data):
    assume(H + pads[0] + pads[1] >= 3 and W + pads[2] + pads[3] >= 3)
    from fovea.kernels import tiles, winograd_tiles

    case, whole, v = Case(N, H, W, C, K, (3, 3), (1, 1), pads), st.integers(1, 4), tiles.vector()
    changes = {"tiles": data.draw(st.integers(1, 14)), "rows": data.draw(whole), "pictures": 1}
    changes["chunk"] = data.draw(st.integers(0, 3)) * v
    changes["on_the_fly"] = changes["chunk"] > 0 and data.draw(st.booleans())
    if changes["chunk"] and data.draw(st.booleans()):  # whole pictures
        changes |= {"rows": -(-max(case.H, case.window.output[0]) // 4), "pictures": data.draw(whole)}
    weights_tile = winograd_tiles.WinogradChunksTile(
        v, v * data.draw(st.integers(1, 2)) if K % v == 0 else v, data.draw(st.sampled_from([1, 4, 8])),
        data.draw(whole), data.draw(whole), v * data.draw(st.integers(1, 3)),
    )  # fmt: skip
    kernels = Kernels(case, weights_tile=weights_tile, **changes)
    A_prev, weights, b, dZ, _ = case.arrays()
    exact = case.arrays(np.float64)
    Z = reference.conv2d(*exact[:3], padding=pads)
    assert_close(kernels.forward(A_prev, weights, b)[0], Z, WINOGRAD_FORWARD)
    dA_prev, dW, db = reference.conv2d_backward(exact[3], *exact[:2], padding=pads)
    assert_close(kernels.inputs([dZ], weights), dA_prev, WINOGRAD_GRADIENT)
    got_dW, got_db = kernels.weights(A_prev, [dZ])
    assert_close(got_dW, dW, WINOGRAD_GRADIENT)
    assert_close(got_db, db, WINOGRAD_GRADIENT)


@pytest.mark.parametrize(("channels", "changes"), [((16, 32), BLOCKS), ((17, 24), SHARED)], ids=str)
def test_there_may_be_no_bias(channels, changes):
    each = case(3, 11, 10, *channels, "same")
    A_prev, W, _, _, _ = each.arrays()
    Z = reference.conv2d(A_prev.astype(np.float64), W.astype(np.float64), None, padding="same")
    assert_close(Kernels(each, **changes).forward(A_prev, W, None)[0], Z, WINOGRAD_FORWARD)


# Any two of the activation, the pool, the schedule and the kind of channels (whole vectors, and others) meet.
WHOLE, OTHER = (16, 32), (17, 24)
TAKEN_ALONG = [
    ("relu", (1, 1), OTHER, BLOCKS), ("relu", (1, 1), WHOLE, SHARED),
    ("pool", (2, 2), WHOLE, BLOCKS), ("relu+pool", (2, 2), OTHER, SHARED),
    ("pool", (1, 2), OTHER, SHARED), ("relu+pool", (1, 2), WHOLE, BLOCKS),
    ("pool", (4, 1), OTHER, BLOCKS), ("relu+pool", (4, 1), WHOLE, SHARED),
]  # fmt: skip


@pytest.mark.parametrize(("after", "pool", "channels", "changes"), TAKEN_ALONG, ids=str)
def test_relu_and_pooling_ride_along_in_both_directions(after, pool, channels, changes):
    each = case(3, 11, 10, *channels, "same")
    A_prev, W, b, _, _ = each.arrays()
    exact = [a.astype(np.float64) for a in (A_prev, W, b)]
    kernels = Kernels(each, pool, after, in_chunks(2) if changes is SHARED else None, **changes)
    A, winners = kernels.forward(A_prev, W, b)
    Z = reference.conv2d(*exact, padding="same")
    rectified = reference.relu(Z) if "relu" in after else Z
    expected = reference.max_pool2d(rectified, pool) if "pool" in after else rectified
    assert_close(A, expected, WINOGRAD_FORWARD)

    dA = np.random.default_rng(1).standard_normal(A.shape, np.float32)
    dZ = dA.astype(np.float64)
    if "pool" in after:
        dZ = reference.max_pool2d_backward(dZ, rectified, pool)
    if "relu" in after:
        dZ = reference.relu_backward(dZ, Z)
    upstream = [dA, winners] if "pool" in after else [dA, A]
    dA_prev, dW, db = reference.conv2d_backward(dZ, *exact[:2], padding="same")
    assert_close(kernels.inputs(upstream, W), dA_prev, WINOGRAD_GRADIENT)
    got_dW, got_db = kernels.weights(A_prev, upstream)
    assert_close(got_dW, dW, WINOGRAD_GRADIENT)
    assert_close(got_db, db, WINOGRAD_GRADIENT)


# Their kernels are those of the tests above.
SEVERAL = [
    (case(9, 7, 7, 64, 64, "same"), "", {}),
    (case(9, 11, 10, *OTHER, "same"), "relu", BLOCKS),
    (case(9, 11, 10, *WHOLE, "same"), "relu", SHARED),
    (case(9, 18, 9, 40, 48, 1), "", {**SHARED, "rows": 5, "pictures": 4}),
    (case(3, 14, 14, 128, 96, "same"), "", {}),
]


@pytest.mark.parametrize(("case", "after", "changes"), SEVERAL, ids=str)
def test_a_pictures_bits_do_not_depend_on_its_batch(case, after, changes):
    A_prev, W, b, dZ, _ = case.arrays()
    kernels = Kernels(case, after=after, **changes)
    A = kernels.forward(A_prev, W, b)[0]
    upstream = [dZ, A] if after else [dZ]
    dA_prev = kernels.inputs(upstream, W)
    for pictures in (slice(0, 1), slice(2, 3), slice(1, case.N)):
        assert np.array_equal(kernels.forward(A_prev[pictures].copy(), W, b)[0], A[pictures])
        some = [a[pictures].copy() for a in upstream]
        assert np.array_equal(kernels.inputs(some, W), dA_prev[pictures])


@pytest.mark.parametrize(("case", "after", "changes"), SEVERAL, ids=str)
def test_the_bits_do_not_depend_on_the_number_of_threads(case, after, changes):
    from fovea.kernels import runtime

    A_prev, W, b, dZ, _ = case.arrays()
    weights_tile = in_chunks(2) if changes.get("chunk") else None
    kernels, found = Kernels(case, after=after, weights_tile=weights_tile, **changes), []
    try:
        for threads in (1, 2, 3):
            runtime.set_threads(threads)
            A = kernels.forward(A_prev, W, b)[0]
            upstream = [dZ, A] if after else [dZ]
            found.append((A, kernels.inputs(upstream, W), *kernels.weights(A_prev, upstream)))
    finally:
        runtime.set_threads(None)
    for others in found[1:]:
        assert all(map(np.array_equal, found[0], others))


@pytest.mark.parametrize("offset", [1.0, 100.0, 1e4, -1e6], ids=str)
def test_large_offsets_and_small_variance_stay_within_the_bound(offset):
    """The bound is relative to the largest result; for filters that sum to zero, which cancel the offset, it
    is relative to the result of their positive half alone."""
    kernels, shape = Kernels(case(6, 7, 7, 64, 64, "same")), (6, 7, 7, 64)
    rng = np.random.default_rng(0)
    A_prev = np.float32(offset + 0.01 * rng.standard_normal(shape))
    dZ = np.float32(1e-4 * offset + 1e-6 * rng.standard_normal(shape))
    W, b = rng.standard_normal((3, 3, 64, 64), np.float32), np.zeros(64, np.float32)
    exact = [a.astype(np.float64) for a in (dZ, A_prev, W)]
    Z = reference.conv2d(*exact[1:], None, padding="same")
    assert_close(kernels.forward(A_prev, W, b)[0], Z, WINOGRAD_FORWARD)
    dA_prev, dW, _ = reference.conv2d_backward(*exact, padding="same")
    assert_close(kernels.inputs([dZ], W), dA_prev, WINOGRAD_GRADIENT)
    assert_close(kernels.weights(A_prev, [dZ])[0], dW, WINOGRAD_GRADIENT)

    edges = W - W.mean(axis=(0, 1, 2))
    half = np.maximum(edges, 0.0).astype(np.float64)
    positive = np.abs(reference.conv2d(exact[1], half, None, padding="same")).max()
    Z = reference.conv2d(exact[1], edges.astype(np.float64), None, padding="same")
    assert np.abs(kernels.forward(A_prev, edges, b)[0] - Z).max() <= WINOGRAD_FORWARD * positive


@pytest.mark.parametrize(("case", "after", "changes"), SEVERAL, ids=str)
def test_nan_reaches_what_its_tiles_touch_and_no_other_picture(case, after, changes):
    A_prev, W, b, dZ, _ = case.arrays()
    kernels = Kernels(case, after=after, **changes)
    memory = np.abs(kernels.forward(A_prev, W, b)[0]) + 1  # as if ReLU had let all numbers pass
    A_prev[0, 4, 4, 3] = np.nan  # read by tiles of the pixels 0 to 7, and by no others
    A = kernels.forward(A_prev, W, b)[0]
    assert np.isnan(A[0, 3:6, 3:6]).all()
    assert np.isfinite(A[0, 8:]).all()
    assert np.isfinite(A[0, :, 8:]).all()
    assert np.isfinite(A[1]).all()
    dZ[0, 4, 4, 3] = np.nan
    dA_prev = kernels.inputs([dZ, memory] if after else [dZ], W)
    assert np.isnan(dA_prev[0, 3:6, 3:6]).all()
    assert np.isfinite(dA_prev[0, 8:]).all()
    assert np.isfinite(dA_prev[1]).all()


def test_the_model_chooses_winograd_where_it_pays():
    from fovea.kernels import algorithms, tiles

    def chosen(size, stride, n, C, K, precision="fast", pool=(1, 1), lanes=1):
        problem = square(n, C, K, size, stride, pool=pool, lanes=lanes)
        passes = algorithms.forward, algorithms.inputs, algorithms.weights
        return [choose(problem, precision).is_winograd for choose in passes]

    assert all(chosen(3, 1, 56, 64, 64))
    assert all(chosen(3, 1, 7, 512, 512))
    assert all(chosen(3, 1, 32, 32, 64, pool=(2, 2)))
    assert not any(chosen(3, 1, 56, 64, 64, precision="exact"))
    assert not any(chosen(3, 2, 56, 64, 64))
    assert not any(chosen(5, 1, 56, 64, 64))
    assert not any(chosen(3, 1, 56, 64, 64, lanes=16))
    assert not chosen(3, 1, 12, 64, 64, pool=(3, 1))[0]  # windows that lie across tiles
    assert not chosen(3, 1, 224, 3, 64)[0] or tiles.vector() == 4  # three channels hardly fill a vector
    assert not any(chosen(3, 1, 1, 64, 64))  # a tile for a single pixel


def test_filters_are_transformed_where_they_are_used_if_they_are_many_or_meet_few_tiles():
    from fovea.kernels import targets, winograd_tiles

    def tile(n, C, K):
        return winograd_tiles.tile(square(n, C, K), (n, n))

    whole = targets.current().max_stored_bytes
    assert tile(56, 64, 64)[-3:] == tile(28, 128, 128)[-3:] == (0, False, False)
    for n, C, K in (
        (7, 64, 64),
        (7, 512, 512),
        (14, 512, 512),
        (56, 512, 512),
        (224, 2048, 512),
        (14, 272, 300),
    ):
        chosen, wide = tile(n, C, K), -(-n // 4)
        if whole >= 36 * 4 * C * K:  # they may wait in memory, and meet blocks of some pictures
            assert not chosen.on_the_fly
            assert (
                chosen.pictures == 1 or chosen.pictures * wide * wide <= targets.current().stored_block_tiles
            )
            continue
        assert chosen.on_the_fly
        assert chosen.chunk % chosen.vector == 0 < chosen.chunk
        assert chosen.padded(C) < 1.15 * C + chosen.vector
        assert chosen.pictures == 1 or chosen.rows == wide
        in_block = chosen.pictures * chosen.rows * wide
        assert in_block <= max(targets.current().llc_tiles, wide)
        assert in_block == wide or in_block * 36 * 4 * C <= targets.current().llc_tile_bytes


def test_one_picture_transforms_many_filters_where_they_are_used_unless_few_tiles_meet_constant_ones():
    from fovea.kernels import targets, winograd_tiles

    def tile(n, C, **how):
        return winograd_tiles.tile(square(n, C, C), (n, n), **how)

    with targets.trying(targets.table()["avx512-intel"]):  # elsewhere all of that size are
        assert not tile(14, 256).on_the_fly
        assert tile(14, 256, small_batch=True).on_the_fly
        assert tile(14, 256, small_batch=True, constant=True).on_the_fly
        assert tile(8, 256, small_batch=True).on_the_fly
        assert not tile(8, 256, small_batch=True, constant=True).on_the_fly
        assert not tile(7, 32, small_batch=True).on_the_fly
    for n in (8, 14):  # the sums have one order, whoever computes them
        assert (
            tile(n, 256).chunk
            == tile(n, 256, small_batch=True).chunk
            == tile(n, 256, small_batch=True, constant=True).chunk
        )


def test_sums_of_many_weights_are_never_in_memory_as_a_whole():
    from fovea.kernels import targets, winograd_tiles

    def in_chunks(n, C, K):
        tile = winograd_tiles.weights_tile(square(n, C, K))
        return isinstance(tile, winograd_tiles.WinogradChunksTile)

    assert in_chunks(14, 512, 512)
    for n, C in ((56, 256), (7, 128)):
        assert in_chunks(n, C, C) == (targets.current().max_stored_bytes < 36 * 4 * C * C)
    assert not in_chunks(112, 128, 128)
    assert not in_chunks(56, 64, 64)
