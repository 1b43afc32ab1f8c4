"""Options that are no arrays: both engines refuse wrong ones, in the same words."""

from inspect import signature

import numpy as np
import pytest

import fovea
from fovea import filters
from fovea import functional as F
from fovea.errors import ShapeError
from fovea.geometry.sampling import padded
from fovea.ranges import short

BOTH = fovea.engine.NAMES if fovea.engine.available() else ["reference"]


def ones(*shape):
    return np.ones(shape, np.float32)


A, W, V, Z = ones(2, 4, 4, 4), ones(3, 3, 4, 4), ones(4), ones(3, 4)
AXIS = padded(4, 0, 0, "constant")
PICTURE = np.arange(144, dtype=np.uint8).reshape(12, 12)

# A value for every argument by its name; where operations differ, by theirs.
USUAL = {
    "A_prev": A, "Z": Z, "A": Z, "dA": Z, "dZ": A, "W": W, "b": V, "mean": V, "variance": V, "gamma": V,
    "beta": V, "w": V, "dw": V, "velocity": V, "m": V, "v": V, "rows": AXIS, "columns": AXIS,
    "labels": np.arange(3),
    "matrices": ones(1, 2, 3), "pictures": np.ones((1, 4, 4, 3), np.uint8), "image": PICTURE,
    "size": 2, "factor": 2, "block": 2, "order": (0, 1, 2, 3), "channels": 4, "out_size": 3, "groups": 2,
    "padding": (0, 0, 0, 0), "rate": 0.1, "momentum": 0.0, "weight_decay": 0.0, "beta1": 0.9, "beta2": 0.99,
    "epsilon": 1e-5, "step": 1, "kernel": ones(3, 3),
}  # fmt: skip
OWN = {
    "conv2d": {"groups": 1},
    "conv2d_backward": {"dZ": ones(2, 4, 4, 4), "padding": 1, "groups": 1},
    "conv2d_transpose": {"groups": 1},
    "conv2d_transpose_backward": {"dZ": ones(2, 6, 6, 4), "groups": 1},
    "max_pool2d_backward": {"dA": ones(2, 2, 2, 4)},
    "average_pool2d_backward": {"dA": ones(2, 2, 2, 4)},
    "softplus": {"beta": 1.0},
    "softplus_backward": {"beta": 1.0},
    "take_channels_backward": {"dA": A},
    "upsample2d_backward": {"dA": A},
    "pad2d_backward": {"dA": A, "size": (4, 4)},
    "resize2d_backward": {"dA": A},
}
ARRAYS = (np.ndarray, type(AXIS))
WRONG = [
    "a", "1", b"x", {}, 1j, np.nan, np.inf, -np.inf, 10**400, (), (1, 2, 3), [None], [1.5, "a"],
    [[1], [1, 2]], np.array([1.5]), object,
]  # fmt: skip


def options():
    """(operation, its arguments, the name of an option)."""
    for module in (F, filters):
        for name, operation in vars(module).items():
            if not callable(operation) or getattr(operation, "__module__", "").split(".")[:2] != [
                "fovea",
                module.__name__.split(".")[1],
            ]:
                continue
            named = dict(signature(operation).parameters)
            if named.pop("options", None):
                named |= dict.fromkeys(("convention", "mode", "cval"))
            usual = USUAL | OWN.get(name, {})
            given = {key: usual[key] for key in named if key in usual}
            required = {k for k, p in named.items() if p is not None and p.default is p.empty}
            if required <= set(given):
                for key in named:
                    if not isinstance(usual.get(key), ARRAYS) and key not in ("weights", "order"):
                        yield pytest.param(operation, given, key, id=f"{name}-{key}")


OPTIONS = list(options())


def test_the_sweep_finds_the_options_of_most_operations():
    assert len(OPTIONS) > 140
    found = {f"{o.values[0].__name__} {o.values[2]}" for o in OPTIONS}
    assert {"sgd rate", "adam step", "average_pool2d count_include_pad", "canny low", "pad2d value"} <= found


def refusal(engine, operation, given, option, value):
    arguments = {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in given.items()}
    with fovea.engine(engine), pytest.raises(ShapeError) as error:
        operation(**arguments | {option: value})
    return str(error.value)


@pytest.mark.parametrize(("operation", "given", "option"), OPTIONS)
def test_engines_refuse_wrong_options_in_the_same_words(operation, given, option):
    for value in WRONG:
        words = {refusal(name, operation, given, option, value) for name in BOTH}
        assert len(words) == 1, (short(value), words)
        assert ": expected " in words.pop(), short(value)
