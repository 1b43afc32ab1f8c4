"""Pooling of NHWC arrays; the pipelines are in pipelines/pool.py."""

from collections.abc import Callable
from dataclasses import astuple
from inspect import signature
from typing import Any

import numpy as np

from fovea import arguments, reference
from fovea.kernels import buffers, tiles
from fovea.kernels.call import run


def _pooling(
    formula: Callable[..., np.ndarray], operation: str, *reads: str, dtype: type = np.float32
) -> Callable[..., np.ndarray]:
    """`formula` of `fovea.reference`, with its signature, by the kernel of `operation`, which reads these of
    its arrays."""
    who, shown = formula.__name__, signature(formula)
    result = "dA_prev" if "dA" in shown.parameters else "A"

    def pool(*given: Any, **named: Any) -> np.ndarray:
        bound = shown.bind(*given, **named)
        bound.apply_defaults()
        how = bound.arguments
        window = arguments.pool(**how, who=who)
        arrays = {name: how[name] for name in reads}
        arguments.float32(who, **arrays)
        N, _, _, C = how["A_prev"].shape
        outcome = buffers.empty((N, *(window.input if "dA" in how else window.output), C), dtype)
        if N:
            more = {"window": astuple(window), "channels": C, "lanes": 1, "vector": tiles.vector()}
            if "count_include_pad" in how:
                more["count_include_pad"] = bool(how["count_include_pad"]) and any(window.pads)
            inputs = {name: array[..., None] for name, array in arrays.items()}
            run(operation, inputs, {result: outcome[..., None]}, **more)
        return outcome

    vars(pool)["__signature__"] = shown  # what inspect.signature answers
    return pool


max_pool2d = _pooling(reference.max_pool2d, "pool.maximum", "A_prev")
max_pool2d_backward = _pooling(reference.max_pool2d_backward, "pool.maximum_backward", "dA", "A_prev")
max_pool2d_indices = _pooling(reference.max_pool2d_indices, "pool.indices", "A_prev", dtype=np.int32)
average_pool2d = _pooling(reference.average_pool2d, "pool.average", "A_prev")
average_pool2d_backward = _pooling(reference.average_pool2d_backward, "pool.average_backward", "dA")
