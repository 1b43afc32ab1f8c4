"""The layers that merge several inputs."""

from dataclasses import replace

import numpy as np

from fovea.tracing.steps import Factor, Passed, Sum, Tracer

At = tuple[int, ...]


def _add(passed: Passed, at: At) -> Sum:
    values = np.array([A[at] for A in passed.A_prev])
    places = np.array([(number, *at) for number in range(len(values))])
    return passed.sum("Z", at, passed.Z, "Σ A_prev", Factor("A_prev", values, places))


def _add_input(passed: Passed, at: At) -> Sum:
    return _taken(passed, at, at[1:])


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
CONCAT = Tracer(_concat, _concat_input)
