"""The input of all filters: a picture of any size, extended beyond its border.

A row is one run of W·C numbers, so that grey and colour use one kernel: the neighbour of a number is C
numbers further. Positions count from the first one that a filter reads: position (q, y) is number columns[q]
of the picture's row rows[y]. Inside the picture, columns[q] = q − lead, and a separate loop reads rows
directly.
"""

import halide as hl

from fovea.kernels.constants import MIN_FILTER_ROW

TYPES = {
    "uint8": hl.UInt(8),
    "int16": hl.Int(16),
    "uint16": hl.UInt(16),
    "int32": hl.Int(32),
    "uint32": hl.UInt(32),
    "uint64": hl.UInt(64),
    "float32": hl.Float(32),
    "float64": hl.Float(64),
}
SHIFT, GUARD, ROUND = hl.TailStrategy.ShiftInwards, hl.TailStrategy.GuardWithIf, hl.TailStrategy.RoundUp


class Bordered:
    """bordered(q, y) is the number at a position. `step` is C."""

    def __init__(self, dtype: str) -> None:
        self.image = plane("image", dtype)
        self.rows, self.columns = run("rows", "int32"), run("columns", "int32")
        self.lead, self.step = hl.Param(hl.Int(32), "lead"), hl.Param(hl.Int(32), "step")

    def arguments(self, *weights: hl.ImageParam) -> list:
        """All of a filter's arrays and the picture's numbers; the filter's own numbers follow."""
        return [self.image, self.rows, self.columns, *weights, self.lead, self.step]

    def __call__(self, q: hl.Expr, y: hl.Expr) -> hl.Expr:
        width, height = self.image.dim(0).extent(), self.image.dim(1).extent()
        outside = (q < self.lead) | (q >= self.lead + width)
        beyond = hl.clamp(self.columns[hl.clamp(q, 0, self.columns.dim(0).extent() - 1)], 0, width - 1)
        inside = hl.likely(hl.clamp(hl.likely(q - self.lead), 0, width - 1))
        row = hl.clamp(self.rows[hl.clamp(y, 0, self.rows.dim(0).extent() - 1)], 0, height - 1)
        return self.image[hl.select(outside, beyond, inside), row]


def plane(name: str, dtype: str) -> hl.ImageParam:
    """A dense array argument [q, y] whose extents are known at run time."""
    image = hl.ImageParam(TYPES[dtype], 2, name)
    image.dim(0).set_min(0).set_stride(1)
    image.dim(1).set_min(0)
    return image


def run(name: str, dtype: str) -> hl.ImageParam:
    """A dense array argument of one dimension, whose length is known at run time."""
    image = hl.ImageParam(TYPES[dtype], 1, name)
    image.dim(0).set_min(0).set_stride(1)
    return image


def lanes(dtype: str, vector: int) -> int:
    """Numbers of `dtype` in a vector register, which holds `vector` float32."""
    return vector * 32 // TYPES[dtype].bits()


def is_real(dtype: str) -> bool:
    return dtype.startswith("float")


def strips(out: hl.Func, rows: int) -> tuple[hl.Var, hl.Var]:
    """Divide the result [q, y] into strips of rows, one task each; returns (strip, row in it)."""
    y, strip, row = (hl.Var(name) for name in ("y", "strip", "row"))
    first, *others = out.output_buffers()
    first.dim(0).set_min(0).set_stride(1)
    first.dim(1).set_min(0)
    for other in others:
        other.dim(0).set_stride(1)
    out.split(y, strip, row, rows, GUARD).parallel(strip)
    return strip, row


def blocks(func: hl.Func, vectors: int, count: int) -> hl.Var:
    """Divide rows into blocks of `vectors` vectors of `count` numbers; returns the loop over blocks.

    The last block is moved back to end with the row: masked loads and stores would require aligned memory. So
    a row must have at least MIN_FILTER_ROW numbers.
    """
    assert vectors * count <= MIN_FILTER_ROW
    q, block, within = (hl.Var(name) for name in ("q", "block", "within"))
    func.split(q, block, within, vectors * count, SHIFT).vectorize(within, count)
    if vectors > 1:
        func.unroll(within)
    return block
