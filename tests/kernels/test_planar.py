"""Convolutions of few filters, in vectors of pixels, against the formula in float64."""

from ctypes import c_int32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fovea import reference
from fovea.geometry import Window
from tests.cases import FORWARD, assert_close, drawn, halide

pytestmark = halide

CASES = {
    "the painters' last": (4, 3, {"size": 9, "padding": 4, "padding_mode": "mirror"}),
    "of zeros": (8, 4, {"size": 3, "padding": 1}),
    "spread": (5, 1, {"size": (3, 4), "padding": (2, 3, 1, 4), "dilation": (2, 3)}),
}


def chosen(size, case):
    from fovea.kernels import algorithms
    from fovea.kernels.problem import ConvProblem

    C, K, moves = CASES[case]
    window = Window.of(size, stride=1, **moves)
    return algorithms.forward(ConvProblem(window, C, K), "exact", any_size=True)


@pytest.mark.parametrize("case", CASES)
@given(size=st.tuples(st.integers(8, 40), st.integers(8, 90)), N=st.integers(1, 2))
@drawn
def test_one_kernel_convolves_pictures_of_every_size(case, size, N):
    from fovea.kernels import buffers, call

    choice, (C, K, moves) = chosen(size, case), CASES[case]
    assert choice.operation == "planar.forward"
    assert choice.arguments == chosen((24, 24), case).arguments
    rng = np.random.default_rng([*size, N])
    A_prev = rng.normal(size=(N, *size, C)).astype(np.float32)
    W = rng.normal(size=(*choice.problem.window.size, C, K)).astype(np.float32)
    b = rng.normal(size=K).astype(np.float32)
    A = buffers.empty((N, *choice.problem.window.output, K))
    A[...] = np.nan
    saved = buffers.empty(A.shape)
    numbers = {name: c_int32(number) for name, number in choice.numbers.items()}
    inputs = {"A_prev": A_prev.reshape(N, size[0], size[1] * C, 1), "W": choice.view(W), "b": b, **numbers}
    options = {"bias": True, "activation": "relu", "saved": True}
    outputs = {"A": A[..., None], "saved": saved[..., None]}
    call.run(choice.operation, inputs, outputs, **choice.arguments, **options)
    exact = (x.astype(np.float64) for x in (A_prev, W, b))
    Z = reference.conv2d(*exact, **{name: move for name, move in moves.items() if name != "size"})
    assert_close(saved, Z, FORWARD)
    assert_close(A, np.maximum(Z, 0), FORWARD)


@pytest.mark.parametrize("case", CASES)
def test_the_bits_are_those_of_vectors_of_filters(case, monkeypatch):
    from fovea.kernels import algorithms, buffers, call, constants
    from fovea.kernels.problem import ConvProblem

    C, K, moves = CASES[case]
    problem = ConvProblem(Window.of((21, 257), stride=1, **moves), C, K)
    rng = np.random.default_rng(0)
    A_prev = rng.normal(size=(2, 21, 257, C)).astype(np.float32)
    W = rng.normal(size=(*problem.window.size, C, K)).astype(np.float32)
    results = []
    for gain, operation in ((constants.PLANAR_GAIN, "planar.forward"), (1e9, "conv.forward")):
        monkeypatch.setattr(constants, "PLANAR_GAIN", gain)
        choice = algorithms.forward(problem, "alike", small_batch=True)
        assert choice.operation == operation
        A = buffers.empty((2, *problem.window.output, K))
        inputs = {"A_prev": A_prev.reshape(2, 21, 257 * C, 1), "W": choice.view(W)}
        options = {"bias": False, "activation": "", "saved": False}
        call.run(operation, inputs, {"A": A[..., None]}, **choice.arguments, **options)
        results.append(A)
    assert np.array_equal(*results)


def test_many_filters_fill_vectors_of_filters():
    from fovea.kernels import algorithms, tiles
    from fovea.kernels.problem import ConvProblem

    v = tiles.vector()
    for K in (v - 1, v, 2 * v, 5 * v):
        problem = ConvProblem(Window.of((40, 40), 9, padding=4), 8, K)
        assert algorithms.forward(problem, "exact", any_size=True).operation == "conv.forward"
