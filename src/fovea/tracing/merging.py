"""The layers that merge several inputs."""

from dataclasses import replace

import numpy as np

from fovea.reference.quiet import quietly
from fovea.tracing.steps import Factor, Passed, Sum, Tracer

At = tuple[int, ...]


def _add(passed: Passed, at: At) -> Sum:
    if len({A.ndim for A in passed.A_prev}) > 1:  # their positions do not fit into one array
        values = np.array([A[_source(A, at)] for A in passed.A_prev])
        return passed.sum("Z", at, passed.Z, "Σ A_prev", Factor("A_prev", values))
    positions = [(number, *_source(A, at)) for number, A in enumerate(passed.A_prev)]
    values = np.array([passed.A_prev[number][tuple(position)] for number, *position in positions])
    return passed.sum("Z", at, passed.Z, "Σ A_prev", Factor("A_prev", values, np.array(positions)))


def _add_input(passed: Passed, at: At) -> Sum:
    return _summed_dZ(passed, at, "Σ dZ", None)


def _multiply(passed: Passed, at: At) -> Sum:
    first, *others = ((number, A, _source(A, at)) for number, A in enumerate(passed.A_prev))
    number, A, position = first
    left = Factor("A_prev", np.asarray(A[position]), np.array((number, *position)))
    product = np.asarray(np.prod([np.float64(B[position]) for _, B, position in others]))
    right = Factor("Π others", product)
    if len(others) == 1:
        ((number, _, position),) = others
        right = Factor("A_prev", product, np.array((number, *position)))
    return passed.sum("Z", at, passed.Z, "Π A_prev", left, right)


def _multiply_input(passed: Passed, at: At) -> Sum:
    others = [A for number, A in enumerate(passed.A_prev) if number != at[0]]
    product = np.ones(passed.Z.shape)
    for A in others:
        product = product * A
    return _summed_dZ(passed, at, "Σ dZ · others", product)


def _source(A: np.ndarray, at: At) -> At:
    """The position in A, which broadcasts, of the value behind the output at `at`."""
    return tuple(0 if n == 1 else i for n, i in zip(A.shape, at[len(at) - A.ndim :], strict=True))


@quietly
def _summed_dZ(passed: Passed, at: At, rule: str, others: np.ndarray | None) -> Sum:
    """The gradient of an input's value: the sum over the outputs that it was broadcast to."""
    number, *position = at
    A, shape = passed.A_prev[number], passed.Z.shape
    missing = len(shape) - A.ndim
    aligned = zip((*(1,) * missing, *A.shape), (*(0,) * missing, *position), strict=True)
    outputs = tuple(slice(None) if n == 1 else slice(i, i + 1) for n, i in aligned)
    positions = np.moveaxis(np.indices(shape)[(slice(None), *outputs)], 0, -1).reshape(-1, len(shape))
    dZ = passed.dZ[outputs].reshape(-1)
    right = None if others is None else Factor("others", others[outputs].reshape(-1))
    if len(dZ) == 1:
        dZ, positions = dZ.reshape(()), positions[0]
        right = right and Factor(right.name, right.values.reshape(()))
        rule = rule.removeprefix("Σ ")
    step = passed.sum("dA_prev", at[1:], passed.dA_prev[number], rule, Factor("dZ", dZ, positions), right)
    return replace(step, at=at)


def _concat(passed: Passed, at: At) -> Sum:
    (*pixel, channel), number = at, 0
    while channel >= passed.A_prev[number].shape[-1]:
        channel -= passed.A_prev[number].shape[-1]
        number += 1
    position = (*pixel, channel)
    left = Factor("A_prev", np.asarray(passed.A_prev[number][position]), np.array((number, *position)))
    return passed.sum("Z", at, passed.Z, "A_prev", left)


def _concat_input(passed: Passed, at: At) -> Sum:
    number, *pixel, channel = at
    before = sum(A.shape[-1] for A in passed.A_prev[:number])
    position = (*pixel, before + channel)
    left = Factor("dZ", np.asarray(passed.dZ[position]), np.array(position))
    return replace(passed.sum("dA_prev", at[1:], passed.dA_prev[number], "dZ", left), at=at)


ADD = Tracer(_add, _add_input)
MULTIPLY = Tracer(_multiply, _multiply_input)
CONCAT = Tracer(_concat, _concat_input)
