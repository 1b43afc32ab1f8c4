"""Convolution of NHWC arrays; algorithms.py chooses the pipeline of each pass.

Single operations always use the direct sum, for full precision. Stages use Winograd's algorithm where it
pays.
"""

from dataclasses import astuple

import numpy as np

from fovea import arguments
from fovea.geometry import Padding, Pair
from fovea.kernels import algorithms, buffers, tiles
from fovea.kernels.call import run
from fovea.kernels.problem import ConvProblem


def conv2d(
    A_prev,
    W,
    b,
    *,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> np.ndarray:
    """As `fovea.reference.conv2d`."""
    window = arguments.conv2d(A_prev, W, b, stride, padding, dilation, groups, padding_mode)
    arguments.float32("conv2d", A_prev=A_prev, W=W, b=b)
    return _forward(ConvProblem(window, A_prev.shape[3], W.shape[3], groups), A_prev, W, b)


def conv2d_backward(
    dZ,
    A_prev,
    W,
    *,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    dilation: int | Pair = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> tuple:
    """As `fovea.reference.conv2d_backward`."""
    window = arguments.conv2d_backward(dZ, A_prev, W, stride, padding, dilation, groups, padding_mode)
    arguments.float32("conv2d_backward", dZ=dZ, A_prev=A_prev, W=W)
    problem = ConvProblem(window, A_prev.shape[3], W.shape[3], groups)
    return _inputs(problem, dZ, W, None), *_weights(problem, A_prev, dZ, W.shape, bias=True)


def conv2d_transpose(
    A_prev,
    W,
    b,
    *,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    output_padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> np.ndarray:
    """As `fovea.reference.conv2d_transpose`: the kernel of a convolution's dA_prev."""
    window = arguments.conv2d_transpose(A_prev, W, b, stride, padding, output_padding, dilation, groups)
    arguments.float32("conv2d_transpose", A_prev=A_prev, W=W, b=b)
    return _inputs(ConvProblem(window, W.shape[2] * groups, W.shape[3], groups), A_prev, W, b)


def conv2d_transpose_backward(
    dZ,
    A_prev,
    W,
    *,
    stride: int | Pair = 1,
    padding: Padding = "valid",
    output_padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> tuple:
    """As `fovea.reference.conv2d_transpose_backward`: the kernels of a convolution's Z and dW."""
    who = "conv2d_transpose_backward"
    moves = stride, padding, output_padding, dilation, groups
    window = arguments.conv2d_transpose(A_prev, W, None, *moves, who, dZ=dZ)
    arguments.float32(who, dZ=dZ, A_prev=A_prev, W=W)
    problem = ConvProblem(window, dZ.shape[3], W.shape[3], groups)
    dA_prev, (dW,) = _forward(problem, dZ, W, None), _weights(problem, dZ, A_prev, W.shape, bias=False)
    db = buffers.zeros((problem.channels,))
    if len(dZ):
        size = {"output": window.input, "channels": problem.channels, "lanes": 1, "vector": tiles.vector()}
        run("bias.gradient", {"dA": dZ[..., None]}, {"db": db}, **size)
    return dA_prev, dW, db


# ---- The three passes --------------------------------------------------------------------------------------


def _forward(problem: ConvProblem, A_prev: np.ndarray, W: np.ndarray, b: np.ndarray | None) -> np.ndarray:
    """Z"""
    chosen = algorithms.forward(problem, "exact")
    Z = buffers.empty((len(A_prev), *problem.window.output, problem.filters))
    if len(A_prev):
        inputs = {"A_prev": _rows(A_prev), "W": chosen.view(W), "b": b}
        settings = {**chosen.arguments, "activation": "", "saved": False, "bias": b is not None}
        run(chosen.operation, inputs, {"A": Z[..., None]}, **settings)
    return Z


def _inputs(problem: ConvProblem, dZ: np.ndarray, W: np.ndarray, b: np.ndarray | None) -> np.ndarray:
    """dA_prev, plus b."""
    window, C = problem.window, problem.channels
    dA_prev = buffers.empty((len(dZ), *window.input, C))
    outputs = {"dA_prev": dA_prev[..., None]}
    if len(dZ) and window.mirror:
        dP = _inputs(problem.padded(), dZ, W, b)
        shape = {"window": astuple(window), "channels": C, "lanes": 1, "vector": tiles.vector()}
        run("mirror.gradient", {"dP": dP[..., None]}, outputs, **shape)
    elif len(dZ):
        chosen = algorithms.inputs(problem, "exact")
        inputs = {"dA": dZ[..., None], "W": W, "b": b}
        run(chosen.operation, inputs, outputs, **chosen.arguments, after="", bias=b is not None)
    return dA_prev


def _weights(
    problem: ConvProblem, A_prev: np.ndarray, dZ: np.ndarray, shape: tuple[int, ...], bias: bool
) -> list[np.ndarray]:
    """dW of `shape` and, with `bias`, db."""
    chosen = algorithms.weights(problem, "exact")
    dW, db = buffers.zeros(shape), buffers.zeros((problem.filters,)) if bias else None
    if len(dZ):
        inputs, outputs = {"A_prev": _rows(A_prev), "dA": dZ[..., None]}, {"dW": chosen.view(dW), "db": db}
        run(chosen.operation, inputs, outputs, **chosen.arguments, after="", bias=bias)
    return [dW] if db is None else [dW, db]


def _rows(A_prev: np.ndarray) -> np.ndarray:
    """The kernels' view of A_prev, with each row as one run of columns and channels: (N, H, W·C, 1)."""
    N, H, W, C = A_prev.shape
    return A_prev.reshape(N, H, W * C, 1)
