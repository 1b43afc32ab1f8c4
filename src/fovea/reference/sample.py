"""Sampling by a table for rows and one for columns: padding, cropping, resizing.

    A[y, x] = Σ_s Σ_t row_share[y, s] · column_share[x, t] · A_prev[row[y, s], column[x, t]]               (1)

A term with share 0 does not count, even if it is NaN. A pixel without a row or a column is `fill`. The
gradient is the same operation with the tables transposed (`fovea.geometry.sampling`).
"""

import numpy as np

from fovea import arguments
from fovea.arguments import Volume
from fovea.geometry.sampling import Axis
from fovea.reference.quiet import quietly


@quietly
def sample2d(A_prev: Volume, rows: Axis, columns: Axis, fill: float = 0.0) -> Volume:
    """A (N, n_out of rows, n_out of columns, C) from A_prev (N, n of rows, n of columns, C): each new pixel
    is a weighted sum of old ones, by the tables of `fovea.geometry.sampling`, or `fill` if they name none."""
    fill = arguments.sampled(A_prev, (rows.n, columns.n), fill)
    A = A_prev
    for axis, table in ((1, rows), (2, columns)):
        terms = []
        for pixel, share in zip(table.pixels.T, table.shares.T.astype(A.dtype), strict=True):
            weight = share.reshape([-1 if a == axis else 1 for a in range(4)])
            terms.append(np.where(weight != 0, weight * A.take(np.maximum(pixel, 0), axis), A.dtype.type(0)))
        A = sum(terms[1:], terms[0])  # (1)
    if fill:
        A[:, rows.pixels[:, 0] < 0] = fill
        A[:, :, columns.pixels[:, 0] < 0] = fill
    return A
