"""Gram matrices, by the kernels of a 1×1 convolution over rows of `ROW` pixels: G is the gradient of its
weights where dZ is A itself, and dA is its output with dG for weights. So pictures of any size need the same
two kernels for each number of channels."""

import numpy as np

from fovea import arguments
from fovea.geometry import Window
from fovea.kernels import algorithms, buffers
from fovea.kernels.call import run
from fovea.kernels.problem import ConvProblem

ROW = 32  # pixels: enough for a register tile


def gram(A) -> np.ndarray:
    """As `fovea.reference.gram`."""
    arguments.gram(A)
    arguments.float32("gram", A=A)
    C = A.shape[3]
    G = buffers.zeros((len(A), C, C))
    problem = _problem(C)
    chosen = algorithms.weights(problem, "exact")
    part = buffers.empty((1, 1, C, C))
    for of_picture, whole in zip(A, G, strict=True):
        for rows, _ in _in_rows(of_picture):
            inputs = {"A_prev": rows.reshape(len(rows), 1, ROW * C, 1), "dA": rows[:, None, :, :, None]}
            run(chosen.operation, inputs, {"dW": chosen.view(part)}, **chosen.arguments, after="", bias=False)
            whole += part[0, 0]
    G *= np.float32(1 / max(A[0:1].size, 1))
    return G


def gram_backward(dG, A, out=None) -> np.ndarray:
    """As `fovea.reference.gram_backward`."""
    arguments.gram_backward(dG, A, out)
    arguments.float32("gram_backward", dG=dG, A=A)
    C, dA = A.shape[3], buffers.empty(A.shape) if out is None or not buffers.is_ready(out) else out
    both = (dG + dG.transpose(0, 2, 1)) * np.float32(1 / max(A[0:1].size, 1))
    chosen = algorithms.forward(_problem(C), "exact")
    options = {"activation": "", "saved": False, "bias": False}
    for of_picture, W, result in zip(A, both, dA, strict=True):
        for rows, pixels in _in_rows(of_picture):
            target = result.reshape(-1, C)[pixels]
            direct = len(target) == len(rows) * ROW
            Z = target.reshape(len(rows), 1, ROW, C, 1) if direct else buffers.empty((1, 1, ROW, C, 1))
            inputs = {
                "A_prev": rows.reshape(len(rows), 1, ROW * C, 1),
                "W": chosen.view(W.reshape(1, 1, C, C)),
            }
            run(chosen.operation, inputs, {"A": Z}, **chosen.arguments, **options)
            if not direct:
                target[...] = Z.reshape(ROW, C)[: len(target)]
    if out is None or out is dA:
        return dA
    out[...] = dA
    return out


def _problem(channels: int) -> ConvProblem:
    return ConvProblem(Window.of((1, ROW), 1, 1, "valid"), channels, channels)


def _in_rows(picture: np.ndarray) -> list[tuple[np.ndarray, slice]]:
    """The pixels of a picture (H, W, C) in rows (n, ROW, C), and the last ones in a row filled up with
    zeros; each with the slice of all pixels that it holds."""
    C = picture.shape[2]
    pixels = picture.reshape(-1, C)
    whole = len(pixels) // ROW * ROW
    parts = [(pixels[:whole].reshape(-1, ROW, C), slice(0, whole))] if whole else []
    if whole < len(pixels):
        last = buffers.zeros((1, ROW, C))
        last[0, : len(pixels) - whole] = pixels[whole:]
        parts.append((last, slice(whole, len(pixels))))
    return parts
