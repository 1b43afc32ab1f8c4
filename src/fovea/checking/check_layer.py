"""The check that every layer passes, Fovea's own and yours: `fovea.check_layer(layer, input_shape)`.

A random R in the output's shape defines a loss L = Σ R · Z. Then dZ = R, and in float64 on the reference
engine, for each input value and parameter x,

    dx = (L(x + h) − L(x − h)) / 2h + O(h²)                                                               (1)

and if Z is linear, also at real sizes, with rounding as the only error, since there is no h,

    Σ R · (Z(A) − Z(0)) = Σ A · dA        in the input                                                    (2)
    Σ R · Z             = Σ_p p · dp      in all parameters together                                      (3)

Then each engine, in float32, is compared with float64. All inputs differ from each other and from 0 by more
than 2h, so that no maximum is tied and no ReLU is at its kink.

The rest of the contract is checked as well: shapes, precision, no state between calls, unchanged inputs, any
strides in memory, and every output value written (memory is filled with NaN before).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from fovea import engine
from fovea.checking.trial import VIEWS, CheckFailed, Trial, error_of, poisoned_memory, scale_of
from fovea.errors import mismatch
from fovea.layers.base import Gradients, Layer
from fovea.network import architecture
from fovea.network.graph import Node

__all__ = ["CheckFailed", "check_layer"]

STEP = 1e-5  # h: truncation and rounding errors of (1) are then both about 1e-10
DIFFERENCES = 1e-6  # bounds on max|x − ref| / max|ref|
ROUNDING = 1e-10
FORWARD = 1e-5
GRADIENTS = 1e-4


def check_layer(
    layer: Layer,
    input_shape: Any,
    *,
    real_shape: Any = None,
    batch: int = 3,
    seed: int = 0,
    engines: tuple[str, ...] | None = None,
    samples: int = 40,
) -> None:
    """Check `layer`, which is not changed, on inputs of `input_shape` = (H, W, C) or (n,), or a tuple of such
    shapes for a layer that merges.

    A small `input_shape` is fast: (1) is computed at `samples` values of each array and along one direction
    through all values. `real_shape`, by default the same, is for (2) and (3). `engines` are those to compare
    with float64, by default all that are installed. Raises CheckFailed, an AssertionError, which names the
    layer, the array and its error; and ShapeError if the layer does not accept such an input.
    """
    if engines is None:
        engines = ("reference", "halide") if engine.available() else ("reference",)
    architecture.from_json(architecture.to_json([Node(layer)], ()))
    for training in (False, True):
        rng = np.random.default_rng(seed)
        with engine.use("reference"):
            exact = Trial.of(layer, input_shape, batch, training, rng)
            _check_contract(exact, ROUNDING, ROUNDING)
            _check_differences(exact, samples, rng)
            _check_adjoint(Trial.of(layer, real_shape or input_shape, batch, training, rng))
        for name in engines:
            with engine.use("reference"):
                result = exact.run()
            with engine.use(name):
                trial = exact.in_float32(f"{exact.who} on {name}")
                _compare(trial, trial.run(), result, "float64", FORWARD, GRADIENTS)
                _check_contract(trial, FORWARD, GRADIENTS)


def _check_contract(trial: Trial, forward: float, gradients: float) -> None:
    """Check everything but the numbers themselves; `forward` and `gradients` bound differences by
    rounding."""
    inputs = {"dZ": trial.dZ, **trial.variables, **{f"d{k}": s for k, s in trial.layer.statistics.items()}}
    before = {name: array.copy() for name, array in inputs.items()}
    with np.errstate(all="ignore"):
        trial.run_on(lambda array: np.full_like(array, np.nan))
    with poisoned_memory():
        result = trial.run()
    shapes = {"Z": trial.dZ.shape} | {name: array.shape for name, array in trial.variables.items()}
    shapes |= {f"new {name}": array.shape for name, array in trial.layer.statistics.items()}
    for name, array in result.items():
        if array.shape != shapes[name] or array.dtype != trial.dZ.dtype:
            expected, got = f"{trial.dZ.dtype} {shapes[name]}", f"{array.dtype} {array.shape}"
            raise CheckFailed(mismatch(f"{trial.who}: {name}", expected, got))
        if not np.isfinite(array).all():
            place = tuple(map(int, np.argwhere(~np.isfinite(array))[0]))
            got = f"{array[place]} at {place}"
            raise CheckFailed(mismatch(f"{trial.who}: {name}", "every value to be written", got))
    for name, array in inputs.items():
        if not np.array_equal(array, before[name]):
            changed = "dZ" if name == "dZ" else name[1:]
            raise CheckFailed(mismatch(f"{trial.who}: {changed}", "unchanged values", "changed ones"))

    Z, cache = trial.forward(*trial.inputs)
    trial.run_on(lambda array: -array[::-1])
    again = {"Z": Z} | trial.back(trial.dZ, cache) | trial.learned(cache)
    _compare(trial, again, result, "the same call, with another between its two passes", forward, gradients)

    for layout, view in VIEWS.items():
        viewed = trial.run_on(view)
        _compare(trial, viewed, result, f"contiguous arrays, with arrays {layout}", forward, gradients)

    if not trial.training:
        alone = {"Z": trial.forward(*(A[:1] for A in trial.inputs))[0]}
        _compare(trial, alone, {"Z": result["Z"][:1]}, "the same image in a batch", forward, gradients)


def _check_differences(trial: Trial, samples: int, rng: np.random.Generator) -> None:
    """Check (1), one value at a time and all together along a random direction."""

    def loss() -> float:
        return float(np.vdot(trial.dZ, trial.forward(*trial.inputs)[0]))

    def slope(x: np.ndarray, direction: np.ndarray | float, at: Any = ...) -> float:
        start = x.copy()
        x[at] = start[at] + STEP * direction
        after = loss()
        x[at] = start[at] - STEP * direction
        before = loss()
        x[...] = start
        return (after - before) / (2 * STEP)  # (1)

    result = trial.run()
    for name, x in trial.variables.items():
        dx = result[name]
        chosen = rng.choice(x.size, min(samples, x.size), replace=False)
        positions = [tuple(map(int, np.unravel_index(i, x.shape))) for i in chosen]
        slopes = np.array([slope(x, 1.0, position) for position in positions])
        gradients = np.array([dx[position] for position in positions])
        scale = max(scale_of(dx), scale_of(slopes))
        errors = np.abs(slopes - gradients) / scale
        if not errors.max() <= DIFFERENCES:
            worst = int(np.argmax(errors))
            raise CheckFailed(
                mismatch(
                    f"{trial.who}: {name}{list(positions[worst])}",
                    f"{slopes[worst]:.6g} by central differences",
                    f"{gradients[worst]:.6g}",
                    f"an error of {errors[worst]:.1e}, above {DIFFERENCES:.0e}",
                )
            )
        v = rng.choice([-1.0, 1.0], x.shape)
        error = abs(slope(x, v) - np.vdot(dx, v)) / max(np.linalg.norm(dx), scale_of(dx))
        if not error <= DIFFERENCES:
            expected = f"central differences along a random direction within {DIFFERENCES:.0e}"
            raise CheckFailed(mismatch(f"{trial.who}: {name}", expected, f"an error of {error:.1e}"))


def _check_adjoint(trial: Trial) -> None:
    """Check (2) and (3), each if Z is linear in it."""
    inputs, dZ = trial.inputs, trial.dZ
    result = trial.run()

    def Z_of(change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        return trial.forward(*map(change, inputs))[0]

    # Z is linear up to a constant if Z(A − 2B) − Z(0) = (Z(A) − Z(0)) − 2 (Z(B) − Z(0)); B is A[::-1]².
    Z, Z_0, Z_B = result["Z"], Z_of(lambda A: 0 * A), Z_of(lambda A: A[::-1] ** 2)
    if error_of(Z_of(lambda A: A - 2 * A[::-1] ** 2) - Z_0, Z + 2 * Z_0 - 2 * Z_B - Z_0) <= ROUNDING:
        pairs = [(A, result[name]) for name, A in zip(trial.variables, inputs, strict=False)]
        size = sum(np.linalg.norm(A) * np.linalg.norm(dA) for A, dA in pairs)
        size += np.linalg.norm(dZ) * np.linalg.norm(Z)
        product = sum(np.vdot(A, dA) for A, dA in pairs)
        _same_number(trial, "dA_prev", np.vdot(dZ, Z - Z_0), product, size)  # (2)

    parameters = trial.layer.parameters.values()
    if not parameters:
        return
    for p in parameters:
        p *= -2
    linear = error_of(Z_of(lambda A: A), -2 * Z) <= ROUNDING
    for p in parameters:
        p /= -2
    if linear:
        terms = [(p, result[f"d{name}"]) for name, p in trial.layer.parameters.items()]
        size = sum(np.linalg.norm(p) * np.linalg.norm(dp) for p, dp in terms)
        product = sum(np.vdot(p, dp) for p, dp in terms)
        _same_number(trial, "the parameters' gradients", np.vdot(dZ, Z), product, size)  # (3)


def _same_number(trial: Trial, name: str, expected: Any, got: Any, size: Any) -> None:
    if not abs(expected - got) <= ROUNDING * max(size, 0.01):
        who = f"{trial.who}: {name}"
        raise CheckFailed(mismatch(who, f"the adjoint's product {expected:.9g}", f"{got:.9g}"))


def _compare(
    trial: Trial, result: Gradients, reference: Gradients, of: str, forward: float, gradients: float
) -> None:
    for name, expected in reference.items():
        bound = forward if name == "Z" else gradients
        error = error_of(result[name], expected)
        if not error <= bound:
            who = f"{trial.who}: {name}"
            raise CheckFailed(
                mismatch(who, f"the values of {of} within {bound:.0e}", f"an error of {error:.1e}")
            )
