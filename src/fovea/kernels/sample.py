"""Sampling by tables, NHWC; the pipeline is in pipelines/sample.py."""

from ctypes import c_float
from typing import Any

import numpy as np

from fovea import arguments
from fovea.geometry.sampling import Axis
from fovea.kernels import buffers, tiles
from fovea.kernels.call import run


def sample2d(A_prev, rows: Axis, columns: Axis, fill: float = 0.0) -> np.ndarray:
    """As `fovea.reference.sample2d`."""
    fill = arguments.sampled(A_prev, (rows.n, columns.n), fill)
    arguments.float32("sample2d", A_prev=A_prev)
    N, _, _, C = A_prev.shape
    A = buffers.empty((N, rows.n_out, columns.n_out, C))
    if A.size:
        inputs = {"A_prev": A_prev[..., None], **tables(rows, columns), "fill": c_float(fill)}
        settings = {**specialised(rows, columns), "channels": C, "lanes": 1, "vector": tiles.vector()}
        run("sample.sample", inputs, {"A": A[..., None]}, **settings)
    return A


def tables(rows: Axis, columns: Axis) -> dict[str, np.ndarray]:
    """Pixels and shares of both axes, as the kernel's inputs."""
    return {
        "rows": buffers.copy(rows.pixels, np.int32),
        "row_shares": buffers.copy(rows.shares, np.float32),
        "columns": buffers.copy(columns.pixels, np.int32),
        "column_shares": buffers.copy(columns.shares, np.float32),
    }


def specialised(rows: Axis, columns: Axis) -> dict[str, Any]:
    """The sizes of the tables, to which a kernel is specialised."""
    return {
        "size": (rows.n, columns.n),
        "output": (rows.n_out, columns.n_out),
        "terms": (rows.pixels.shape[1], columns.pixels.shape[1]),
    }
