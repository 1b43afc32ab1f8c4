"""A window that moves over a small grid, step by step: padding, stride and pooling, forward and backward.

A network of one layer is applied to a grid of small whole numbers. Forward, step t is the value at output
position t. Backward, it is the contribution of this position to the gradients:

    dA += W · dZ[t]        dW += window · dZ[t]        db += dZ[t]                                         (1)

for pooling only dA. The numbers are computed by the library's own layers.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from fovea import engine
from fovea.apps.look import presets
from fovea.apps.look.views import Answer
from fovea.errors import FoveaError, mismatch
from fovea.geometry import Window
from fovea.layers import AveragePool2D, Conv2D, Layer, MaxPool2D
from fovea.network import Network
from fovea.reference import conv2d_backward
from fovea.tracing import Sum, Trace, trace

# The ranges of the numbers in a request
LEAST_AND_MOST = {"side": (2, 12), "size": (1, 7), "stride": (1, 6), "padding": (0, 6)}
OPERATIONS = ("convolution", "maximum", "average")
_WHO = "step by step"


def steps(request: Mapping[str, Any]) -> Answer:
    """All steps of {"operation", "input", "side", "size", "stride", "padding", "weights"}.

    Forward: "input" (H, W), "weights" (f, f), "output" (n_H, n_W); for each step t "left", "products",
    "inside" (t, f, f), and "winner" (t,), −1 if there is none. Backward: "dZ" (n_H, n_W), and "dA" (t, H,
    W), "dW" (t, f, f), "db" (t,) after each step. "uses" (H, W) is the number of windows that see each pixel.
    "weights" is a name from `presets`, or numbers. Raises FoveaError for an invalid request.
    """
    side, size, stride, padding = (_number(request, name) for name in LEAST_AND_MOST)
    operation = request.get("operation")
    if operation not in OPERATIONS:
        raise FoveaError(mismatch(_WHO, f"one of {', '.join(OPERATIONS)}", repr(operation)))
    A = _input(request.get("input"), side)
    with engine.use("reference"):  # grids this small are not worth compiling for
        layer = _layer(operation, size, stride, padding)
        network = Network([layer], (side, side, 1), seed=None)
        window = layer.window((side, side, 1))
        assert window is not None
        arrays = {"input": A[:, :, 0]}
        if operation == "convolution":
            W = presets.framed(request.get("weights"), (size, size), _WHO)
            network.parameters["conv1.W"][...] = W[:, :, np.newaxis, np.newaxis]
            arrays["weights"] = W
        t = trace(network, A, dZ=_upstream(window.output))
        arrays |= _forward(t, layer, window) | _backward(t, layer, window)
    arrays["uses"] = _uses(window)
    n_H, n_W = window.output
    return {"output": [n_H, n_W], "steps": n_H * n_W, "stride": window.stride, "pads": window.pads}, arrays


def _number(request: Mapping[str, Any], name: str) -> int:
    least, most = LEAST_AND_MOST[name]
    value = request.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise FoveaError(mismatch(f"{_WHO}: {name}", f"a whole number from {least} to {most}", repr(value)))
    return value


INPUTS = {
    "edge": lambda n: np.where(np.arange(n) < (n + 1) // 2, 10, 0) + np.zeros((n, 1)),
    "line": lambda n: np.eye(n) * 10,
    "numbers": lambda n: np.arange(n * n).reshape(n, n) % 10,
    "random": lambda n: np.random.default_rng(3).integers(0, 10, (n, n)),
}


def _input(name: Any, side: int) -> np.ndarray:
    """The input of that name, float32 (side, side, 1)."""
    if not isinstance(name, str) or name not in INPUTS:
        raise FoveaError(mismatch(f"{_WHO}: input", f"one of {', '.join(INPUTS)}", repr(name)))
    return INPUTS[name](side).astype(np.float32)[:, :, np.newaxis]


def _layer(operation: str, size: int, stride: int, padding: int) -> Layer:
    if operation == "convolution":
        return Conv2D(1, size, stride=stride, padding=padding)
    return (MaxPool2D if operation == "maximum" else AveragePool2D)(size, stride=stride, padding=padding)


def _upstream(output: tuple[int, int]) -> np.ndarray:
    """Small whole numbers that differ from their neighbours: 1 2 3 1 …, float32 (n_H, n_W, 1)."""
    return ((np.indices(output).sum(axis=0) % 3) + 1).astype(np.float32)[:, :, np.newaxis]


def _forward(t: Trace, layer: Layer, window: Window) -> dict[str, np.ndarray]:
    values = [t.forward(layer.name, (h, w, 0)) for h, w in np.ndindex(window.output)]
    sums = [step for step in values if isinstance(step, Sum)]
    winners = [
        -1 if step.winner is None else step.winner[0] * window.size[1] + step.winner[1] for step in sums
    ]
    shape = (len(sums), *window.size)
    return {
        "output": t.A(layer.name)[:, :, 0],
        "left": np.array([step.left.values for step in sums]).reshape(shape),
        "products": np.array([step.products for step in sums]).reshape(shape),
        "inside": np.array([step.inside for step in sums]).reshape(shape).astype(np.uint8),
        "winner": np.array(winners, np.float32),
    }


def _backward(t: Trace, layer: Layer, window: Window) -> dict[str, np.ndarray]:
    """The gradients after each step, by (1): the backward pass, linear in dZ, with 0 for all later steps."""
    dZ = t.dA(layer.name)
    A_prev = t.A_prev(layer.name)[np.newaxis]
    _, cache = layer.forward(A_prev)
    count = dZ.size
    dA, dW, db = [], [], []
    for done in range(1, count + 1):
        part = np.where(np.arange(count) < done, dZ.ravel(), 0).reshape(1, *dZ.shape).astype(np.float32)
        dA_prev, gradients = layer.backward(part, cache)
        dA.append(dA_prev[0, :, :, 0])
        if gradients:
            dW.append(gradients["W"][:, :, 0, 0])
            db.append(gradients["b"][0])
    arrays = {"dZ": dZ[:, :, 0], "dA": np.array(dA)}
    return arrays | ({"dW": np.array(dW), "db": np.array(db)} if dW else {})


def _uses(window: Window) -> np.ndarray:
    """The number of windows that see each pixel: the gradient of a convolution with W and dZ of ones."""
    ones = np.ones((1, *window.output, 1))
    A, W = np.zeros((1, *window.input, 1)), np.ones((*window.size, 1, 1))
    top, bottom, left, right = window.pads
    dA, _, _ = conv2d_backward(ones, A, W, stride=window.stride, padding=(top, bottom, left, right))
    return dA[0, :, :, 0]
