"""The layers that merge several inputs."""

from dataclasses import replace

import numpy as np

from fovea.reference.quiet import quietly
from fovea.tracing.steps import Factor, Passed, Sum, Tracer

At = tuple[int, ...]


def _add(passed: Passed, at: At) -> Sum:
    if len({A.ndim for A in passed.A_prev}) > 1:  # places of as many axes, all in one array
        values = np.array([A[_own(A, at)] for A in passed.A_prev])
        return passed.sum("Z", at, passed.Z, "Σ A_prev", Factor("A_prev", values))
    places = [(number, *_own(A, at)) for number, A in enumerate(passed.A_prev)]
    values = np.array([passed.A_prev[number][tuple(place)] for number, *place in places])
    return passed.sum("Z", at, passed.Z, "Σ A_prev", Factor("A_prev", values, np.array(places)))


def _add_input(passed: Passed, at: At) -> Sum:
    return _gathered(passed, at, "Σ dZ", None)


def _multiply(passed: Passed, at: At) -> Sum:
    first, *others = ((number, A, _own(A, at)) for number, A in enumerate(passed.A_prev))
    number, A, place = first
    left = Factor("A_prev", np.asarray(A[place]), np.array((number, *place)))
    product = np.prod([np.float64(B[own]) for _, B, own in others])
    name, stands = "Π others", None
    if len(others) == 1:
        ((number, _, place),) = others
        name, stands = "A_prev", np.array((number, *place))
    return passed.sum("Z", at, passed.Z, "Π A_prev", left, Factor(name, np.asarray(product), stands))


def _multiply_input(passed: Passed, at: At) -> Sum:
    others = [A for number, A in enumerate(passed.A_prev) if number != at[0]]
    product = np.ones(passed.Z.shape)
    for A in others:
        product = product * A
    return _gathered(passed, at, "Σ dZ · others", product)


def _own(A: np.ndarray, at: At) -> At:
    """Where in A, which broadcasts, that of the output at `at` stands."""
    return tuple(0 if n == 1 else i for n, i in zip(A.shape, at[len(at) - A.ndim :], strict=True))


@quietly
def _gathered(passed: Passed, at: At, rule: str, others: np.ndarray | None) -> Sum:
    """The gradient of an input's value: that of all that it was merged into."""
    number, *place = at
    A = passed.A_prev[number]
    axes = passed.Z.shape
    own = (*(1,) * (len(axes) - A.ndim), *A.shape), (*(0,) * (len(axes) - A.ndim), *place)
    reached = tuple(slice(None) if n == 1 else slice(i, i + 1) for n, i in zip(*own, strict=True))
    places = np.moveaxis(np.indices(axes)[(slice(None), *reached)], 0, -1).reshape(-1, len(axes))
    dZ = passed.dZ[reached].reshape(-1)
    right = None if others is None else Factor("others", others[reached].reshape(-1))
    if len(dZ) == 1:
        dZ, places = dZ.reshape(()), places[0]
        right = right and Factor(right.name, right.values.reshape(()))
        rule = rule.removeprefix("Σ ")
    step = passed.sum("dA_prev", at[1:], passed.dA_prev[number], rule, Factor("dZ", dZ, places), right)
    return replace(step, at=at)


def _concat(passed: Passed, at: At) -> Sum:
    (*pixel, channel), number = at, 0
    while channel >= passed.A_prev[number].shape[-1]:
        channel -= passed.A_prev[number].shape[-1]
        number += 1
    place = (*pixel, channel)
    left = Factor("A_prev", np.asarray(passed.A_prev[number][place]), np.array((number, *place)))
    return passed.sum("Z", at, passed.Z, "A_prev", left)


def _concat_input(passed: Passed, at: At) -> Sum:
    number, *pixel, channel = at
    before = sum(A.shape[-1] for A in passed.A_prev[:number])
    return _taken(passed, at, (*pixel, before + channel))


def _taken(passed: Passed, at: At, place: At) -> Sum:
    """The gradient of an input's value, which is that of the output at `place`."""
    step = passed.sum(
        "dA_prev",
        at[1:],
        passed.dA_prev[at[0]],
        "dZ",
        Factor("dZ", np.asarray(passed.dZ[place]), np.array(place)),
    )
    return replace(step, at=at)


ADD = Tracer(_add, _add_input)
MULTIPLY = Tracer(_multiply, _multiply_input)
CONCAT = Tracer(_concat, _concat_input)
