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
    """`formula` of `fovea.reference`, with its signature, by the kernel `operation`, which reads the arrays
    `reads`."""
    who, shown = formula.__name__, signature(formula)
    result = "dA_prev" if "dA" in shown.parameters else "A"

    def pool(*given: Any, **named: Any) -> np.ndarray:
        bound = shown.bind(*given, **named)
        bound.apply_defaults()
        passed = bound.arguments
        window = arguments.pool(**passed, who=who)
        arrays = {name: passed[name] for name in reads}
        arguments.float32(who, **arrays)
        N, _, _, C = passed["A_prev"].shape
        output = buffers.empty((N, *(window.input if "dA" in passed else window.output), C), dtype)
        if N:
            more = {"window": astuple(window), "channels": C, "lanes": 1, "vector": tiles.vector()}
            if "count_include_pad" in passed:
                more["count_include_pad"] = bool(passed["count_include_pad"]) and any(window.pads)
            inputs = {name: array[..., None] for name, array in arrays.items()}
            run(operation, inputs, {result: output[..., None]}, **more)
        return output

    vars(pool)["__signature__"] = shown  # for inspect.signature
    return pool


max_pool2d = _pooling(reference.max_pool2d, "pool.maximum", "A_prev")
max_pool2d_backward = _pooling(reference.max_pool2d_backward, "pool.maximum_backward", "dA", "A_prev")
max_pool2d_indices = _pooling(reference.max_pool2d_indices, "pool.indices", "A_prev", dtype=np.int32)
average_pool2d = _pooling(reference.average_pool2d, "pool.average", "A_prev")
average_pool2d_backward = _pooling(reference.average_pool2d_backward, "pool.average_backward", "dA")
