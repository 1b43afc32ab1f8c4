"""A single convolution, run as in training: by the plan of a network with little else."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

import fovea
from benchmarks.convolutions import Convolution
from benchmarks.turns import Run
from fovea.layers import Conv2D, Layer
from fovea.stages import Plan
from fovea.stages.calls import Array, Call


class Problem(NamedTuple):
    A_prev: np.ndarray  # (N, H, W, C)
    W: np.ndarray  # (f, f, C, K)
    b: np.ndarray  # (K,)
    dZ: np.ndarray  # (N, n_H, n_W, K)


def problem(case: Convolution) -> Problem:
    """Numbers as in training: values of about 1, and weights by He's rule."""
    rng = np.random.default_rng(0)
    n = case.output_size
    W = rng.standard_normal((case.f, case.f, case.C // case.g, case.K), np.float32)
    return Problem(
        rng.standard_normal((case.N, case.H, case.H, case.C), np.float32),
        W * np.float32(np.sqrt(2 * case.g / (case.f**2 * case.C))),
        rng.standard_normal(case.K, np.float32),
        rng.standard_normal((case.N, n, n, case.K), np.float32),
    )


class Alone:
    """The layer's stage in the plan of a network that has little else; `passes` run it, as in training."""

    def __init__(self, case: Convolution, inputs: Problem) -> None:
        self._inputs = inputs
        conv = Conv2D(case.K, case.f, stride=case.s, padding=case.p, dilation=case.d, groups=case.g)
        before = [_Learns()] if case.has_dA else []  # a layer that learns, so that dA is needed
        network = fovea.Network([*before, conv, _Mean()], inputs.A_prev.shape[1:])
        network.parameters["conv1.W"][...], network.parameters["conv1.b"][...] = inputs.W, inputs.b
        self._plan = plan = Plan(network, case.N, training=True)
        plan.loss_and_gradients(inputs.A_prev, np.zeros(case.N, np.int32))  # binds the calls to the batch
        self._part = next(part for part in plan.parts if conv in part.stage.layers)
        self._steps = self._part.passes
        self.lanes = self._part.stage.lanes
        self.passes: dict[str, Run] = {phase: _together(steps) for phase, steps in self._steps.items()}

    def algorithm(self, phase: str) -> str:
        """ "winograd" or "direct"."""
        names = [step.specification.operation for step in self._steps[phase] if isinstance(step, Call)]
        return "winograd" if any("winograd" in name for name in names) else "direct"

    def calls(self) -> dict[str, Call]:
        """The passes as the constants of the moment have them (targets.trying), on the same arrays; their
        kernels are not there yet."""
        part, context = self._part, self._plan.context
        assert part.gradients is not None
        passes = {"forward": part.stage.forward(context, part.arrays)}
        passes |= part.stage.backward(context, part.arrays, part.gradients)
        calls = {phase: step for phase, steps in passes.items() for step in steps if isinstance(step, Call)}
        for call in calls.values():
            call.resize(len(self._inputs.A_prev))
        return calls

    def results(self, phase: str, run: Run) -> dict[str, np.ndarray]:
        """The outputs of `run` for the problem's numbers: Z forward, dA, or dW and db."""
        arrays, gradients, count = self._part.arrays, self._part.gradients, len(self._inputs.A_prev)
        assert gradients is not None
        _fill(arrays.A_prev, self._inputs.A_prev)
        _fill(gradients.dA, self._inputs.dZ)
        for array in (arrays.A, gradients.dA_prev, self._plan.gradients):  # reveals unwritten values
            if phase == "forward" or array is not arrays.A:
                _values(array)[...] = np.nan
        run()
        got = {}
        if phase == "forward":
            got["Z"] = arrays.A.pictures(count)
        if "dA" in phase and gradients.dA_prev is not None:
            got["dA"] = gradients.dA_prev.pictures(count)
        if "dW" in phase:
            got |= {"dW": self._plan.gradient_views["conv1.W"], "db": self._plan.gradient_views["conv1.b"]}
        return {name: array.copy() for name, array in got.items()}


def error(got: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> float:
    """The largest difference, as a share of the largest number."""
    return max(_error(got[name].reshape(expected[name].shape), expected[name]) for name in got)


@dataclass(eq=False)
class _Learns(Layer):
    """Does nothing, but has a parameter."""

    def parameter_shapes(self, input_shape):
        return {"g": (1,)}

    def forward(self, A_prev, *, training=False, rng=None):
        return A_prev, None

    def backward(self, dZ, cache):
        return dZ, {"g": np.zeros(1, np.float32)}


@dataclass(eq=False)
class _Mean(Layer):
    """Connects the layer to the loss, and is not measured."""

    def output_shape(self, input_shape):
        return (1,)

    def forward(self, A_prev, *, training=False, rng=None):
        return A_prev[:, 0, 0, :1], A_prev.shape

    def backward(self, dZ, cache):
        return np.zeros(cache, np.float32), {}


def _together(steps: list) -> Run:
    if len(steps) == 1:
        return steps[0]

    def run() -> None:
        for step in steps:
            step()

    return run


def _fill(array: Array, pictures: np.ndarray) -> None:
    """Write pictures (N, …) into an array of groups of L."""
    groups, numbers, L = array.values.shape
    padded = np.zeros((groups * L, numbers), np.float32)
    padded[: len(pictures)] = pictures.reshape(len(pictures), -1)
    array.values[...] = padded.reshape(groups, L, numbers).transpose(0, 2, 1)


def _values(array: Array | np.ndarray | None) -> np.ndarray:
    if array is None:
        return np.empty(0)
    return array if isinstance(array, np.ndarray) else array.values


def _error(got: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(got - expected).max() / np.abs(expected).max())
